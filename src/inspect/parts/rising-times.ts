/**
 * The times of the packets of a file that aren't older than an earlier one of it. They tell how many of its packets are
 * older than any time in files before it. A packet takes about 4 bytes.
 */
import { filled, withRoom } from './growing.js';

const FIRST_BYTES = 1024;
/** A second and nanoseconds, as 7 bits per byte. */
const MAX_BYTES = 12;

/** The times as plain data. */
export interface RisingTimesPart {
  /** Packets that are older than an earlier one of the file. */
  readonly backwards: number;
  /** How much later each of the others is. */
  readonly steps: Uint8Array;
}

/** Collects the times of packets. */
export class RisingTimes {
  #backwards = 0;
  #seconds = 0;
  #nanoseconds = 0;
  #steps = new Uint8Array(FIRST_BYTES);
  #size = 0;

  /** Bytes of memory in use. */
  get bytes(): number {
    return this.#size;
  }

  /** Adds a packet's time. */
  add(seconds: number, nanoseconds: number): void {
    if (this.#size + MAX_BYTES > this.#steps.length) this.#steps = withRoom(this.#steps, this.#size + MAX_BYTES);
    if (seconds === this.#seconds && nanoseconds >= this.#nanoseconds) {
      this.#put(2 * (nanoseconds - this.#nanoseconds));
    } else if (seconds > this.#seconds) {
      this.#put(2 * (seconds - this.#seconds) + 1);
      this.#put(nanoseconds);
    } else {
      this.#backwards++;
      return;
    }
    this.#seconds = seconds;
    this.#nanoseconds = nanoseconds;
  }

  /** What was collected. */
  part(): RisingTimesPart {
    return { backwards: this.#backwards, steps: filled(this.#steps, this.#size) };
  }

  #put(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.#steps[this.#size++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#steps[this.#size++] = rest;
  }
}

/** Goes through the times of a part. */
class StepReader {
  seconds = 0;
  nanoseconds = 0;
  readonly #steps: Uint8Array;
  #at = 0;

  constructor(steps: Uint8Array) {
    this.#steps = steps;
  }

  /** Reads the next time; false if there is none. */
  next(): boolean {
    if (this.#at === this.#steps.length) return false;
    const step = this.#number();
    if (step % 2 === 0) this.nanoseconds += step / 2;
    else {
      this.seconds += (step - 1) / 2;
      this.nanoseconds = this.#number();
    }
    return true;
  }

  #number(): number {
    const steps = this.#steps;
    let value = 0;
    for (let scale = 1; this.#at < steps.length; scale *= 128) {
      const byte = steps[this.#at++];
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value;
  }
}

/**
 * How many packets of a file are older than an earlier one.
 * @param seconds the latest time of the files before it; NaN if there is none
 */
export function backwardsAfter({ backwards, steps }: RisingTimesPart, seconds: number, nanoseconds: number): number {
  const reader = new StepReader(steps);
  let count = backwards;
  while (reader.next()) {
    if (!(reader.seconds < seconds || (reader.seconds === seconds && reader.nanoseconds < nanoseconds))) break;
    count++;
  }
  return count;
}

/**
 * Whether the times of a part are at most `packets`, and the last of them is the file's latest time.
 * @param seconds the latest time; NaN if there is none
 */
export function endsAt(
  { backwards, steps }: RisingTimesPart,
  packets: number,
  seconds: number,
  nanoseconds: number,
): boolean {
  const reader = new StepReader(steps);
  let count = backwards;
  while (reader.next()) count++;
  if (count > packets) return false;
  return Number.isNaN(seconds)
    ? count === 0
    : steps.length > 0 && reader.seconds === seconds && reader.nanoseconds === nanoseconds;
}
