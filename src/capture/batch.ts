/** How many packets a batch holds at the most. */
export const BATCH_PACKETS = 256;

/** The longest original length that is kept, so that sums with it stay small integers. */
export const MAX_ORIGINAL_LENGTH = 1 << 30;

/**
 * Packets of a capture as views into the chunk that was read: columns side by side, the bytes of all in one array.
 * The source owns it and fills it again; nothing in it holds beyond the next call of `next`.
 */
export class CaptureBatch {
  /** What every `offset` points into. */
  bytes: Uint8Array = new Uint8Array(0);
  /** How many packets there are. */
  count = 0;
  /** Where each packet begins. */
  readonly offset = new Int32Array(BATCH_PACKETS);
  /** Bytes that were captured of each. */
  readonly capturedLength = new Int32Array(BATCH_PACKETS);
  /** Bytes that each had on the wire, at least `capturedLength`; a claim of more than 1 GiB reads as 1 GiB. */
  readonly originalLength = new Int32Array(BATCH_PACKETS);
  /** Whole seconds since 1970, UTC. */
  readonly seconds = new Float64Array(BATCH_PACKETS);
  /** Nanoseconds within the second. */
  readonly nanoseconds = new Int32Array(BATCH_PACKETS);
  /** 1 where the capture has no usable time (a simple packet block, or a time beyond 1970 to 2554); `seconds` is 0. */
  readonly timeless = new Uint8Array(BATCH_PACKETS);
  /** The interface's number within the source. */
  readonly interfaceId = new Int32Array(BATCH_PACKETS);
  /** The link type (LINKTYPE_ number of tcpdump.org). */
  readonly linkType = new Int32Array(BATCH_PACKETS);

  /** Whether another packet fits. */
  get full(): boolean {
    return this.count === BATCH_PACKETS;
  }
}
