/**
 * Frames that are yet to be segmented (`PacketBatch.segment`): how many packets they will be, how long these are, and
 * their segmentation into slots of their own. All counters count such a frame as its segments.
 */
import { Segmenter } from '../fragment/index.js';
import { NO_SLOT, type PacketBatch } from '../memory/index.js';

/** The segments of packets in batches. */
export class Segments {
  /** Number of packets that the one last looked at is, and the size of the longest in bytes. */
  count = 1;
  frameBytes = 0;
  readonly #segmenter = new Segmenter();

  /**
   * Sets `count` and `frameBytes` for a frame of a batch. One that can't be segmented is an ordinary frame from then on.
   * @returns the number of packets
   */
  look(batch: PacketBatch, i: number): number {
    const { arena, start, end, segment } = batch;
    this.count = 1;
    this.frameBytes = end[i] - start[i];
    if (segment[i] === 0) return 1;
    const segmenter = this.#segmenter;
    if (segmenter.begin(arena.bytes, start[i], end[i], segment[i])) {
      this.count = segmenter.count;
      this.frameBytes = segmenter.frameBytes;
    } else {
      segment[i] = 0;
    }
    return this.count;
  }

  /** Number of packets in a batch of frames. */
  countIn(batch: PacketBatch): number {
    const { count, segment } = batch;
    let packets = count;
    for (let i = 0; i < count; i++) if (segment[i] !== 0) packets += this.look(batch, i) - 1;
    return packets;
  }

  /** Begins to segment a frame of a batch, after `look`. Its slot must stay until `next` returns `NO_SLOT`. */
  begin({ arena, start, end, segment }: PacketBatch, i: number): boolean {
    return this.#segmenter.begin(arena.bytes, start[i], end[i], segment[i]);
  }

  /** Whether segments are left. */
  get pending(): boolean {
    return this.#segmenter.pending;
  }

  /** Number of segments left. */
  get left(): number {
    return this.#segmenter.left;
  }

  /**
   * Writes the next segment into a slot of its own, and sets `frameBytes` to its size in bytes.
   * @returns the slot, or `NO_SLOT` if none is free
   */
  next({ arena }: PacketBatch): number {
    const slot = arena.take();
    if (slot === NO_SLOT) return NO_SLOT;
    this.frameBytes = this.#segmenter.next(arena.bytes, arena.frameOffsetOf(slot));
    return slot;
  }
}
