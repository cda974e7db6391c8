/** Records of an overlay as keys and bytes of a store, and back. */
import type * as z from 'zod';
import { plain } from '../../text/plain-text.js';
import { nameOf, segmentOf } from './key-segment.js';
import {
  ALLOCATION_RECORD,
  type AllocationRecord,
  CURSOR_RECORD,
  type CursorRecord,
  ENDPOINT_RECORD,
  type EndpointRecord,
  IPAM_RECORD,
  type IpamRecord,
  KEYS_RECORD,
  type KeysRecord,
  NETWORK_RECORD,
  type NetworkRecord,
  NODE_RECORD,
  type NodeRecord,
  RECORD_VERSION,
  SERVICE_RECORD,
  type ServiceRecord,
} from './schemas.js';

/** Prefixes of the keys, for snapshots and watches. */
export const NODES = 'nodes/';
/**
 * Prefix of the nodes' leases, which have no value. Apart from the nodes' records, so that only who withdraws leases
 * watches the renewals.
 */
export const LEASES = 'leases/';
export const NETWORKS = 'networks/';
export const SERVICES = 'services/';
/** The key of the sealed key ring. */
export const KEYS = 'keys/ring';
/** The key of what must be unique over all networks and services. Not below `networks/`, which every node watches. */
export const IPAM = 'ipam/allocations';
/** Prefix of the hints where to search for the next address. */
export const CURSORS = 'ipam/cursors/';
/** The key of the leader's lease, whose value is the name of its node in UTF-8. */
export const LEADER = 'leader';

/** A record with what it is. */
export type FleetRecord =
  | { readonly kind: 'node'; readonly record: NodeRecord }
  | { readonly kind: 'network'; readonly record: NetworkRecord }
  | { readonly kind: 'endpoint'; readonly record: EndpointRecord }
  | { readonly kind: 'service'; readonly record: ServiceRecord }
  | { readonly kind: 'allocation'; readonly record: AllocationRecord }
  | { readonly kind: 'ipam'; readonly record: IpamRecord }
  | { readonly kind: 'cursor'; readonly record: CursorRecord }
  | { readonly kind: 'keys'; readonly record: KeysRecord };

/** A record that can't be read, as another program or a later version wrote it. */
export interface UnreadableRecord {
  readonly kind: 'unreadable';
  /** One line: what is wrong. */
  readonly fault: string;
}

const MAX_FAULT = 200;
/** networks/NAME/endpoints/ID */
const MAX_SEGMENTS = 4;

/**
 * The key of a record: `nodes/NAME`, `networks/NAME`, `networks/NAME/endpoints/ID`, `.../addresses/IP`, `services/NAME`,
 * `keys/ring`, `ipam/allocations`, `ipam/cursors/NETWORK`.
 */
export function recordKey({ kind, record }: FleetRecord): string {
  switch (kind) {
    case 'keys':
      return KEYS;
    case 'ipam':
      return IPAM;
    case 'cursor':
      return CURSORS + segmentOf(record.network);
    case 'node':
      return NODES + segmentOf(record.name);
    case 'network':
      return NETWORKS + segmentOf(record.name);
    case 'endpoint':
      return `${NETWORKS}${segmentOf(record.network)}/endpoints/${segmentOf(record.id)}`;
    case 'allocation':
      return `${NETWORKS}${segmentOf(record.network)}/addresses/${segmentOf(record.address)}`;
    case 'service':
      return SERVICES + segmentOf(record.name);
  }
}

/** The key of a node's lease. @param node its name */
export function leaseKey(node: string): string {
  return LEASES + segmentOf(node);
}

/** The bytes of a record: JSON. */
export function encodeRecord({ record }: FleetRecord): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(record));
}

/**
 * Reads a record. Never throws, as anyone who reaches the store can write anything: what a record says of itself must
 * also agree with its key.
 */
export function decodeRecord(key: string, value: Uint8Array): FleetRecord | UnreadableRecord {
  const segments: readonly (string | undefined)[] = key.split('/', MAX_SEGMENTS + 1);
  const [top, name, part, id] = segments;
  if (
    segments.length > MAX_SEGMENTS ||
    [name, id].some((segment) => segment !== undefined && nameOf(segment) === undefined)
  ) {
    return unreadable('no key of a record');
  }
  if (key === KEYS) return read(key, value, KEYS_RECORD, (record) => ({ kind: 'keys', record }));
  if (key === IPAM) return read(key, value, IPAM_RECORD, (record) => ({ kind: 'ipam', record }));
  if (key.startsWith(CURSORS) && id === undefined) {
    return read(key, value, CURSOR_RECORD, (record) => ({ kind: 'cursor', record }));
  }
  if (top === 'nodes' && part === undefined)
    return read(key, value, NODE_RECORD, (record) => ({ kind: 'node', record }));
  if (top === 'services' && part === undefined) {
    return read(key, value, SERVICE_RECORD, (record) => ({ kind: 'service', record }));
  }
  if (top !== 'networks') return unreadable('no key of a record');
  if (part === undefined) return read(key, value, NETWORK_RECORD, (record) => ({ kind: 'network', record }));
  if (part === 'endpoints') return read(key, value, ENDPOINT_RECORD, (record) => ({ kind: 'endpoint', record }));
  if (part === 'addresses') return read(key, value, ALLOCATION_RECORD, (record) => ({ kind: 'allocation', record }));
  return unreadable('no key of a record');
}

function read<T extends z.ZodType>(
  key: string,
  value: Uint8Array,
  schema: T,
  wrap: (record: z.infer<T>) => FleetRecord,
): FleetRecord | UnreadableRecord {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
  } catch {
    return unreadable('not JSON');
  }
  const version = typeof json === 'object' && json !== null && 'version' in json ? json.version : undefined;
  if (Number.isInteger(version) && version !== RECORD_VERSION) {
    return unreadable(`of version ${String(version)}, and this vtep reads ${RECORD_VERSION}`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    return unreadable(`${path.join('.')}: ${message}`);
  }
  const record = wrap(parsed.data);
  return recordKey(record) === key ? record : unreadable('under a key that is not its own');
}

function unreadable(fault: string): UnreadableRecord {
  return { kind: 'unreadable', fault: plain(fault.slice(0, MAX_FAULT)) };
}
