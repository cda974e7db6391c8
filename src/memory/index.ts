/**
 * Packet memory: the arena and the batch.
 * @module vtep/memory
 */
export { Arena, type ArenaOptions, HEADROOM, MemoryError, NO_SLOT, TAILROOM } from './arena.js';
export { drawHashKey, type HashKey, hashKeyOf, type RandomBytes, seedFlows, seedHashes } from './hash.js';
export { BATCH_CAPACITY, PacketBatch } from './packet-batch.js';
