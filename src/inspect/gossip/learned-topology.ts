/** The topology that gossip describes: its nodes, networks, endpoints and services. */
import { VtepError } from '../../error.js';
import {
  isFault,
  isIngressBalancer,
  kindAndName,
  NodeState,
  peerEndpointOf,
  serviceRecordOf,
} from '../../gossip/index.js';
import {
  Compatibility,
  type Endpoint,
  FloodPolicy,
  type KeyRing,
  type Network,
  type Node,
  type Prefix,
  type Profile,
  type ServiceNetworkSet,
  type ServiceRecord,
  type Topology,
} from '../../overlay/index.js';
import { formatIp, formatMac, VXLAN_PORT } from '../../wire/index.js';
import type { EntryState, GossipState } from './gossip-state.js';

/** What the frames of a network show of it. */
export interface SeenNetwork {
  readonly vni: number;
  readonly encrypted: boolean;
}

/** Properties that gossip doesn't have. */
export interface LearnedOptions {
  readonly profile: Profile;
  /** MTU of the underlay in bytes. */
  readonly mtu: number;
  readonly ring: KeyRing | undefined;
  /** Finds the network whose frames have endpoints with these MACs; undefined if there are none. */
  readonly networkOf: (macs: readonly Uint8Array[]) => SeenNetwork | undefined;
}

/** A topology, and what had to be guessed in it. */
export interface LearnedTopology {
  readonly topology: Topology;
  readonly warnings: readonly string[];
}

/** An endpoint and the entry that says where it is. */
interface Peer {
  readonly entry: EntryState;
  readonly ip: Uint8Array;
  readonly mac: Uint8Array;
  readonly vtep: Uint8Array;
  readonly subnet: Prefix;
}

/** VNIs for networks whose own are unknown, far above those that Swarm gives. */
const INVENTED_VNIS = 0xf00000;
const SHORT_ID = 12;
/** Every node has an entry for every endpoint. */
const MAX_TABLE_ENTRIES = 1 << 20;

/**
 * The topology that gossip describes. Endpoints that were deleted are part of it, unless another one has their address
 * by then: earlier frames of the capture are theirs. Networks have the ids that Docker gave them, as gossip has no
 * names, but `ingress`. Gossip doesn't have VNIs either: they come from the frames of the networks' endpoints.
 * @throws VtepError `BAD_GOSSIP` if nodes and endpoints are too many for one description
 */
export function learnedTopology(state: GossipState, options: LearnedOptions): LearnedTopology {
  const warnings: string[] = [];
  const peers = currentPeers(state);
  const nodes = nodesOf(state, peers, options.mtu);
  if (nodes.length * peers.length > MAX_TABLE_ENTRIES) {
    throw new VtepError('BAD_GOSSIP', `${nodes.length} nodes and ${peers.length} endpoints are too many`);
  }
  const ids = [...new Set(peers.map(({ entry }) => entry.network))].sort();
  const names = namesOf(ids, state.ingressNetworks());
  const networks = networksOf(ids, names, peers, options, warnings);
  const nodeIndex = new Map(nodes.map(({ name }, index) => [name, index]));
  const networkIndex = new Map(ids.map((id, index) => [id, index]));
  const balancers = balancersOf(state, peers);
  const endpoints = peers.map((peer): Endpoint => {
    const { key, network, owner } = peer.entry;
    const isBalancer = balancers.has(peer);
    return {
      ...kindAndName(key, names.get(network) ?? '', recordOf(state, peer), isBalancer),
      id: key,
      network: networkIndex.get(network) ?? 0,
      node: nodeIndex.get(owner) ?? 0,
      ip: peer.ip,
      mac: peer.mac,
    };
  });
  const records = peers.flatMap((peer): ServiceRecord[] => {
    const record = balancers.has(peer) ? undefined : recordOf(state, peer);
    if (record === undefined) return [];
    const { key: endpoint, owner: node, network } = peer.entry;
    const service = serviceRecordOf(record, { network: names.get(network) ?? '', endpoint, node });
    return isFault(service) ? [] : [service];
  });
  const services = ids.map((id): ServiceNetworkSet => {
    const name = names.get(id) ?? '';
    const addresses = [...balancers]
      .filter(({ entry }) => entry.network === id)
      .map(({ entry, ip }): [string, Uint8Array] => [entry.owner, ip]);
    const ingress = state.ingressNetworks().has(id);
    return { name, ingress, internal: false, dsr: false, balancers: Object.fromEntries(addresses) };
  });
  const { profile, ring } = options;
  return {
    topology: {
      profile,
      port: VXLAN_PORT,
      nodes,
      networks,
      endpoints: endpoints.sort((a, b) => a.network - b.network),
      ring,
      services: { networks: services, records, gateway: undefined, compatibility: Compatibility.Docker },
    },
    warnings,
  };
}

