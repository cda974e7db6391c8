/**
 * Reads frames of a TAP device into slots of an arena. Oversized frames, whose segmentation the kernel offloads (TSO,
 * USO), are read with one call and segmented here, or left to the receiver of the batch.
 */
import { addressOf, NativeMemory } from '../../foreign/index.js';
import { Segmenter } from '../../fragment/index.js';
import { NO_SLOT, type PacketBatch } from '../../memory/index.js';
import { linux } from '../system/linux.js';
import { completeChecksum, OFFLOAD_HEADER_BYTES, segmentedProtocolIn, segmentSizeIn } from './offload-header.js';
import { PieceVector } from '../socket/piece-vector.js';
import { Refusals } from '../port/refusals.js';

/** Maximum frames per `receive`. */
const BURST = 64;
/** Packets per `receive` after which no more oversized frames are read: they pass the caches together. */
const PACKET_BURST = 256;
/** Largest frame from the kernel: 64 KiB and an Ethernet header with tags. */
const LARGEST = 65_536 + 64;

/** Why a frame is refused, by the kernel's names (include/net/dropreason-core.h); the `_Size` suffix is ours. */
const Refused = {
  /** Not a TCP or UDP packet that can be segmented. */
  Segmentation: 'SKB_GSO_SEG',
  /** Segments smaller than TCP ever sends, or too many for one frame. */
  SegmentSize: 'SKB_GSO_SEG_Size',
  TooBig: 'PKT_TOO_BIG',
  /** A checksum field outside the frame. */
  Checksum: 'SKB_CSUM',
} as const;

/** A reader for one descriptor. */
export class TapReader {
  /** Frames read; each segment of an oversized frame counts. */
  received = 0;
  /** Frames that could not be segmented or checksummed, by the kernel's name of the reason. */
  readonly refusals = new Refusals();
  readonly #descriptor: number;
  readonly #system = linux();
  readonly #pieces = new PieceVector(2);
  /** Buffer for an oversized frame: space for the part that is read into the slot, followed by the rest. */
  readonly #large = new NativeMemory(LARGEST + 1);
  readonly #segmenter = new Segmenter();
  #arena: Uint8Array = new Uint8Array(0);
  #base = 0;

  /** @param descriptor of a TAP device with IFF_VNET_HDR, non-blocking */
  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Whether segments of a frame are waiting for room in a batch. */
  get pending(): boolean {
    return this.#segmenter.pending;
  }

  /**
   * Appends waiting frames to a batch until it is full or none are left.
   * @param large whether the batch takes frames that are yet to be segmented (`PacketBatch.segment`)
   * @returns number of frames, or -1 if the first read failed: `lastErrno()` says why
   */
  receive(batch: PacketBatch, network: number, large = false): number {
    const before = batch.count;
    const most = this.received + PACKET_BURST;
    this.#segment(batch, network);
    const { arena } = batch;
    if (this.#arena !== arena.bytes) {
      this.#arena = arena.bytes;
      this.#base = addressOf(arena.bytes);
    }
    for (let frame = 0; frame < BURST && !batch.full && !this.#segmenter.pending && this.received < most; frame++) {
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
      if (size > 0 && large && length <= Math.min(LARGEST, arena.frameBytes)) {
        this.#putLarge(batch, network, slot, header, length, size);
      } else if (size > 0) {
        this.#beginSegmenting(start, header, length, arena.frameBytes, size);
        arena.free(slot);
        this.#segment(batch, network);
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

  /** Reads a header and a frame into the slot, and any excess into `#large`. Returns the frame's length in bytes. */
  #read(header: number, frameBytes: number): number {
    this.#pieces.set(0, this.#base + header, OFFLOAD_HEADER_BYTES + frameBytes);
    const inSlot = Math.min(frameBytes, LARGEST);
    // One byte more than any frame: the device truncates silently, and only that byte reveals it.
    this.#pieces.set(1, this.#large.address + inSlot, LARGEST + 1 - inSlot);
    return this.#system.readv(this.#descriptor, this.#pieces.address, 2) - OFFLOAD_HEADER_BYTES;
  }

  /** Appends an oversized frame as it is, or refuses it. */
  #putLarge(batch: PacketBatch, network: number, slot: number, header: number, length: number, size: number): void {
    const start = header + OFFLOAD_HEADER_BYTES;
    const segmenter = this.#segmenter;
    if (this.#begin(this.#arena, start, start + length, size, segmentedProtocolIn(this.#arena, header))) {
      batch.segment[batch.push(slot, start, start + length, network)] = size;
      this.received += segmenter.count;
    } else {
      batch.arena.free(slot);
    }
    segmenter.count = 0;
  }

  /** Begins to segment a frame. If it isn't one of that protocol that can be segmented, it is refused. */
  #begin(bytes: Uint8Array, start: number, end: number, size: number, protocol: number | undefined): boolean {
    const segmenter = this.#segmenter;
    if (segmenter.begin(bytes, start, end, size) && segmenter.protocol === protocol) return true;
    segmenter.count = 0;
    this.refusals.add(segmenter.tooSmall ? Refused.SegmentSize : Refused.Segmentation);
    return false;
  }

  /** Begins to segment an oversized frame. Its bytes are copied once here, and again into the segments. */
  #beginSegmenting(start: number, header: number, length: number, frameBytes: number, size: number): void {
    const { bytes } = this.#large;
    if (length > LARGEST) {
      this.refusals.add(Refused.TooBig);
      return;
    }
    bytes.set(this.#arena.subarray(start, start + Math.min(length, frameBytes)), 0);
    const segmenter = this.#segmenter;
    if (!this.#begin(bytes, 0, length, size, segmentedProtocolIn(this.#arena, header))) return;
    if (segmenter.frameBytes > frameBytes) {
      segmenter.count = 0;
      this.refusals.add(Refused.TooBig);
    }
  }

  #segment(batch: PacketBatch, network: number): void {
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
