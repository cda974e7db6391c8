/** All records of an overlay as of one revision. */
import { setImmediate } from 'node:timers/promises';
import { plain } from '../../text/plain-text.js';
import { decodeRecord, LEADER, LEASES } from '../records/records.js';
import {
  type AllocationRecord,
  type EndpointRecord,
  type IpamRecord,
  type NetworkRecord,
  type NodeRecord,
  type ServiceRecord,
} from '../records/schemas.js';
import { decodeLease } from '../store/lease-record.js';
import { type Store } from '../store/store.js';
import { EMPTY_IPAM } from './ipam.js';

/** An allocated address, and the revision of its record. */
export interface HeldAddress {
  readonly record: AllocationRecord;
  readonly key: string;
  readonly revision: number;
}

/** A network with what is in it. */
export interface NetworkView {
  /** Undefined for records below a network that isn't there. */
  readonly record: NetworkRecord | undefined;
  /** By id. */
  readonly endpoints: ReadonlyMap<string, EndpointRecord>;
  /** By address. */
  readonly addresses: ReadonlyMap<string, HeldAddress>;
}

/** What a store has. */
export interface OverlayView {
  readonly revision: number;
  readonly ipam: IpamRecord;
  /** By name, in the order of their keys. */
  readonly nodes: ReadonlyMap<string, NodeRecord>;
  readonly networks: ReadonlyMap<string, NetworkView>;
  readonly services: ReadonlyMap<string, ServiceRecord>;
  /** The name of the node that leads; undefined if none does. */
  readonly leader: string | undefined;
  /** Keys of records that can't be read. */
  readonly unreadable: readonly string[];
}

/** Records that are decoded at a time: about a millisecond's. The node that leads carries packets meanwhile. */
const AT_A_TIME = 32;
/** Longest name of a leader that is shown. */
const MAX_LEADER = 128;

interface MutableNetwork {
  record: NetworkRecord | undefined;
  readonly endpoints: Map<string, EndpointRecord>;
  readonly addresses: Map<string, HeldAddress>;
}

/** @throws StoreError as of `Store.snapshot` */
export async function readOverlay(store: Store): Promise<OverlayView> {
  const { records, revision } = await store.snapshot('');
  const nodes = new Map<string, NodeRecord>();
  const networks = new Map<string, MutableNetwork>();
  const services = new Map<string, ServiceRecord>();
  const unreadable: string[] = [];
  let ipam = EMPTY_IPAM;
  let leader: string | undefined;
  const networkOf = (name: string): MutableNetwork => {
    const known = networks.get(name);
    if (known !== undefined) return known;
    const made: MutableNetwork = { record: undefined, endpoints: new Map(), addresses: new Map() };
    networks.set(name, made);
    return made;
  };
  const sorted = [...records].sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const [index, { key, value, revision: at }] of sorted.entries()) {
    if (index % AT_A_TIME === AT_A_TIME - 1) await setImmediate();
    if (key.startsWith(LEASES)) continue;
    if (key === LEADER) {
      const lease = decodeLease(value);
      leader = lease && plain(new TextDecoder().decode(lease.value.subarray(0, MAX_LEADER)));
      continue;
    }
    const decoded = decodeRecord(key, value);
    if (decoded.kind === 'node') nodes.set(decoded.record.name, decoded.record);
    else if (decoded.kind === 'network') networkOf(decoded.record.name).record = decoded.record;
    else if (decoded.kind === 'service') services.set(decoded.record.name, decoded.record);
    else if (decoded.kind === 'ipam') ipam = decoded.record;
    else if (decoded.kind === 'endpoint')
      networkOf(decoded.record.network).endpoints.set(decoded.record.id, decoded.record);
    else if (decoded.kind === 'allocation') {
      const { network, address } = decoded.record;
      networkOf(network).addresses.set(address, { record: decoded.record, key, revision: at });
    } else if (decoded.kind === 'unreadable') unreadable.push(key);
  }
  return { revision, ipam, nodes, networks, services, leader, unreadable };
}