/** The endpoint's other record, with its name and service. */
function recordOf(state: GossipState, { entry: { network, key } }: Peer): EntryState['endpoint'] {
  return state.entries.get(`endpoint_table\0${network}\0${key}`)?.endpoint;
}

/** The peers, the newest of those with the same address: existing ones rather than deleted ones. */
function currentPeers(state: GossipState): Peer[] {
  const found: Peer[] = [];
  for (const entry of state.entries.values()) {
    const endpoint = entry.peer === undefined ? undefined : peerEndpointOf(entry.peer);
    if (endpoint === undefined || isFault(endpoint)) continue;
    const { address: ip, mac, vtep, prefixLength } = endpoint;
    found.push({ entry, ip, mac, vtep, subnet: { address: masked(ip, prefixLength), length: prefixLength } });
  }
  found.sort((a, b) => Number(a.entry.deleted) - Number(b.entry.deleted) || b.entry.lTime - a.entry.lTime);
  const taken = new Set<string>();
  return found.filter(({ entry: { network }, ip, mac }) => {
    const keys = [`${network} ${ip.join('.')}`, `${network} ${formatMac(mac)}`];
    if (keys.some((key) => taken.has(key))) return false;
    for (const key of keys) taken.add(key);
    return true;
  });
}

function masked(address: Uint8Array, length: number): Uint8Array {
  return address.map((byte, i) => byte & ((0xff << (8 - Math.min(8, Math.max(0, length - 8 * i)))) & 0xff));
}

/** The owners of endpoints and the members, with the VTEP of their newest record, or else their address. */
function nodesOf(state: GossipState, peers: readonly Peer[], mtu: number): Node[] {
  const vteps = new Map<string, Uint8Array>();
  for (const { entry, vtep } of peers) if (!vteps.has(entry.owner)) vteps.set(entry.owner, vtep);
  for (const { name, addr, state: is } of state.members.values()) {
    if (addr !== undefined && is !== NodeState.Left && !vteps.has(name)) vteps.set(name, addr);
  }
  return [...vteps].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, vtep]) => ({ name, vtep, mac: undefined, mtu }));
}

function namesOf(ids: readonly string[], ingress: ReadonlySet<string>): Map<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const id of ids) {
    const short = ingress.has(id) ? 'ingress' : id.slice(0, SHORT_ID);
    const name = taken.has(short) ? id : short;
    taken.add(name);
    names.set(id, name);
  }
  return names;
}

function networksOf(
  ids: readonly string[],
  names: ReadonlyMap<string, string>,
  peers: readonly Peer[],
  { networkOf, ring }: LearnedOptions,
  warnings: string[],
): Network[] {
  const used = new Set<number>();
  return ids.map((id, index) => {
    const own = peers.filter(({ entry }) => entry.network === id);
    const seen = networkOf(own.map(({ mac }) => mac));
    const name = names.get(id) ?? id;
    let vni = seen?.vni ?? -1;
    if (vni < 0 || used.has(vni)) {
      vni = INVENTED_VNIS + index;
      warnings.push(`the VNI of network ${name} is unknown, since no frame of it is in the capture: ${vni} is used`);
    }
    used.add(vni);
    const encrypted = seen?.encrypted ?? false;
    if (encrypted && ring === undefined) {
      warnings.push(`network ${name} is encrypted, but there is no key ring: it is described as clear`);
    }
    const subnets = new Map(
      own.map(({ subnet }) => [
        `${formatIp(subnet.address.length === 4 ? 4 : 6, subnet.address)}/${subnet.length}`,
        subnet,
      ]),
    );
    return {
      name,
      vni,
      subnets: [...subnets.values()],
      gateways: [],
      encrypted: encrypted && ring !== undefined,
      mtu: undefined,
      flood: FloodPolicy.Drop,
      learning: false,
    };
  });
}

/**
 * The load balancers: those with the ingress network's record, and elsewhere, of each node on each network, the oldest
 * endpoint without any record, since a node's load balancer comes before its tasks.
 */
function balancersOf(state: GossipState, peers: readonly Peer[]): ReadonlySet<Peer> {
  const found = new Map<string, Peer>();
  const ingress = new Set<Peer>();
  for (const peer of peers) {
    const record = recordOf(state, peer);
    if (record !== undefined) {
      if (isIngressBalancer(record)) ingress.add(peer);
      continue;
    }
    const place = `${peer.entry.network} ${peer.entry.owner}`;
    const other = found.get(place);
    if (other === undefined || peer.entry.lTime < other.entry.lTime) found.set(place, peer);
  }
  return new Set([...ingress, ...found.values()]);
}
