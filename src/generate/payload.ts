/** The bytes of all payloads: pseudorandom letters, with running sums, so that no payload's checksum is ever computed. */
import { SeededRandom } from '../replay/random.js';

/** Any payload is a range of these bytes. */
const LENGTH = 1 << 17;
/** Payloads begin among the first of them, which the processor's caches hold. */
const STARTS = 1 << 14;
const SEED = 0x7061796c;
/** Any other bytes look like RTCP now and then, or like another protocol that is recognised by its first bits. */
const LETTER_A = 0x61;
const LETTERS = 26;

/** The payload bytes. */
export const PAYLOAD_BYTES = LENGTH;

/** Fills an array with the payload bytes, from `at` on, and sums them up. */
export class PayloadSums {
  /** Sum of the words before each one; that of all fits into 32 bits. */
  readonly #sums = new Uint32Array(LENGTH / 2 + 1);
  readonly #bytes: Uint8Array;
  readonly #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
    const random = new SeededRandom(SEED);
    for (let i = 0; i < LENGTH; i++) bytes[at + i] = LETTER_A + random.below(LETTERS);
    for (let i = 0; i < LENGTH; i += 2) {
      this.#sums[i / 2 + 1] = this.#sums[i / 2] + ((bytes[at + i] << 8) | bytes[at + i + 1]);
    }
  }

  /**
   * Where a payload begins, so that packets differ.
   * @param word any number
   * @returns an even offset, with bytes for the longest payload after it
   */
  offset(word: number): number {
    return this.#at + ((word >>> 16) & (STARTS - 2));
  }

  /** The sum of a payload's words. */
  sum(offset: number, length: number): number {
    const from = (offset - this.#at) >> 1;
    const to = from + (length >> 1);
    const odd = (length & 1) === 0 ? 0 : this.#bytes[offset + length - 1] << 8;
    return this.#sums[to] - this.#sums[from] + odd;
  }
}
