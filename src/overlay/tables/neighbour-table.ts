/** Neighbours: maps a VNI and an IP address to a MAC, as `ip neigh` does; used to answer ARP and ND. */
import { getWord, KeyIndex } from '../../memory/internal.js';

const KEY_WORDS = 6;
const MAC_BYTES = 6;
const FIRST_MACS = 64;

/** Maps (VNI, IP) to a MAC; permanent entries. */
export class NeighbourTable {
  readonly #index: KeyIndex;
  #macs = new Uint8Array(FIRST_MACS * MAC_BYTES);

  /**
   * @param limit maximum number of entries
   * @throws VtepError `BAD_INDEX` for a limit below 1
   */
  constructor(limit: number = 1 << 20) {
    this.#index = new KeyIndex(KEY_WORDS, limit);
  }

  /** Number of entries. */
  get size(): number {
    return this.#index.size;
  }

  /** The array that `find` returns offsets into. It may be replaced when entries are added. */
  get macs(): Uint8Array {
    return this.#macs;
  }

  /**
   * Sets an entry, replacing an existing one.
   * @param ip 4 or 16 bytes
   * @param mac 6 bytes
   * @returns false if the table is full
   */
  set(vni: number, ip: Uint8Array, mac: Uint8Array): boolean {
    this.#setKey(vni, ip.length === 4 ? 4 : 6, ip, 0);
    const id = this.#index.add();
    if (id < 0) return false;
    const at = id * MAC_BYTES;
    if (at >= this.#macs.length) {
      const larger = new Uint8Array(this.#macs.length * 2);
      larger.set(this.#macs);
      this.#macs = larger;
    }
    this.#macs.set(mac, at);
    return true;
  }

  /** Removes an entry. Returns whether it existed. */
  delete(vni: number, ip: Uint8Array): boolean {
    this.#setKey(vni, ip.length === 4 ? 4 : 6, ip, 0);
    const id = this.#index.find();
    if (id < 0) return false;
    this.#index.delete(id);
    return true;
  }

  /**
   * Looks up an address.
   * @param family 4 or 6
   * @param bytes holds the address, at `offset`
   * @returns the offset of its MAC in `macs`, or -1
   */
  find(vni: number, family: number, bytes: Uint8Array, offset: number): number {
    this.#setKey(vni, family, bytes, offset);
    const id = this.#index.find();
    return id < 0 ? -1 : id * MAC_BYTES;
  }

  #setKey(vni: number, family: number, bytes: Uint8Array, offset: number): void {
    const { key } = this.#index;
    key[0] = vni;
    key[1] = family;
    key[2] = getWord(bytes, offset);
    const long = family === 6;
    key[3] = long ? getWord(bytes, offset + 4) : 0;
    key[4] = long ? getWord(bytes, offset + 8) : 0;
    key[5] = long ? getWord(bytes, offset + 12) : 0;
  }
}
