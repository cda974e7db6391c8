/**
 * The source port of a masqueraded connection, chosen as nf_nat does (net/netfilter/nf_nat_core.c): the client's own if
 * it is free towards this backend, else another of the same class, from a random start.
 */
import type { RandomBytes } from '../../../memory/index.js';

/** Attempts of the first round; each further round has half as many. */
const FIRST_ROUND = 128;
const LAST_ROUND = 16;

/** Smallest port of a port's class. */
function firstOfClass(port: number): number {
  if (port < 512) return 1;
  return port < 1024 ? 600 : 1024;
}

/** Number of ports in a port's class. */
function sizeOfClass(port: number): number {
  if (port < 512) return 511;
  return port < 1024 ? 424 : 64_512;
}

/** Draws random 16-bit numbers. */
export class RandomShorts {
  readonly #random: RandomBytes;
  readonly #bytes = new Uint8Array(2);

  constructor(random: RandomBytes) {
    this.#random = random;
  }

  /** The next number, 0 to 65,535. */
  next(): number {
    this.#random(this.#bytes);
    return (this.#bytes[0] << 8) | this.#bytes[1];
  }
}

/**
 * Chooses another port of the wanted port's class: consecutive ones from a random start, for at most 128, 64, 32 and 16
 * attempts.
 * @param isFree whether a port is free; created once per table, not per packet
 * @returns the port, or -1 if none was free
 */
export function otherPort(wanted: number, shorts: RandomShorts, isFree: (port: number) => boolean): number {
  const first = firstOfClass(wanted);
  const size = sizeOfClass(wanted);
  for (let attempts = Math.min(size, FIRST_ROUND); attempts >= LAST_ROUND; attempts >>>= 1) {
    let offset = shorts.next();
    for (let tried = 0; tried < attempts; tried++, offset++) {
      const port = first + (offset % size);
      if (isFree(port)) return port;
    }
  }
  return -1;
}
