/**
 * What the form of an SPI's packets says of its cipher without a key. AES-GCM pads to 4 bytes (RFC 4303 section 2.4), a
 * block cipher to its blocks: sizes that all leave the same rest by 16 or 8 tell them apart, once there are enough.
 */

/** Sizes that are told apart. */
const MAX_SIZES = 16;
/** With so many sizes AES-GCM would fit by chance once in 256 times for blocks of 16 bytes, once in 512 for those of 8. */
const ENOUGH_OF_16 = 5;
const ENOUGH_OF_8 = 10;

/** The sizes of an SPI's packets, and what followed IVs that came again. */
export class CipherForm {
  /** Packets with an IV of another one that don't begin the same, or are of the same size. */
  reused = 0;
  /** Packets with an IV of another one, of another size, that begin the same. */
  sameStart = 0;
  readonly #sizes: number[] = [];
  #rest = -1;
  #blocksOf16 = true;
  #blocksOf8 = true;

  /** Takes a packet's size in bytes. */
  add(size: number): void {
    if (this.#rest < 0) this.#rest = size & 15;
    if ((size & 15) !== this.#rest) this.#blocksOf16 = false;
    if ((size & 7) !== (this.#rest & 7)) this.#blocksOf8 = false;
    if (this.#sizes.length < MAX_SIZES && !this.#sizes.includes(size)) this.#sizes.push(size);
  }

  /** Whether the packets can be AES-GCM's, or another counter mode's. */
  get mayBeGcm(): boolean {
    const sizes = this.#sizes.length;
    if (this.#blocksOf16 && (sizes >= ENOUGH_OF_16 || this.sameStart > 0)) return false;
    if (this.#blocksOf8 && sizes >= ENOUGH_OF_8) return false;
    return this.reused > 0 || this.sameStart === 0;
  }
}
