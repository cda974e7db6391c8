/** Waits until one of many descriptors has something to read (poll(2)). */
import { NativeMemory } from '../foreign/index.js';
import { linux } from './linux.js';

const POLLIN = 1;
/** Bytes of a struct pollfd, as words: the descriptor, and the events asked for and told. */
const WORDS = 2;

/** Descriptors that are waited for. */
export class Poller {
  readonly #memory: NativeMemory;
  readonly #words: Int32Array;
  readonly #count: number;
  readonly #poll = linux().poll;

  /**
   * @param descriptors file descriptors; negative ones are passed over
   * @throws LiveError `SYSTEM_UNAVAILABLE`
   */
  constructor(descriptors: readonly number[]) {
    this.#count = descriptors.length;
    this.#memory = new NativeMemory(Math.max(1, descriptors.length) * WORDS * 4);
    const { bytes } = this.#memory;
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    descriptors.forEach((descriptor, i) => {
      this.#words[i * WORDS] = descriptor;
      this.#words[i * WORDS + 1] = POLLIN;
    });
  }

  /**
   * Waits, and blocks this thread meanwhile. A signal ends the waiting.
   * @param milliseconds at the most; 0 only looks
   * @returns whether any is ready
   */
  wait(milliseconds: number): boolean {
    return this.#poll(this.#memory.address, this.#count, milliseconds) > 0;
  }

  /** Whether descriptor `i`, in the order of the constructor, was ready at the last `wait`: to be read, or gone. */
  isReady(i: number): boolean {
    return this.#words[i * WORDS + 1] >>> 16 !== 0;
  }
}
