/** The writing end of a ring. */
import { checkRange, WordCopy } from '../memory/internal.js';
import { WorkersError } from './error.js';
import {
  ENDED,
  PADDING,
  type PacketRing,
  READ,
  READER_SLEEPS,
  RingView,
  UNIT,
  WRITER_SLEEPS,
  WRITTEN,
} from './packet-ring.js';

/** Records are published after writing 1/16 of the ring or this many bytes, whichever is less. */
const PUBLISHED_PART = 16;
const PUBLISHED_BYTES = 1 << 16;

/** The values carried with a packet. */
export interface RingColumns {
  readonly integers: Int32Array;
  readonly floats: Float64Array;
}

/** Puts packets into a ring. There must be only one writer. */
export class RingWriter {
  /** The caller sets a packet's columns here before pushing it. */
  readonly integers: Int32Array;
  readonly floats: Float64Array;
  /** Length of the largest packet it accepts, in bytes. */
  readonly largest: number;
  readonly #view: RingView;
  readonly #copy: WordCopy;
  readonly #publishUnits: number;
  #written: number;
  #published: number;
  /** The reader's position when last checked: usually it shows enough space without another check. */
  #read: number;

  /**
   * @param columns of another writer, to share the columns between both
   * @throws WorkersError `BAD_RING`
   */
  constructor(ring: PacketRing, columns?: RingColumns) {
    const view = new RingView(ring);
    this.#view = view;
    this.#copy = new WordCopy(view.bytes);
    this.integers = columns?.integers ?? new Int32Array(ring.integers);
    this.floats = columns?.floats ?? new Float64Array(ring.floats);
    this.largest = (view.largest - view.packetAt) * UNIT;
    this.#publishUnits = Math.min(view.units / PUBLISHED_PART, PUBLISHED_BYTES / UNIT);
    this.#written = Atomics.load(view.control, WRITTEN);
    this.#published = this.#written;
    this.#read = Atomics.load(view.control, READ);
  }

  /**
   * Appends a packet with its columns. The reader sees it once enough data is pending, or after `publish`.
   * @param bytes holds the packet, from `start` to `end`
   * @returns false if there is no space: everything before it was published, and `room` waits for space
   * @throws WorkersError `RECORD_TOO_LARGE` if it can never fit; MemoryError `BAD_RANGE`
   */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    checkRange(bytes, start, end);
    const view = this.#view;
    const units = view.unitsOf(end - start);
    if (units > view.largest) {
      throw new WorkersError(
        'RECORD_TOO_LARGE',
        `a packet of ${end - start} bytes exceeds the ring's maximum of ${this.largest}: make the ring larger`,
      );
    }
    let at = this.#written & (view.units - 1);
    const left = view.units - at;
    const padding = units > left ? left : 0;
    if (units + padding > this.#free && units + padding > this.#freeNow()) {
      this.publish();
      return false;
    }
    const { words, doubles } = view;
    if (padding > 0) {
      words[2 * at] = PADDING;
      at = 0;
    }
    words[2 * at] = end - start;
    const { integers, floats } = this;
    for (let i = 0; i < integers.length; i++) words[2 * at + 1 + i] = integers[i];
    for (let i = 0; i < floats.length; i++) doubles[at + view.floatsAt + i] = floats[i];
    this.#copy.copy(bytes, start, end, (at + view.packetAt) * UNIT);
    this.#written = (this.#written + padding + units) | 0;
    if (((this.#written - this.#published) | 0) >= this.#publishUnits) this.publish();
    return true;
  }

  /** Makes everything pushed visible to the reader. */
  publish(): void {
    if (this.#published === this.#written) return;
    const view = this.#view;
    Atomics.store(view.control, WRITTEN, this.#written);
    this.#published = this.#written;
    view.wake(READER_SLEEPS);
  }

  /** Marks the end of the packets. */
  end(): void {
    this.publish();
    Atomics.store(this.#view.control, ENDED, 1);
    this.#view.wake(READER_SLEEPS);
  }

  /**
   * Waits until half of the ring is free, so that the sides don't wake each other for every packet; or until `wake`.
   */
  async room(): Promise<void> {
    const view = this.#view;
    this.publish();
    Atomics.store(view.control, WRITER_SLEEPS, 1);
    // Check after setting the word: a reader that makes room now sees it.
    if (this.#freeNow() >= view.units / 2) {
      Atomics.store(view.control, WRITER_SLEEPS, 0);
      return;
    }
    const waiting = Atomics.waitAsync(view.control, WRITER_SLEEPS, 1);
    if (waiting.async) await waiting.value;
  }

  /** Ends the wait of `room`, whatever the reader does. */
  wake(): void {
    this.#view.wake(WRITER_SLEEPS);
  }

  get #free(): number {
    return this.#view.units - ((this.#written - this.#read) | 0);
  }

  #freeNow(): number {
    this.#read = Atomics.load(this.#view.control, READ);
    return this.#free;
  }
}
