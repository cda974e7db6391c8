/** What the nodes of an overlay agree on without a swarm: a store of small records, in memory or in NATS. */
export { StoreError, type StoreErrorCode } from './error.js';
export { type Job, type JobHandler, type JobOutcome, type JobQueue, type WorkOptions } from './queue/job-queue.js';
export { MAX_FILE_LENGTH, MAX_FILE_NAME, MAX_RESULT_LENGTH, MAX_RUN_JOBS, MAX_WORK_LENGTH } from './queue/limits.js';
export { MemoryQueue, type MemoryQueueOptions } from './queue/memory-queue.js';
export { NatsQueue, type NatsQueueOptions } from './queue/nats/nats-queue.js';
export { type QueueTime } from './queue/time.js';
export { type AddressOwner, allocateAddress, releaseAddress } from './control/addresses.js';
export { type ControlContext, newId } from './control/context.js';
export { createEndpoint, type EndpointRequest, removeEndpoint } from './control/endpoints.js';
export { Kek, KEK_LENGTH, KEK_VARIABLE, MAX_SEALED_PLAIN } from './keys/kek.js';
export { type RingEvent, RingKeeper, type RingKeeperOptions } from './keys/ring-keeper.js';
export { type RingReading, RingReader } from './keys/ring-reader.js';
export {
  decodeKeys,
  encodeKeys,
  MAX_KEKS,
  openRing,
  resealRing,
  type SealOptions,
  sealRing,
  type StoredRing,
} from './keys/ring-record.js';
export { Leader, type LeaderDuty, type LeaderEvent, type LeaderOptions, type Leadership } from './leader/leader.js';
export { NodeWithdrawal, type NodeWithdrawalOptions } from './leader/node-withdrawal.js';
export { StoreCompaction, type StoreCompactionOptions } from './leader/store-compaction.js';
export { FleetNodeError, type FleetNodeErrorCode } from './node/error.js';
export type { FleetVtepOptions } from './node/fleet-options.js';
export type { FleetReport } from './node/fleet-report.js';
export { FleetVtep } from './node/fleet-vtep.js';
export { EndpointState, type RecordCounts, type RecordKind } from './node/record-counts.js';
export type { PutLatency } from './node/store-state.js';
export { type NetworkRequest } from './control/network-allocation.js';
export { findNetwork, findService } from './control/lookup.js';
export { createNetwork, removeNetwork } from './control/networks.js';
export { checkContainerName } from './control/names.js';
export { type NetworkView, type OverlayView, readOverlay } from './control/overlay-view.js';
export { Repair, type RepairOptions } from './control/repair.js';
export { type ServiceRequest } from './control/service-allocation.js';
export { createService, removeService, scaleService, type ServiceUpdate, updateService } from './control/services.js';
export { type PlannedTask, planTasks, type TaskPlan } from './control/task-plan.js';
export { TaskScheduler, type TaskSchedulerOptions } from './control/task-scheduler.js';
export { isRunning, type Task, tasksOf } from './control/tasks.js';
export { nameOf, segmentOf } from './records/key-segment.js';
export {
  CURSORS,
  decodeRecord,
  encodeRecord,
  type FleetRecord,
  IPAM,
  KEYS,
  LEADER,
  leaseKey,
  LEASES,
  NETWORKS,
  NODES,
  recordKey,
  SERVICES,
  type UnreadableRecord,
} from './records/records.js';
export {
  type AllocationRecord,
  AllocationState,
  type CursorRecord,
  type EndpointRecord,
  FleetEndpointKind,
  type IpamRecord,
  type KeysRecord,
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
