/**
 * Multi-core processing: worker threads fed by shared-memory rings, and the assignment of packets to workers.
 * @module vtep/workers
 */
export { WorkersError, type WorkersErrorCode } from './error.js';
export { createRing, type PacketRing, type RingOptions } from './packet-ring.js';
export { RingReader } from './ring-reader.js';
export { type RingColumns, RingWriter } from './ring-writer.js';
export { type PacketService, servePackets } from './serve-packets.js';
export { type PairLoad, FlowSharding, workerOfFlow, workerOfSa } from './flow-sharding.js';
export { type TopologyMessage, topologyMessage, topologyOfMessage, wipeMessage } from './topology-message.js';
export { MAX_WORKERS, WorkerGroup, type WorkerGroupOptions } from './worker-group.js';
