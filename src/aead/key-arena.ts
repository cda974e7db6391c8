/**
 * Expanded keys at fixed native addresses, next to each other. Memory is allocated in chunks, each as large as all
 * before it, since an address must stay valid while its key is in use.
 */
import { type NativeMemory } from '../foreign/index.js';

/** Log2 of the keys in the first chunk. */
const FIRST_BITS = 4;
const FIRST = 1 << FIRST_BITS;
const WORD = 2 ** 32;
/** Words of a cache line. */
const LINE_WORDS = 16;

/** An arena of keys, by index from 0. */
export class KeyArena {
  /** Address of the key of the last `locate`, as 32-bit halves. */
  low = 0;
  high = 0;
  readonly #stride: number;
  readonly #allocate: (bytes: number) => NativeMemory;
  readonly #chunks: NativeMemory[] = [];
  /** The chunks as words, for reading, and their addresses as halves. */
  readonly #words: Int32Array[] = [];
  readonly #lows: number[] = [];
  readonly #highs: number[] = [];

  /**
   * @param stride bytes per key, a multiple of the alignment that the cipher needs
   * @param allocate allocates aligned and zeroed memory
   */
  constructor(stride: number, allocate: (bytes: number) => NativeMemory) {
    this.#stride = stride;
    this.#allocate = allocate;
  }

  /** Number of allocated bytes. */
  get byteLength(): number {
    return this.#chunks.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** Allocates memory up to a key. */
  reserve(index: number): void {
    while (chunkOf(index) >= this.#chunks.length) {
      const chunk = this.#allocate((FIRST << this.#chunks.length) * this.#stride);
      const { bytes, address } = chunk;
      this.#chunks.push(chunk);
      this.#words.push(new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2));
      const high = Math.floor(address / WORD);
      this.#highs.push(high);
      this.#lows.push((address - high * WORD) | 0);
    }
  }

  /** The memory of a key. */
  bytes(index: number): Uint8Array {
    const from = offsetOf(index) * this.#stride;
    return this.#chunks[chunkOf(index)].bytes.subarray(from, from + this.#stride);
  }

  /** The address of a key's memory. */
  address(index: number): number {
    return this.#chunks[chunkOf(index)].address + offsetOf(index) * this.#stride;
  }

  /** Computes the address of a key as halves. */
  locate(index: number): void {
    const chunk = chunkOf(index);
    const before = this.#lows[chunk];
    const low = (before + offsetOf(index) * this.#stride) | 0;
    this.low = low;
    this.high = this.#highs[chunk] + (low >>> 0 < before >>> 0 ? 1 : 0);
  }

  /**
   * Reads a key's cache lines, so that they are in the cache when native code needs them.
   * @param bytes from the beginning of the key
   * @returns a value that depends on all of them, so that the reads aren't optimized away
   */
  touch(index: number, bytes: number): number {
    const words = this.#words[chunkOf(index)];
    const from = (offsetOf(index) * this.#stride) >>> 2;
    let sum = 0;
    for (let at = from; at < from + (bytes >>> 2); at += LINE_WORDS) sum |= words[at];
    return sum;
  }

  /** Wipes a key. */
  wipe(index: number): void {
    this.bytes(index).fill(0);
  }
}

function chunkOf(index: number): number {
  return 31 - FIRST_BITS - Math.clz32(index + FIRST);
}

/** Index of a key in its chunk. */
function offsetOf(index: number): number {
  return index + FIRST - (FIRST << chunkOf(index));
}
