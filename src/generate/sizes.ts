/** Sizes of packets: one, a range, IMIX, or any mix of them. */
import type { SeededRandom } from '../replay/random.js';
import { inQuotes } from '../text/plain-text.js';
import { GenerateError } from './error.js';

/** A share of the packets. */
export interface SizeShare {
  /** The smallest inner IP packet, in bytes. */
  readonly lowest: number;
  /** The largest one; sizes between them are equally likely. */
  readonly highest: number;
  /** How often it is drawn, relative to the others. */
  readonly weight: number;
}

/** The largest size: an IP packet. */
export const MAX_SIZE = 65_535;
const MAX_SHARES = 64;
const MAX_WEIGHT = 1e6;

/** The simple IMIX: 7 : 4 : 1. The network's MTU limits the largest. */
export const IMIX: readonly SizeShare[] = [
  { lowest: 64, highest: 64, weight: 7 },
  { lowest: 576, highest: 576, weight: 4 },
  { lowest: 1500, highest: 1500, weight: 1 },
];

/**
 * Parses sizes: `imix`, `1400`, `64-1450`, or shares of them with their weights, `64:7,576:4,1000-1450`.
 * @throws GenerateError `BAD_SIZES`
 * @example
 * import { parseSizes } from 'vtep/generate';
 *
 * console.log(parseSizes('64:7,576:4,1450')); // three shares, of 7/12, 4/12 and 1/12 of the packets
 */
export function parseSizes(text: string): readonly SizeShare[] {
  if (text === 'imix') return IMIX;
  const parts = text.split(',', MAX_SHARES + 1);
  if (parts.length > MAX_SHARES) throw new GenerateError('BAD_SIZES', `at most ${MAX_SHARES} sizes`);
  return parts.map((part) => {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?(?::(\d{1,7}))?$/.exec(part);
    const lowest = Number(match?.[1]);
    const highest = Number(match?.at(2) ?? match?.[1]);
    const weight = Number(match?.at(3) ?? 1);
    const inside = lowest >= 1 && lowest <= highest && highest <= MAX_SIZE && weight >= 1 && weight <= MAX_WEIGHT;
    if (match !== null && inside) return { lowest, highest, weight };
    throw new GenerateError('BAD_SIZES', `not sizes: ${inQuotes(part)}; use imix, 1400, 64-1450 or 64:7,576:4,1450:1`);
  });
}

/** Draws sizes. */
export class SizeDraw {
  readonly #shares: readonly SizeShare[];
  readonly #total: number;

  constructor(shares: readonly SizeShare[]) {
    if (shares.length === 0) throw new GenerateError('BAD_SIZES', 'at least one size');
    this.#shares = shares;
    this.#total = shares.reduce((sum, { weight }) => sum + weight, 0);
  }

  /**
   * Draws the size of an inner IP packet in bytes.
   * @param limit the largest that may be drawn: the network's MTU
   */
  draw(random: SeededRandom, limit: number): number {
    const shares = this.#shares;
    let rest = shares.length === 1 ? 0 : random.below(this.#total);
    let i = 0;
    while (rest >= shares[i].weight) rest -= shares[i++].weight;
    const { lowest, highest } = shares[i];
    const size = lowest === highest ? lowest : lowest + random.below(highest - lowest + 1);
    return size < limit ? size : limit;
  }
}
