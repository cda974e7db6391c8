/** The reading end of a ring. */
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

/** Space is returned to the writer after reading 1/16 of the ring. */
const RELEASED_PART = 16;

/** Takes packets out of a ring. There must be only one reader. */
export class RingReader {
  /** The packet of the last `next`, from `start` to `end`, in the ring's own memory: valid until the next call. */
  readonly bytes: Uint8Array;
  start = 0;
  end = 0;
  /** The columns of that packet. */
  readonly integers: Int32Array;
  readonly floats: Float64Array;
  readonly #view: RingView;
  readonly #releaseUnits: number;
  #read: number;
  #released: number;
  /** The writer's position when last checked. */
  #written: number;

  /** @throws WorkersError `BAD_RING` */
  constructor(ring: PacketRing) {
    const view = new RingView(ring);
    this.#view = view;
    this.bytes = view.bytes;
    this.integers = new Int32Array(ring.integers);
    this.floats = new Float64Array(ring.floats);
    this.#releaseUnits = view.units / RELEASED_PART;
    this.#read = Atomics.load(view.control, READ);
    this.#released = this.#read;
    this.#written = this.#read;
  }

  /**
   * Takes the next packet. The previous one may be overwritten from then on.
   * @returns false if there is none at present
   * @throws WorkersError `BAD_RECORD`
   */
  next(): boolean {
    const view = this.#view;
    if (((this.#read - this.#released) | 0) >= this.#releaseUnits) this.#release();
    if (this.#read === this.#written && !this.#refresh()) return false;
    const { words, doubles } = view;
    let at = this.#read & (view.units - 1);
    if (words[2 * at] === PADDING) {
      this.#skip(view.units - at);
      // A record is published together with the padding before it.
      at = this.#read & (view.units - 1);
    }
    const length = words[2 * at];
    const units = length < 0 ? Number.MAX_SAFE_INTEGER : view.unitsOf(length);
    if (at + units > view.units) throw badRecord(`a packet of ${length} bytes exceeds the end of the ring`);
    const { integers, floats } = this;
    for (let i = 0; i < integers.length; i++) integers[i] = words[2 * at + 1 + i];
    for (let i = 0; i < floats.length; i++) floats[i] = doubles[at + view.floatsAt + i];
    this.start = (at + view.packetAt) * UNIT;
    this.end = this.start + length;
    this.#skip(units);
    return true;
  }

  /**
   * Blocks this thread until there is a packet.
   * @returns false if there are no more packets
   */
  wait(): boolean {
    const { control } = this.#view;
    this.#release();
    for (;;) {
      Atomics.store(control, READER_SLEEPS, 1);
      // Check for the end first, so that packets written before it are not missed.
      const ended = Atomics.load(control, ENDED) === 1;
      const more = Atomics.load(control, WRITTEN) !== this.#read;
      if (more || ended) {
        Atomics.store(control, READER_SLEEPS, 0);
        return more;
      }
      Atomics.wait(control, READER_SLEEPS, 1);
    }
  }

  #refresh(): boolean {
    this.#written = Atomics.load(this.#view.control, WRITTEN);
    const filled = (this.#written - this.#read) | 0;
    if (filled < 0 || filled > this.#view.units)
      throw badRecord(`${filled} of its ${this.#view.units} units are in use`);
    return filled > 0;
  }

  #skip(units: number): void {
    const left = (this.#written - this.#read) | 0;
    if (units > left) throw badRecord(`a record of ${units} units, with ${left} in use`);
    this.#read = (this.#read + units) | 0;
  }

  /** Returns the space of the packets read so far to the writer. */
  #release(): void {
    const view = this.#view;
    if (this.#released === this.#read) return;
    this.#released = this.#read;
    Atomics.store(view.control, READ, this.#read);
    const filled = (Atomics.load(view.control, WRITTEN) - this.#read) | 0;
    if (filled <= view.units / 2) view.wake(WRITER_SLEEPS);
  }
}

function badRecord(what: string): WorkersError {
  return new WorkersError('BAD_RECORD', `the ring was overwritten: ${what}`);
}
