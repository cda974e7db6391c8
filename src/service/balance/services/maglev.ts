/**
 * Consistent hashing of flows to backends (Eisenbud et al., "Maglev", NSDI 2016, section 3.4): a ring in which every
 * backend has nearly equally many places, and of which adding or removing one of N moves little more than 1/N. It depends
 * on the backends' addresses only, so it is the same on every node and after a restart.
 */
import { hashKeyOf } from '../../../memory/index.js';
import { beginHash, addWord, finishHash } from '../../../memory/internal.js';

/** Places of the ring: a prime, and more than 100 for each of 160 backends. */
const PLACES = 16_381;
const EMPTY = -1;
const FLOW_WORDS = 3;
/** Not secret: clients that choose their ports can choose their backends, as with any hash of the flow. */
const FLOW_KEY = hashKeyOf(0x6d61676c, FLOW_WORDS);
const OFFSET_KEY = hashKeyOf(0x6f666673, 1);
const SKIP_KEY = hashKeyOf(0x736b6970, 1);

/** The hash of a flow. */
export function flowHash(client: number, ports: number, protocol: number): number {
  let sum = addWord(FLOW_KEY, beginHash(FLOW_KEY), 0, client);
  sum = addWord(FLOW_KEY, sum, 1, ports);
  return finishHash(FLOW_KEY, addWord(FLOW_KEY, sum, 2, protocol));
}

/** The ring of one service. */
export class Maglev {
  readonly #ring = new Int32Array(PLACES);
  #isEmpty = true;

  /**
   * Fills the ring.
   * @param backends ids
   * @param addresses of all backends, by id
   */
  fill(backends: readonly number[], addresses: Int32Array): void {
    const ring = this.#ring.fill(EMPTY);
    this.#isEmpty = backends.length === 0;
    if (this.#isEmpty) return;
    const sorted = [...backends].sort((a, b) => addresses[a] - addresses[b]);
    const place = sorted.map((id) => hashOf(OFFSET_KEY, addresses[id]) % PLACES);
    const skip = sorted.map((id) => (hashOf(SKIP_KEY, addresses[id]) % (PLACES - 1)) + 1);
    for (let filled = 0; filled < PLACES;) {
      for (let i = 0; i < sorted.length && filled < PLACES; i++, filled++) {
        while (ring[place[i]] !== EMPTY) place[i] = (place[i] + skip[i]) % PLACES;
        ring[place[i]] = sorted[i];
      }
    }
  }

  /** The backend of a flow, or -1 if there is none. */
  pick(hash: number): number {
    return this.#isEmpty ? EMPTY : this.#ring[(hash >>> 0) % PLACES];
  }
}

function hashOf(key: Int32Array, word: number): number {
  return finishHash(key, addWord(key, beginHash(key), 0, word)) >>> 0;
}
