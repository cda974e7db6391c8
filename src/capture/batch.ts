/** Maximum number of packets in a batch. */
export const BATCH_PACKETS = 256;

/** Cap on recorded original lengths, in bytes, so that sums of them stay small integers. */
export const MAX_ORIGINAL_LENGTH = 1 << 30;

/**
 * Packets of a capture as views into the chunk that was read: parallel columns over one shared byte array. The source
 * owns the batch and reuses it; its contents are valid until the next call to `next`.
 */
export class CaptureBatch {
  /** The bytes that every `offset` refers to. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Offset in the capture of the first of `bytes`, whether it is of the capture or not: a packet is at `origin + offset`. */
  origin = 0;
  /** Number of packets. */
  count = 0;
  /** Offset of each packet in `bytes`. */
  readonly offset = new Int32Array(BATCH_PACKETS);
  /** Captured length of each packet, in bytes. */
  readonly capturedLength = new Int32Array(BATCH_PACKETS);
  /** Original length of each packet on the wire, in bytes: at least `capturedLength`, capped at 1 GiB. */
  readonly originalLength = new Int32Array(BATCH_PACKETS);
  /** Whole seconds since 1970, UTC. */
  readonly seconds = new Float64Array(BATCH_PACKETS);
  /** Nanoseconds within the second. */
  readonly nanoseconds = new Int32Array(BATCH_PACKETS);
  /**
   * 1 where the capture has no usable time (a simple packet block, or a time outside 1970 to 2554); `seconds` is then
   * 0.
   */
  readonly noTimestamp = new Uint8Array(BATCH_PACKETS);
  /** Interface id within the source. */
  readonly interfaceId = new Int32Array(BATCH_PACKETS);
  /** Link type (LINKTYPE_ value of tcpdump.org). */
  readonly linkType = new Int32Array(BATCH_PACKETS);

  /** Whether another packet fits. */
  get full(): boolean {
    return this.count === BATCH_PACKETS;
  }
}
