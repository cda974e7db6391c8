/** What the nodes of an overlay agree on without a swarm: a store of small records, in memory or in NATS. */
export { StoreError, type StoreErrorCode } from './error.js';
export { nameOf, segmentOf } from './records/key-segment.js';
export {
  decodeRecord,
  encodeRecord,
  type FleetRecord,
  NETWORKS,
  NODES,
  recordKey,
  SERVICES,
  type UnreadableRecord,
} from './records/records.js';
export {
  type AllocationRecord,
  type EndpointRecord,
  type NetworkRecord,
  type NodeRecord,
  RECORD_VERSION,
  type ServiceRecord,
} from './records/schemas.js';
export {
  checkKey,
  checkPrefix,
  checkValue,
  isKey,
  MAX_KEY_LENGTH,
  MAX_KEY_SEGMENTS,
  MAX_RECORDS,
  MAX_VALUE_LENGTH,
} from './store/key.js';
export { Lease, type LeaseOptions } from './store/lease.js';
export { LeaseObserver } from './store/lease-observer.js';
export {
  decodeLease,
  encodeLease,
  type LeaseRecord,
  MAX_LEASE,
  MAX_LEASE_VALUE_LENGTH,
  MIN_LEASE,
  TOKEN_LENGTH,
} from './store/lease-record.js';
export { MemoryStore, type MemoryStoreOptions } from './store/memory-store.js';
export { parseStoreAddress, type StoreAddress } from './store/nats/address.js';
export { type NatsOptions, type TlsFiles } from './store/nats/connect.js';
export { NatsStore } from './store/nats/nats-store.js';
export {
  type PutOptions,
  type Store,
  type StoreChange,
  type StoreRecord,
  type StoreSnapshot,
  type WatchOptions,
} from './store/store.js';
