/** Waits until one of many descriptors is readable (poll(2)). */
import { NativeMemory } from '../../foreign/index.js';
import { linux } from './linux.js';

const POLLIN = 1;
/** Length of struct pollfd in 32-bit words: the descriptor, then the requested and returned events. */
const WORDS = 2;

/** A set of descriptors to wait for. */
export class Poller {
  readonly #memory: NativeMemory;
  readonly #words: Int32Array;
  readonly #count: number;
  readonly #poll = linux().poll;

  /**
   * @param descriptors file descriptors; negative ones are ignored
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
   * Blocks this thread until a descriptor is ready, the timeout expires, or a signal arrives.
   * @param milliseconds timeout; 0 returns immediately
   * @returns whether any descriptor is ready
   */
  wait(milliseconds: number): boolean {
    return this.#poll(this.#memory.address, this.#count, milliseconds) > 0;
  }

  /** Whether descriptor `i`, in constructor order, was readable or gone at the last `wait`. */
  isReady(i: number): boolean {
    return this.#words[i * WORDS + 1] >>> 16 !== 0;
  }
}
