/**
 * Detects nonce reuse. Under one AES-GCM key it reveals the XOR of both packets and lets an attacker forge more (NIST
 * SP 800-38D, appendix A): the worst that a capture of ESP can show.
 */
import { KeyIndex } from '../memory/internal.js';

/** Result for a packet's IV. */
export const NonceVerdict = {
  New: 0,
  /** The same IV with the same end: the same packet, recorded twice or replayed. */
  SamePacket: 1,
  /** The same IV on another packet. */
  Reused: 2,
  /**
   * The same IV on a packet of another size that begins the same. AES-GCM would encrypt headers there that contain the
   * size, so this is a block cipher's longer IV, or not encrypted at all.
   */
  SameStart: 4,
  /** New, but not stored because the table is full. */
  Untracked: 3,
} as const;
export type NonceVerdict = (typeof NonceVerdict)[keyof typeof NonceVerdict];

/** IVs per SPI, bounded. */
export class NonceTable {
  readonly #index: KeyIndex;
  #ends = new Int32Array(16);
  #starts = new Int32Array(16);
  #sizes = new Int32Array(16);

  /** @param limit maximum number of IVs stored */
  constructor(limit: number) {
    this.#index = new KeyIndex(3, limit);
  }

  /**
   * Checks and records a packet's IV.
   * @param row id of its SPI and direction
   * @param ivHigh first word of the IV
   * @param ivLow second word of the IV
   * @param end the packet's last word, part of its ICV
   * @param start a word after the IV; 0 if unknown, such as beyond the snaplen
   * @param size packet size in bytes
   */
  add(row: number, ivHigh: number, ivLow: number, end: number, start = 0, size = 0): NonceVerdict {
    const { key } = this.#index;
    key[0] = row;
    key[1] = ivHigh;
    key[2] = ivLow;
    const known = this.#index.size;
    const id = this.#index.add();
    if (id < 0) return NonceVerdict.Untracked;
    if (this.#index.size === known) {
      if (this.#ends[id] === end) return NonceVerdict.SamePacket;
      const sameStart = start !== 0 && this.#starts[id] === start;
      return sameStart && this.#sizes[id] !== size ? NonceVerdict.SameStart : NonceVerdict.Reused;
    }
    if (id >= this.#ends.length) {
      this.#ends = larger(this.#ends);
      this.#starts = larger(this.#starts);
      this.#sizes = larger(this.#sizes);
    }
    this.#ends[id] = end;
    this.#starts[id] = start;
    this.#sizes[id] = size;
    return NonceVerdict.New;
  }
}

function larger(words: Int32Array): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(words.length * 2);
  grown.set(words);
  return grown;
}
