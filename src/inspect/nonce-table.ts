/**
 * Whether a nonce came twice. Under one key of AES-GCM that gives away the XOR of both packets and the means to forge
 * more (NIST SP 800-38D, appendix A), so it is the worst that a capture of ESP can show.
 */
import { KeyIndex } from '../memory/key-index.js';

/** What is known of a packet's IV. */
export const NonceVerdict = {
  New: 0,
  /** The same IV with the same end: the same packet once more, recorded twice or replayed. */
  SamePacket: 1,
  /** The same IV on another packet. */
  Reused: 2,
  /** New, and not kept, since the table is full. */
  Untracked: 3,
} as const;
export type NonceVerdict = (typeof NonceVerdict)[keyof typeof NonceVerdict];

/** IVs of SPIs, bounded. */
export class NonceTable {
  readonly #index: KeyIndex;
  #ends = new Int32Array(16);

  /** @param limit IVs that it remembers at the most */
  constructor(limit: number) {
    this.#index = new KeyIndex(3, limit);
  }

  /**
   * Takes a packet's IV.
   * @param row the number of its SPI and direction
   * @param ivHigh first word of the IV
   * @param ivLow second word
   * @param end the packet's last word, a part of its ICV
   */
  add(row: number, ivHigh: number, ivLow: number, end: number): NonceVerdict {
    const { key } = this.#index;
    key[0] = row;
    key[1] = ivHigh;
    key[2] = ivLow;
    const known = this.#index.size;
    const id = this.#index.add();
    if (id < 0) return NonceVerdict.Untracked;
    if (this.#index.size === known) return this.#ends[id] === end ? NonceVerdict.SamePacket : NonceVerdict.Reused;
    if (id >= this.#ends.length) {
      const larger = new Int32Array(this.#ends.length * 2);
      larger.set(this.#ends);
      this.#ends = larger;
    }
    this.#ends[id] = end;
    return NonceVerdict.New;
  }
}
