/** Distinguishable packets for rings, and what a reader returns. */
import type { RingReader } from '../../src/workers/index.js';

/** A packet of the given length whose bytes identify it. */
export function packetOf(number: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => number * 31 + i);
}

/** The reader's current packet, with its columns. */
export function taken({ bytes, start, end, integers, floats }: RingReader): {
  readonly packet: number[];
  readonly integers: number[];
  readonly floats: number[];
} {
  return { packet: [...bytes.subarray(start, end)], integers: [...integers], floats: [...floats] };
}
