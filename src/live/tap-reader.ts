/**
 * Reads frames of a TAP device into slots of an arena. Larger ones than any wire carries, which the kernel leaves to be cut
 * (TSO), come in one call and are cut here.
 */
import { addressOf, NativeMemory } from '../foreign/index.js';
import { TcpSegmenter } from '../fragment/index.js';
import { NO_SLOT, type PacketBatch } from '../memory/index.js';
import { linux } from './linux.js';
import { completeChecksum, OFFLOAD_HEADER_BYTES, segmentSizeIn } from './offload-header.js';
import { PieceVector } from './piece-vector.js';
import { Refusals } from './refusals.js';

/** Frames of one reading. */
const BURST = 64;
/** The largest that the kernel hands over: 64 KiB and an Ethernet header with tags. */
const LARGEST = 65_536 + 64;

/** Why a frame is refused, by the kernel's names (include/net/dropreason-core.h); what is behind `_` is ours. */
const Refused = {
  /** No TCP segment that can be cut. */
  Segmentation: 'SKB_GSO_SEG',
  /** Segments smaller than any that TCP sends, or more than one frame may give. */
  SegmentSize: 'SKB_GSO_SEG_Size',
  TooBig: 'PKT_TOO_BIG',
  /** A checksum that lies outside the frame. */
  Checksum: 'SKB_CSUM',
} as const;

/** Reads from one descriptor. */
export class TapReader {
  /** Frames that were read, segments of larger ones each by itself. */
  received = 0;
  /** Frames that could not be cut, or whose checksum could not be filled in, by the kernel's name of the reason. */
  readonly refusals = new Refusals();
  readonly #descriptor: number;
  readonly #system = linux();
  readonly #pieces = new PieceVector(2);
  /** A larger frame: what didn't go into the slot stands behind the place for what did. */
  readonly #large = new NativeMemory(LARGEST + 1);
  readonly #segmenter = new TcpSegmenter();
  #arena: Uint8Array = new Uint8Array(0);
  #base = 0;

  /** @param descriptor of a TAP device with IFF_VNET_HDR, non-blocking */
  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Whether segments of a frame that was read wait for room. */
  get pending(): boolean {
    return this.#segmenter.pending;
  }

  /**
   * Puts frames that wait into a batch until it is full or none waits.
   * @returns 0 or more, or -1 if the last reading gave none: `lastErrno()` says why
   */
  receive(batch: PacketBatch, network: number): number {
    const before = batch.count;
    this.#cut(batch, network);
    const { arena } = batch;
    if (this.#arena !== arena.bytes) {
      this.#arena = arena.bytes;
      this.#base = addressOf(arena.bytes);
    }
    for (let frame = 0; frame < BURST && !batch.full && !this.#segmenter.pending; frame++) {
      const slot = arena.take();
      if (slot === NO_SLOT) break;
      const start = arena.frameOffsetOf(slot);
      const header = start - OFFLOAD_HEADER_BYTES;
      const length = this.#read(header, arena.frameBytes);
      if (length <= 0) {
        arena.free(slot);
        if (batch.count > before) break;
        return -1;
      }
      const size = segmentSizeIn(arena.bytes, header);
      if (size > 0) {
        this.#takeLarge(start, length, arena.frameBytes, size);
        arena.free(slot);
        this.#cut(batch, network);
      } else if (length > arena.frameBytes) {
        this.refusals.add(Refused.TooBig);
        arena.free(slot);
      } else if (!completeChecksum(arena.bytes, header, start + length)) {
        this.refusals.add(Refused.Checksum);
        arena.free(slot);
      } else {
        batch.push(slot, start, start + length, network);
        this.received++;
      }
    }
    return batch.count - before;
  }

  /** Reads a header and a frame: into the slot, and what is too much behind it. Returns the frame's bytes. */
  #read(header: number, frameBytes: number): number {
    this.#pieces.set(0, this.#base + header, OFFLOAD_HEADER_BYTES + frameBytes);
    const inSlot = Math.min(frameBytes, LARGEST);
    // One byte more than any frame has: the device cuts off what finds no room, and only that byte tells.
    this.#pieces.set(1, this.#large.address + inSlot, LARGEST + 1 - inSlot);
    return this.#system.readv(this.#descriptor, this.#pieces.address, 2) - OFFLOAD_HEADER_BYTES;
  }

  /** Puts a frame that is to be cut together: its bytes are copied once, and into the segments again. */
  #takeLarge(start: number, length: number, frameBytes: number, size: number): void {
    const { bytes } = this.#large;
    if (length > LARGEST) {
      this.refusals.add(Refused.TooBig);
      return;
    }
    bytes.set(this.#arena.subarray(start, start + Math.min(length, frameBytes)), 0);
    const segmenter = this.#segmenter;
    if (!segmenter.begin(bytes, 0, length, size)) {
      this.refusals.add(segmenter.tooSmall ? Refused.SegmentSize : Refused.Segmentation);
    } else if (segmenter.frameBytes > frameBytes) {
      segmenter.count = 0;
      this.refusals.add(Refused.TooBig);
    }
  }

  #cut(batch: PacketBatch, network: number): void {
    const { arena } = batch;
    while (this.#segmenter.pending && !batch.full) {
      const slot = arena.take();
      if (slot === NO_SLOT) return;
      const start = arena.frameOffsetOf(slot);
      batch.push(slot, start, start + this.#segmenter.next(arena.bytes, start), network);
      this.received++;
    }
  }
}
