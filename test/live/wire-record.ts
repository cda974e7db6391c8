/** Constants shared by restart.test.ts and its child, without slow imports. */

/** Number of sequence numbers reserved at a time. */
export const BLOCK = 16;
/** Length of the start of an ESP packet in bytes: SPI, lower half of the sequence number, IV. */
export const HEADER_BYTES = 16;
