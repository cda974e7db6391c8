/** Networks as the nodes show them. */
import type { NetworkView } from '../evidence/docker.js';
import { type Evidence, InputKind, type NodeEvidence } from '../evidence/evidence.js';
import type { Placed } from '../evidence/place.js';
import { contains } from './addresses.js';

/** A network as one node shows it. */
export interface Seen extends Placed {
  readonly node: NodeEvidence;
  readonly view: NetworkView;
}

/** Whether the view tells the VNIs of the network. A manager knows those of networks that it doesn't use, too. */
export function hasVnis({ vnis, classic }: NetworkView): boolean {
  return vnis.length > 0 && !classic;
}

/** Whether the node has an endpoint on the network: otherwise it has no device, no rules and no peers for it. */
export function isInUse(view: NetworkView): boolean {
  return hasVnis(view) && (view.peers.length > 0 || view.endpoints.length > 0);
}

/** All views of all nodes. */
export function allViews({ nodes }: Evidence): readonly Seen[] {
  return nodes.flatMap((node) => node.networks.map((view) => ({ node, view, place: view.place })));
}

/** The views of each network: by id, or by name where a view has no id. */
export function viewsByNetwork(evidence: Evidence): readonly (readonly Seen[])[] {
  const groups: Seen[][] = [];
  const byId = new Map<string, Seen[]>();
  const byName = new Map<string, Seen[]>();
  for (const seen of allViews(evidence)) {
    const { id, name } = seen.view;
    let group = id === '' ? byName.get(name) : byId.get(id);
    // A view without an id belongs to the first network of its name.
    if (group === undefined && id !== '' && byName.get(name)?.[0].view.id === '') group = byName.get(name);
    if (group === undefined) {
      group = [];
      groups.push(group);
    }
    group.push(seen);
    if (id !== '') byId.set(id, group);
    if (!byName.has(name)) byName.set(name, group);
  }
  return groups;
}

/** The encrypted networks that a node uses. */
export function encryptedNetworks(node: NodeEvidence): readonly NetworkView[] {
  return node.networks.filter((view) => view.encrypted && isInUse(view));
}

/** Whether any node shows an encrypted network; undefined if no node shows its networks. */
export function hasEncryptedNetwork({ nodes }: Evidence): boolean | undefined {
  if (!nodes.some(({ has }) => has.has(InputKind.Networks))) return undefined;
  return nodes.some(({ networks }) => networks.some(({ encrypted }) => encrypted));
}

/** The network of a node that an inner address is in. */
export function networkOf(node: NodeEvidence, address: string): NetworkView | undefined {
  return node.networks.find(({ subnets }) => subnets.some((subnet) => contains(subnet, address)));
}

/** The id of the network with a VNI; undefined if no input has it. */
export function networkId({ nodes }: Evidence, vni: number): string | undefined {
  return nodes.flatMap(({ networks }) => networks).find(({ vnis, id }) => vnis.includes(vni) && id !== '')?.id;
}

/**
 * Whether traffic of a VNI is of another cluster than the inputs: every swarm begins with the same VNIs and subnets. It is, if
 * nodes with the VNI name their peers, and none of the VTEPs is one.
 */
export function isOfOtherCluster({ nodes }: Evidence, vni: number, ...vteps: readonly string[]): boolean {
  const views = nodes
    .flatMap(({ networks }) => networks)
    .filter(({ vnis, peers }) => vnis.includes(vni) && peers.length > 0);
  return views.length > 0 && !views.some(({ peers }) => vteps.some((vtep) => peers.includes(vtep)));
}
