/** Finds which inputs without a node's name are of the same node, or of a named one. */
import { addressesOf } from './node-addresses.js';
import { NodeFacts } from './node-facts.js';

/** Words of file names that say what an output is, and not whose. */
const KIND_WORDS =
  /^(?:xfrm|state|states|policy|policies|stat|xfrm_stat|fdb|bridge|neigh|neighbours|neighbors|arp|link|links|addr|ip|ethtool|iptables|ip6tables|nft|firewall|conntrack|ipvs|ipvsadm|network|networks|inspect|docker|service|services|info|version|log|dockerd|dmesg|kernel|journal|status|config|output|dump|all|verbose|txt|json|log|out|yaml|yml|collect|save|gz|ns|netns|host|namespace)$/i;

/**
 * Joins the facts of inputs that belong together.
 * @param named facts of nodes that the user, a script or the outputs name
 * @param unnamed facts of files that nothing names
 * @returns the facts of each node; those whose node is unknown have an empty name
 */
export function matchedNodes(named: readonly NodeFacts[], unnamed: readonly NodeFacts[]): NodeFacts[] {
  const rest: NodeFacts[] = [];
  const owners = new Map<string, NodeFacts | undefined>();
  for (const node of named) {
    // An address of two nodes identifies neither.
    for (const address of addressesOf(node)) owners.set(address, owners.has(address) ? undefined : node);
  }
  for (const facts of unnamed) {
    const found = new Set(addressesOf(facts).flatMap((address) => owners.get(address) ?? []));
    const [owner] = found;
    if (found.size === 1) owner.merge(facts);
    else rest.push(facts);
  }
  return [...named, ...joinedByName(rest, named.length === 0)];
}

/** Joins files whose names begin alike, such as `node1.fdb.txt` and `node1.neigh.txt`. */
function joinedByName(files: readonly NodeFacts[], mayBeOne: boolean): NodeFacts[] {
  const stems = new Map<string, NodeFacts[]>();
  for (const facts of files) {
    const stem = stemOf([...facts.files][0] ?? '');
    const group = stems.get(stem) ?? [];
    stems.set(stem, group);
    group.push(facts);
  }
  const joined: NodeFacts[] = [];
  const alone: NodeFacts[] = [];
  for (const [stem, group] of stems) {
    if (stem === '' || group.length === 1) {
      alone.push(...group);
      continue;
    }
    const node = new NodeFacts(stem);
    for (const facts of group) node.merge(facts);
    joined.push(node);
  }
  // Where some files are named after their nodes, the others are, too.
  if (joined.length > 0) {
    for (const [stem, group] of stems) {
      if (stem === '' || group.length > 1) continue;
      const node = new NodeFacts(stem);
      node.merge(group[0]);
      joined.push(node);
    }
    return [...joined, ...(stems.get('') ?? [])];
  }
  // One node's outputs in several files: none is there twice, and none has another node's address.
  if (!mayBeOne || alone.length < 2 || !areOfOne(alone)) return alone;
  const node = new NodeFacts('');
  for (const facts of alone) node.merge(facts);
  return [node];
}

/**
 * What a file's name has before the words that say what it holds, or after them: `node1` of `node1.fdb.txt` and of
 * `fdb-node1.txt`; empty if it has nothing.
 */
function stemOf(file: string): string {
  const name = file.slice(file.lastIndexOf('/') + 1).slice(0, 200);
  const parts = [...name.matchAll(/[^._\- ]+/g)].map(({ 0: text, index }) => ({
    text,
    index,
    isKind: KIND_WORDS.test(text),
  }));
  const first = parts.findIndex(({ isKind }) => !isKind);
  if (first < 0) return '';
  const end = parts.findIndex(({ isKind }, i) => i > first && isKind);
  // Without a word of either sort, the name says nothing about what is in it, and may say anything else.
  if (end < 0) return '';
  const last = parts[end - 1];
  return name.slice(parts[first].index, last.index + last.text.length);
}

function areOfOne(files: readonly NodeFacts[]): boolean {
  const kinds = new Set<string>();
  const known: (readonly string[])[] = [];
  for (const facts of files) {
    for (const kind of facts.has) {
      if (kinds.has(kind)) return false;
      kinds.add(kind);
    }
    const addresses = addressesOf(facts);
    if (addresses.length > 0) known.push(addresses);
  }
  return known.every((one) => known.every((other) => one.some((address) => other.includes(address))));
}
