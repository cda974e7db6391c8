/** Decapsulates the packets of batches, and hands their inner frames on. */
import type { CaptureBatch } from '../../capture/portable.js';
import { type UnderlayDecoder, Verdict } from '../../dataplane/index.js';
import type { EspSink } from '../../inspect/internal.js';

/** Bits of what is known of a frame. */
export const FrameFlag = {
  /** Its packet was in ESP. */
  Opened: 1,
  /** The snaplen truncated it. */
  Truncated: 2,
  /** Its packet has no usable time. */
  Timeless: 4,
} as const;

/** Takes inner frames. */
export interface FrameTaker {
  /**
   * @param bytes holds the frame from `offset` on, until the call returns
   * @param captured number of its bytes that were captured
   * @param length number of its bytes on the wire
   * @param flags bits of `FrameFlag`
   */
  take(
    bytes: Uint8Array,
    offset: number,
    captured: number,
    length: number,
    vni: number,
    flags: number,
    seconds: number,
    nanoseconds: number,
  ): void;
}

/**
 * Decapsulates a packet of a batch.
 * @param keepTruncated whether to hand on the captured part of frames that the snaplen truncated
 */
export function decapPacket(
  batch: CaptureBatch,
  index: number,
  decoder: UnderlayDecoder,
  esp: EspSink,
  keepTruncated: boolean,
  to: FrameTaker,
): Verdict {
  const offset = batch.offset[index];
  const verdict = decoder.receive(
    batch.linkType[index],
    batch.bytes,
    offset,
    offset + batch.capturedLength[index],
    offset + batch.originalLength[index],
    batch.seconds[index],
  );
  if (decoder.encrypted) esp.add(decoder, verdict);
  // Among dropped packets, only those truncated inside their frame have a VNI.
  const truncated = keepTruncated && verdict === Verdict.Dropped && decoder.vni >= 0;
  if (verdict !== Verdict.Frame && !truncated) return verdict;
  const { frameOffset, frameEnd, capturedEnd, vni, outerBytes } = decoder;
  const captured = Math.max(0, Math.min(frameEnd, capturedEnd) - frameOffset);
  const flags =
    (decoder.opened ? FrameFlag.Opened : 0) |
    (truncated ? FrameFlag.Truncated : 0) |
    (batch.noTimestamp[index] === 0 ? 0 : FrameFlag.Timeless);
  const { seconds, nanoseconds } = batch;
  to.take(outerBytes, frameOffset, captured, frameEnd - frameOffset, vni, flags, seconds[index], nanoseconds[index]);
  return verdict;
}
