/** The records that a node's tables are made of. Others are for those who write to the store. */
import {
  CURSORS,
  decodeRecord,
  type FleetRecord,
  IPAM,
  LEADER,
  NODES,
  type UnreadableRecord,
} from '../records/records.js';
import { decodeLease } from '../store/lease-record.js';

/** A record that a node follows. */
export type FollowedRecord =
  Extract<FleetRecord, { readonly kind: 'node' | 'network' | 'endpoint' | 'service' | 'keys' }> | UnreadableRecord;

const ADDRESS = /^networks\/[^/]+\/addresses\//;

/** Whether a node follows the record under a key. */
export function isFollowed(key: string): boolean {
  return key !== LEADER && key !== IPAM && !key.startsWith(CURSORS) && !ADDRESS.test(key);
}

/** Reads a record under a key that is followed. Never throws. */
export function followedRecord(key: string, value: Uint8Array): FollowedRecord {
  const lease = key.startsWith(NODES) ? decodeLease(value) : undefined;
  if (key.startsWith(NODES) && lease === undefined) return { kind: 'unreadable', fault: 'not a lease' };
  const record = decodeRecord(key, lease?.value ?? value);
  if (record.kind === 'allocation' || record.kind === 'ipam' || record.kind === 'cursor') {
    return { kind: 'unreadable', fault: 'no key of a record' };
  }
  return record;
}
