/** Which conversation later fragments belong to: they have no ports, but the identification of the first fragment. */
import { getWord, KeyIndex } from '../../memory/internal.js';

/** VNI, protocol, identification, and two IPv6 addresses; an IPv4 address takes one word. */
const WORDS = 11;
/** Seconds for which an identification refers to the same packet: Linux's `ipfrag_time`. */
const LIFETIME_SECONDS = 30;

/** A bounded list of packets whose first fragment was seen; the oldest is forgotten first. */
export class FragmentFlows {
  readonly #index: KeyIndex;
  readonly #limit: number;
  /** By id: the conversation and direction, as the caller packed them, and the time of the first fragment. */
  readonly #flows: Int32Array;
  readonly #times: Float64Array;
  #oldest = 0;

  /** @param limit maximum number of packets */
  constructor(limit = 4096) {
    this.#limit = limit;
    this.#index = new KeyIndex(WORDS, limit);
    this.#flows = new Int32Array(limit);
    this.#times = new Float64Array(limit);
  }

  /**
   * Remembers the packet of a first fragment.
   * @param addressOffset offset of the source address in `bytes`; the destination address follows it
   * @param flow non-negative integer
   * @param seconds its time, or NaN
   */
  add(
    vni: number,
    family: number,
    protocol: number,
    identification: number,
    bytes: Uint8Array,
    addressOffset: number,
    flow: number,
    seconds: number,
  ): void {
    this.#setKey(vni, family, protocol, identification, bytes, addressOffset);
    let id = this.#index.add();
    if (id < 0) {
      // Ids are reused at once, so they are in order of age.
      this.#index.delete(this.#oldest);
      this.#oldest = (this.#oldest + 1) % this.#limit;
      this.#setKey(vni, family, protocol, identification, bytes, addressOffset);
      id = this.#index.add();
    }
    this.#flows[id] = flow;
    this.#times[id] = seconds;
  }

  /** The flow of a later fragment, or -1 if its first fragment wasn't seen in the last 30 seconds. */
  find(
    vni: number,
    family: number,
    protocol: number,
    identification: number,
    bytes: Uint8Array,
    addressOffset: number,
    seconds: number,
  ): number {
    this.#setKey(vni, family, protocol, identification, bytes, addressOffset);
    const id = this.#index.find();
    // Without times (NaN), it never expires.
    return id < 0 || seconds - this.#times[id] > LIFETIME_SECONDS ? -1 : this.#flows[id];
  }

  #setKey(vni: number, family: number, protocol: number, identification: number, bytes: Uint8Array, at: number): void {
    const { key } = this.#index;
    const words = family === 4 ? 2 : 8;
    key[0] = vni;
    key[1] = (family << 8) | protocol;
    key[2] = identification;
    for (let i = 0; i < 8; i++) key[3 + i] = i < words ? getWord(bytes, at + 4 * i) : 0;
  }
}
