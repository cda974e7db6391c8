/** Buffers of a vectored read or write: struct iovec (readv(2)). */
import { NativeMemory } from '../../foreign/index.js';

const WORD = 2 ** 32;
const BYTES = 16;
const WORDS = BYTES / 4;

/** A vector of buffers, by address and length. */
export class PieceVector {
  readonly #memory: NativeMemory;
  readonly #words: Int32Array;

  constructor(count: number) {
    this.#memory = new NativeMemory(count * BYTES);
    const { bytes } = this.#memory;
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, count * WORDS);
  }

  /** The address of the vector. */
  get address(): number {
    return this.#memory.address;
  }

  /** Sets buffer `i`. */
  set(i: number, address: number, length: number): void {
    const at = i * WORDS;
    this.#words[at] = (address % WORD) | 0;
    this.#words[at + 1] = (address / WORD) | 0;
    this.#words[at + 2] = length;
  }
}
