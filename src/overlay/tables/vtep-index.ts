/** Finds the node with a VTEP address, as packets name it. */
import { getWord, KeyIndex } from '../../memory/internal.js';

/** Maximum number of nodes in a topology. */
export const MAX_NODES = 1 << 16;

/** Node indices by VTEP address, of either IP version. */
export class VtepIndex {
  // Twice the maximum: a replacement topology is added before the old one is removed.
  readonly #keys4 = new KeyIndex(1, 2 * MAX_NODES);
  readonly #keys6 = new KeyIndex(4, 2 * MAX_NODES);
  readonly #nodes4: number[] = [];
  readonly #nodes6: number[] = [];

  /**
   * The index of the node with an address, or -1.
   * @param family 4 or 6
   * @param bytes holds the address, at `offset`
   */
  find(family: number, bytes: Uint8Array, offset: number): number {
    if (family === 4) return this.find4(getWord(bytes, offset));
    const keys = this.#keys6;
    setKey(keys.key, bytes, offset);
    const id = keys.find();
    return id < 0 ? -1 : this.#nodes6[id];
  }

  /**
   * The index of the node with an IPv4 address, or -1.
   * @param address a 32-bit word, signed or not: 0xc0a83201 for 192.168.50.1
   */
  find4(address: number): number {
    const id = this.#keys4.find1(address | 0);
    return id < 0 ? -1 : this.#nodes4[id];
  }

  /** Adds an address of 4 or 16 bytes. */
  add(vtep: Uint8Array, node: number): void {
    const keys = vtep.length === 4 ? this.#keys4 : this.#keys6;
    setKey(keys.key, vtep, 0);
    (vtep.length === 4 ? this.#nodes4 : this.#nodes6)[keys.add()] = node;
  }

  /** Removes an address that was added. */
  delete(vtep: Uint8Array): void {
    const keys = vtep.length === 4 ? this.#keys4 : this.#keys6;
    setKey(keys.key, vtep, 0);
    keys.delete(keys.find());
  }
}

function setKey(key: Int32Array, bytes: Uint8Array, offset: number): void {
  for (let i = 0; i < key.length; i++) key[i] = getWord(bytes, offset + 4 * i);
}
