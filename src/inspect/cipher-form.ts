/**
 * What the packet sizes of an SPI reveal about its cipher without a key. AES-GCM pads to 4 bytes (RFC 4303 section
 * 2.4), a block cipher to its block size: given enough sizes, all congruent modulo 16 or 8 means a block cipher.
 */

/** Maximum number of distinct sizes tracked. */
const MAX_SIZES = 16;
/** With this many sizes, AES-GCM fits by chance once in 256 times for 16-byte blocks, once in 512 for 8-byte blocks. */
const ENOUGH_OF_16 = 5;
const ENOUGH_OF_8 = 10;

/** The packet sizes of an SPI, and what followed repeated IVs. */
export class CipherForm {
  /** Packets with another packet's IV that begin differently, or have the same size. */
  reused = 0;
  /** Packets with another packet's IV that have another size and begin the same. */
  sameStart = 0;
  readonly #sizes: number[] = [];
  #rest = -1;
  #blocksOf16 = true;
  #blocksOf8 = true;

  /** Records a packet's size in bytes. */
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
