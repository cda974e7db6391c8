/** Computes the changes from one topology to another. */
import { OverlayError } from '../error.js';
import { addressKey, ChangeKind, endpointId, type EndpointRecord, type TopologyChange } from './topology-change.js';
import { EndpointKind, type Network, type Node, type Topology } from '../topology.js';

/**
 * The changes that turn one topology into another, in a valid order; unchanged objects are omitted. Endpoints of the
 * same name are distinguished by id, or else by order.
 * @param before such as `NodeTables.topology`
 * @throws OverlayError `BAD_CHANGE` if the profile or the port differs: these can't change
 */
export function diffTopology(before: Topology, after: Topology): TopologyChange[] {
  if (before.profile !== after.profile) throw new OverlayError('BAD_CHANGE', "a topology's profile can't change");
  if (before.port !== after.port) throw new OverlayError('BAD_CHANGE', "a topology's port can't change");
  const nodes = [mapOf(before.nodes, vtepOf), mapOf(after.nodes, vtepOf)] as const;
  const networks = [mapOf(before.networks, vniOf), mapOf(after.networks, vniOf)] as const;
  const known = recordsOf(before);
  const endpoints = [known, recordsOf(after, known)] as const;
  const changes: TopologyChange[] = [];
  if (after.ring !== undefined) changes.push({ kind: ChangeKind.SetKeys, ring: after.ring });
  const accept = after.acceptUnknownVteps ?? false;
  if ((before.acceptUnknownVteps ?? false) !== accept) changes.push({ kind: ChangeKind.SetAcceptUnknownVteps, accept });
  for (const id of goneOf(endpoints)) changes.push({ kind: ChangeKind.RemoveEndpoint, id });
  for (const [key, node] of nodes[1]) {
    const same = nodes[0].get(key);
    if (same === undefined) changes.push({ kind: ChangeKind.AddNode, node });
    else if (!isSameNode(same, node)) changes.push({ kind: ChangeKind.ChangeNode, node });
  }
  for (const [vni, network] of networks[1]) {
    const same = networks[0].get(vni);
    if (same === undefined) changes.push({ kind: ChangeKind.AddNetwork, network });
    else if (!isSameNetwork(same, network)) changes.push({ kind: ChangeKind.ChangeNetwork, network });
  }
  for (const [id, endpoint] of endpoints[1]) {
    const same = endpoints[0].get(id);
    if (same === undefined) changes.push({ kind: ChangeKind.AddEndpoint, endpoint });
    else if (!isSameEndpoint(same, endpoint)) changes.push({ kind: ChangeKind.ChangeEndpoint, endpoint });
  }
  for (const vni of goneOf(networks)) changes.push({ kind: ChangeKind.RemoveNetwork, vni });
  for (const [key, { vtep }] of nodes[0]) if (!nodes[1].has(key)) changes.push({ kind: ChangeKind.RemoveNode, vtep });
  return changes;
}

function vtepOf({ vtep }: Node): string {
  return addressKey(vtep);
}

function vniOf({ vni }: Network): number {
  return vni;
}

function mapOf<K, T>(list: readonly T[], keyOf: (item: T) => K): Map<K, T> {
  return new Map(list.map((item) => [keyOf(item), item]));
}

function* goneOf<K>([before, after]: readonly [ReadonlyMap<K, unknown>, ReadonlyMap<K, unknown>]): Generator<K> {
  for (const key of before.keys()) if (!after.has(key)) yield key;
}

/**
 * Endpoints by id. Endpoints of the same name keep their ids from the topology before if network and MAC identify them;
 * others get ids in order.
 */
function recordsOf(
  { nodes, networks, endpoints }: Topology,
  before: ReadonlyMap<string, EndpointRecord> = new Map(),
): Map<string, EndpointRecord> {
  const records = new Map<string, EndpointRecord>();
  const all = endpoints.map(({ network, node, ...rest }): EndpointRecord => {
    return { ...rest, vni: networks[network].vni, vtep: nodes[node].vtep };
  });
  const idBefore = new Map(Array.from(before, ([id, record]) => [interfaceKey(record), id]));
  const left: EndpointRecord[] = [];
  for (const record of all) {
    const id = record.id ?? idBefore.get(interfaceKey(record));
    if (id === undefined || records.has(id)) left.push(record);
    else records.set(id, withId(record, id));
  }
  for (const record of left) {
    const own = endpointId(record);
    let id = own;
    for (let n = 2; records.has(id); n++) id = `${own}#${n}`;
    records.set(id, withId(record, id));
  }
  return records;
}

/** Identifies an interface among endpoints of the same name. */
function interfaceKey({ name, vni, mac }: EndpointRecord): string {
  return `${vni} ${addressKey(mac)} ${name}`;
}

function withId(record: EndpointRecord, id: string): EndpointRecord {
  return id === record.name ? record : { ...record, id };
}

function isSameNode(a: Node, b: Node): boolean {
  return a.name === b.name && a.mtu === b.mtu && isSame(a.mac, b.mac);
}

function isSameNetwork(a: Network, b: Network): boolean {
  return (
    a.name === b.name &&
    a.encrypted === b.encrypted &&
    a.mtu === b.mtu &&
    a.flood === b.flood &&
    a.learning === b.learning &&
    a.gateways.length === b.gateways.length &&
    a.gateways.every((gateway, i) => isSame(gateway, b.gateways[i])) &&
    a.subnets.length === b.subnets.length &&
    a.subnets.every(({ address, length }, i) => length === b.subnets[i].length && isSame(address, b.subnets[i].address))
  );
}

function isSameEndpoint(a: EndpointRecord, b: EndpointRecord): boolean {
  return (
    a.kind === b.kind &&
    a.name === b.name &&
    (a.kind ?? EndpointKind.Container) === (b.kind ?? EndpointKind.Container) &&
    a.vni === b.vni &&
    a.device === b.device &&
    a.netns === b.netns &&
    isSame(a.vtep, b.vtep) &&
    isSame(a.mac, b.mac) &&
    isSame(a.ip, b.ip)
  );
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
