/** Finds which inputs without a node's name are of the same node, or of a named one. */
import { addressesOf, ownAddressesOf } from './node-addresses.js';
import { NodeFacts } from './node-facts.js';

/** Words of file names that say what an output is, and not whose. */
const KIND_WORDS =
  /^(?:xfrm|state|states|policy|policies|stat|xfrm_stat|fdb|bridge|neigh|neighbours|neighbors|arp|link|links|addr|ip|ethtool|iptables|ip6tables|nft|firewall|conntrack|ipvs|ipvsadm|network|networks|inspect|docker|service|services|info|version|log|dockerd|dmesg|kernel|journal|status|config|output|dump|all|verbose|txt|json|log|out|yaml|yml|collect|save|gz|ns|netns|host|namespace)$/i;

/**
 * Joins the facts of inputs that belong together.
 * @param parts the facts of each file, and of each node in it, in the order of the files
 * @param given names of nodes that the user gave
 * @returns the facts of each node; those whose node is unknown have an empty name
 */
export function matchedNodes(parts: readonly NodeFacts[], given: ReadonlySet<string>): NodeFacts[] {
  const named = withoutAliases(joinedByNode(parts, given), given);
  const unnamed = parts.filter(({ name }) => name === '');
  const rest: NodeFacts[] = [];
  const owners = ownersOf(named);
  const byName = new Map(named.map((node) => [node.name, node]));
  for (const facts of unnamed) {
    const owner = ownerOf(facts, owners) ?? byName.get(stemOf([...facts.files][0] ?? ''));
    if (owner !== undefined) owner.merge(facts);
    else rest.push(facts);
  }
  return [...named, ...joinedByName(rest, named.length === 0)];
}

/** One for each name. Hosts may have the same name, such as `localhost`: then their addresses differ. */
function joinedByNode(parts: readonly NodeFacts[], given: ReadonlySet<string>): NodeFacts[] {
  const nodes = new Map<string, NodeFacts[]>();
  for (const part of parts) {
    const { name } = part;
    if (name === '') continue;
    const same = nodes.get(name) ?? [];
    nodes.set(name, same);
    let node = same.find((one) => given.has(name) || !areDifferent(one, part));
    if (node === undefined) {
      const file = [...part.files][0] ?? '';
      node = new NodeFacts(same.length === 0 ? name : `${name} (${file.slice(file.lastIndexOf('/') + 1)})`);
      same.push(node);
    }
    node.merge(part);
  }
  return [...nodes.values()].flat();
}

function areDifferent(one: NodeFacts, other: NodeFacts): boolean {
  const [known, more] = [ownAddressesOf(one), ownAddressesOf(other)];
  return known.length > 0 && more.length > 0 && !known.some((address) => more.includes(address));
}

/** Without the nodes that the user gave another name than their own prompts and `docker info` do. */
function withoutAliases(nodes: readonly NodeFacts[], given: ReadonlySet<string>): NodeFacts[] {
  const owners = ownersOf(nodes.filter(({ name }) => given.has(name)));
  const aliases = new Map(nodes.flatMap((node) => node.list('engines').map(({ name }) => [name, node] as const)));
  return nodes.filter((node) => {
    if (given.has(node.name)) return true;
    const alias = aliases.get(node.name);
    const owner = alias !== undefined && alias !== node && given.has(alias.name) ? alias : ownerOf(node, owners);
    owner?.merge(node);
    return owner === undefined;
  });
}

/** Nodes by address; undefined for an address of two nodes, which identifies neither. */
function ownersOf(nodes: readonly NodeFacts[]): ReadonlyMap<string, NodeFacts | undefined> {
  const owners = new Map<string, NodeFacts | undefined>();
  for (const node of nodes) {
    for (const address of addressesOf(node)) owners.set(address, owners.has(address) ? undefined : node);
  }
  return owners;
}

/** The only node that has addresses of an input. */
function ownerOf(facts: NodeFacts, owners: ReadonlyMap<string, NodeFacts | undefined>): NodeFacts | undefined {
  const found = new Set(addressesOf(facts).flatMap((address) => owners.get(address) ?? []));
  return found.size === 1 ? [...found][0] : undefined;
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
  // Without a word of the sort, the name may say anything.
  if (end < 0 && first === 0) return '';
  const last = parts[(end < 0 ? parts.length : end) - 1];
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
