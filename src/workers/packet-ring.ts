/**
 * A ring of packets in memory that two threads share: one writes (`RingWriter`), one reads (`RingReader`), and neither ever
 * waits for a lock. How the memory is laid out:
 *
 *     words that are shared, a cache line each | records, each of whole units of 8 bytes
 *     record: length of the packet, integers | floats | the packet's bytes
 *
 * A record never wraps: where it doesn't fit before the end of the ring, a word says that it stands at the beginning.
 */
import { WorkersError } from './error.js';

/** Bytes of a unit, which positions count in. */
export const UNIT = 8;
/** In place of a length: what is left before the end of the ring holds nothing. */
export const PADDING = -1;

// A cache line each, so that what one side writes doesn't take the other's line away.
const LINE_WORDS = 16;
/** Units that were written and read since the beginning, modulo 2^32. */
export const WRITTEN = 0;
export const READ = LINE_WORDS;
/** 1 while a side sleeps and wants to be woken. */
export const READER_SLEEPS = 2 * LINE_WORDS;
export const WRITER_SLEEPS = 3 * LINE_WORDS;
/** 1 once nothing more will be written. */
export const ENDED = 4 * LINE_WORDS;
const CONTROL_BYTES = 5 * LINE_WORDS * 4;

const MIN_BYTES = 1 << 12;
const MAX_BYTES = 1 << 30;
const MAX_COLUMNS = 16;
/** The largest record takes one part of so many: with it and padding there is always room in half of the ring. */
const LARGEST = 4;

/** How a ring is made. */
export interface RingOptions {
  /** Bytes for records: a power of two from 4 KiB to 1 GiB; 4 MiB if not said. */
  readonly bytes?: number;
  /** Whole numbers of 32 bits, and floating-point ones of 64, beside each packet: up to 16 of each; none if not said. */
  readonly integers?: number;
  readonly floats?: number;
}

/** A ring as it is handed from thread to thread. */
export interface PacketRing {
  readonly memory: SharedArrayBuffer;
  readonly integers: number;
  readonly floats: number;
}

/**
 * Makes a ring.
 * @throws WorkersError `BAD_RING`
 */
export function createRing({ bytes = 1 << 22, integers = 0, floats = 0 }: RingOptions = {}): PacketRing {
  const isPower = Number.isInteger(Math.log2(bytes));
  if (!isPower || bytes < MIN_BYTES || bytes > MAX_BYTES) {
    throw new WorkersError('BAD_RING', `a ring has a power of two of bytes from ${MIN_BYTES} to ${MAX_BYTES}`);
  }
  checkColumns(integers, floats);
  return { memory: new SharedArrayBuffer(CONTROL_BYTES + bytes), integers, floats };
}

/** @throws WorkersError `BAD_RING` for numbers of columns that no ring has */
export function checkColumns(...numbers: readonly number[]): void {
  for (const columns of numbers) {
    if (!Number.isInteger(columns) || columns < 0 || columns > MAX_COLUMNS) {
      throw new WorkersError('BAD_RING', `a ring has 0 to ${MAX_COLUMNS} columns of a kind beside its packets`);
    }
  }
}

/** The memory of a ring as both sides see it. */
export class RingView {
  readonly control: Int32Array;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly bytes: Uint8Array;
  /** Units of the ring, a power of two. */
  readonly units: number;
  /** Units of a record in front of its floats, and in front of its packet. */
  readonly floatsAt: number;
  readonly packetAt: number;
  /** Units of the largest record. */
  readonly largest: number;

  /** @throws WorkersError `BAD_RING` for memory that `createRing` didn't make */
  constructor({ memory, integers, floats }: PacketRing) {
    const size = memory.byteLength - CONTROL_BYTES;
    if (size < MIN_BYTES || !Number.isInteger(Math.log2(size))) {
      throw new WorkersError('BAD_RING', `memory of ${memory.byteLength} bytes is no ring`);
    }
    this.control = new Int32Array(memory, 0, CONTROL_BYTES / 4);
    this.words = new Int32Array(memory, CONTROL_BYTES);
    this.doubles = new Float64Array(memory, CONTROL_BYTES);
    this.bytes = new Uint8Array(memory, CONTROL_BYTES);
    this.units = size / UNIT;
    this.floatsAt = (integers + 2) >> 1;
    this.packetAt = this.floatsAt + floats;
    this.largest = this.units / LARGEST;
  }

  /** Units of the record of a packet of `length` bytes. */
  unitsOf(length: number): number {
    return this.packetAt + Math.ceil(length / UNIT);
  }

  /** Wakes a side if it sleeps; `sleeps` is its word. */
  wake(sleeps: number): void {
    // Looked at first: nearly always it doesn't, and a load costs nothing.
    if (Atomics.load(this.control, sleeps) === 0) return;
    Atomics.store(this.control, sleeps, 0);
    Atomics.notify(this.control, sleeps);
  }
}
