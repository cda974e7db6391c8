/**
 * A single-producer, single-consumer ring of packets in shared memory: one thread writes (`RingWriter`), one reads
 * (`RingReader`), lock-free. Memory layout:
 *
 *     shared words, one cache line each | records, padded to units of 8 bytes
 *     record: packet length, integers | floats | packet bytes
 *
 * A record never wraps: if it doesn't fit before the end of the ring, a padding word sends the reader to the beginning.
 */
import { WorkersError } from './error.js';

/** Unit of positions, in bytes. */
export const UNIT = 8;
/** A length that marks the rest of the ring as unused. */
export const PADDING = -1;

// One cache line each, so that one side's writes don't invalidate the other side's line (false sharing).
const LINE_WORDS = 16;
/** Units written and read since the beginning, modulo 2^32. */
export const WRITTEN = 0;
export const READ = LINE_WORDS;
/** 1 while that side is parked and needs a wake-up. */
export const READER_SLEEPS = 2 * LINE_WORDS;
export const WRITER_SLEEPS = 3 * LINE_WORDS;
/** 1 once the writer has ended. */
export const ENDED = 4 * LINE_WORDS;
const CONTROL_BYTES = 5 * LINE_WORDS * 4;

const MIN_BYTES = 1 << 12;
const MAX_BYTES = 1 << 30;
const MAX_COLUMNS = 16;
/** The largest record is 1/4 of the ring: with padding it always fits into a half-empty ring. */
const LARGEST = 4;

/** Options of a ring. */
export interface RingOptions {
  /**
   * Space for records in bytes: a power of two from 4 KiB to 1 GiB.
   * @default 4194304 (4 MiB)
   */
  readonly bytes?: number;
  /**
   * Number of 32-bit integers and 64-bit floats to carry with each packet, at most 16 of each.
   * @default 0
   */
  readonly integers?: number;
  readonly floats?: number;
}

/** A ring in the form that is passed between threads. */
export interface PacketRing {
  readonly memory: SharedArrayBuffer;
  readonly integers: number;
  readonly floats: number;
}

/**
 * Creates a ring.
 * @throws WorkersError `BAD_RING`
 */
export function createRing({ bytes = 1 << 22, integers = 0, floats = 0 }: RingOptions = {}): PacketRing {
  const isPower = Number.isInteger(Math.log2(bytes));
  if (!isPower || bytes < MIN_BYTES || bytes > MAX_BYTES) {
    throw new WorkersError('BAD_RING', `a ring's size is a power of two from ${MIN_BYTES} to ${MAX_BYTES} bytes`);
  }
  checkColumns(integers, floats);
  return { memory: new SharedArrayBuffer(CONTROL_BYTES + bytes), integers, floats };
}

/** @throws WorkersError `BAD_RING` for an invalid number of columns */
export function checkColumns(...numbers: readonly number[]): void {
  for (const columns of numbers) {
    if (!Number.isInteger(columns) || columns < 0 || columns > MAX_COLUMNS) {
      throw new WorkersError('BAD_RING', `a ring has 0 to ${MAX_COLUMNS} columns of each kind`);
    }
  }
}

/** Both sides' view of a ring's memory. */
export class RingView {
  readonly control: Int32Array;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly bytes: Uint8Array;
  /** Size of the ring in units, a power of two. */
  readonly units: number;
  /** Offsets in a record, in units, of its floats and of its packet. */
  readonly floatsAt: number;
  readonly packetAt: number;
  /** Units of the largest record. */
  readonly largest: number;

  /** @throws WorkersError `BAD_RING` for memory that `createRing` didn't create */
  constructor({ memory, integers, floats }: PacketRing) {
    const size = memory.byteLength - CONTROL_BYTES;
    if (size < MIN_BYTES || !Number.isInteger(Math.log2(size))) {
      throw new WorkersError('BAD_RING', `memory of ${memory.byteLength} bytes is not a ring`);
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

  /** Units of a record with a packet of `length` bytes. */
  unitsOf(length: number): number {
    return this.packetAt + Math.ceil(length / UNIT);
  }

  /** Wakes a side if it is parked; `sleeps` is its word. */
  wake(sleeps: number): void {
    // Check first: it is rarely parked, and a load is cheap.
    if (Atomics.load(this.control, sleeps) === 0) return;
    Atomics.store(this.control, sleeps, 0);
    Atomics.notify(this.control, sleeps);
  }
}
