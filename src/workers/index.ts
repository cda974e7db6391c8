/**
 * Multi-core processing: worker threads fed by rings in shared memory, and the assignment of packets to workers.
 *
 *     main thread: WorkerGroup.push -> ring in shared memory -> worker thread: servePackets
 *
 * {@link WorkerGroup} starts the threads, whose code calls {@link servePackets}. {@link workerOfFlow} and
 * {@link workerOfSa} choose a packet's worker so that its flow or SA stays in order.
 *
 * The threads of a {@link TaskGroup} get their input themselves, such as a capture file, and call {@link serveTask}.
 * @module vtep/workers
 */
export { WorkersError, type WorkersErrorCode } from './error.js';
export { createRing, type PacketRing, type RingOptions } from './packet-ring.js';
export { RingReader } from './ring-reader.js';
export { type RingColumns, RingWriter } from './ring-writer.js';
export { type PacketService, servePackets } from './serve-packets.js';
export { type PairLoad, FlowSharding, workerOfFlow, workerOfSa } from './flow-sharding.js';
export { type KeyRingMessage, wipeMessage } from './key-ring-message.js';
export {
  type ChangeMessage,
  changeMessages,
  changesOfMessages,
  type TopologyMessage,
  topologyMessage,
  topologyOfMessage,
} from './topology-message.js';
export { isTask, serveTask, type TaskContext } from './serve-task.js';
export { TaskGroup, type TaskOptions } from './task-group.js';
export { MAX_WORKERS } from './worker-count.js';
export { WorkerGroup, type WorkerGroupOptions } from './worker-group.js';
