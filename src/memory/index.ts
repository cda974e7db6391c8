/**
 * Packet memory: the arena and its batches.
 *
 * An {@link Arena} is one block of bytes divided into slots; a packet stays in its slot, with headroom for outer
 * headers and tailroom for the ESP trailer. A {@link PacketBatch} is up to 256 such packets, as columns of offsets and
 * metadata; `copyIn` puts a packet into it. The chains of vtep/dataplane take batches and pass them on.
 *
 *     | HEADROOM | packet, from start to end | TAILROOM |   one slot of the arena
 *
 * Hash tables are seeded per process; {@link seedHashes} makes runs repeatable.
 * @module vtep/memory
 */
export { Arena, type ArenaOptions, HEADROOM, MemoryError, NO_SLOT, TAILROOM } from './arena.js';
export { drawHashKey, type HashKey, hashKeyOf, type RandomBytes, seedFlows, seedHashes } from './hash.js';
export { BATCH_CAPACITY, PacketBatch } from './packet-batch.js';
