/** The records that a node's tables are made of. Others are for those who write to the store. */
import {
  CURSORS,
  decodeRecord,
  type FleetRecord,
  IPAM,
  LEADER,
  KEYS,
  NETWORKS,
  NODES,
  SERVICES,
  type UnreadableRecord,
} from '../records/records.js';

/** A record that a node follows. */
export type FollowedRecord =
  Extract<FleetRecord, { readonly kind: 'node' | 'network' | 'endpoint' | 'service' | 'keys' }> | UnreadableRecord;

/** What a node watches: not the other nodes' leases, nor how names and addresses are given out. */
export const WATCHED = [NODES, NETWORKS, SERVICES, KEYS, LEADER] as const;

const ADDRESS = /^networks\/[^/]+\/addresses\//;

/** Whether a node follows the record under a key. */
export function isFollowed(key: string): boolean {
  return key !== LEADER && key !== IPAM && !key.startsWith(CURSORS) && !ADDRESS.test(key);
}

/** Reads a record under a key that is followed. Never throws. */
export function followedRecord(key: string, value: Uint8Array): FollowedRecord {
  const record = decodeRecord(key, value);
  if (record.kind === 'allocation' || record.kind === 'ipam' || record.kind === 'cursor') {
    return { kind: 'unreadable', fault: 'no key of a record' };
  }
  return record;
}
