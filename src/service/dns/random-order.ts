import { type RandomBytes } from '../../memory/index.js';
import { platformRandom } from '../../memory/internal.js';

/** Numbers drawn from the source at once, so that its cost per number is small. */
const POOL_WORDS = 1024;

/** Uniform random numbers below a bound, from a source of random bytes. */
export class RandomOrder {
  readonly #random: RandomBytes;
  readonly #pool = new Uint32Array(POOL_WORDS);
  #next = POOL_WORDS;

  /** @param random the source; @default the platform's cryptographic one */
  constructor(random: RandomBytes = platformRandom) {
    this.#random = random;
  }

  /** A number from 0 to bound - 1, each equally likely. */
  below(bound: number): number {
    // 2^32 - 1 rounded down to a multiple of the bound: larger numbers would favour the small ones.
    const limit = 0xffff_ffff - (0xffff_ffff % bound);
    for (;;) {
      if (this.#next === POOL_WORDS) {
        this.#random(new Uint8Array(this.#pool.buffer));
        this.#next = 0;
      }
      const number = this.#pool[this.#next++];
      if (number < limit) return number % bound;
    }
  }
}
