/** What restart.test.ts and its child agree on, without what takes long to load. */

/** Sequence numbers that are written down ahead at a time. */
export const BLOCK = 16;
/** SPI, lower half of the sequence number, IV: what an ESP packet begins with. */
export const HEADER_BYTES = 16;
