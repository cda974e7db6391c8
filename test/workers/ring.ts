/** Packets for rings that can be told apart, and what a reader takes out. */
import type { RingReader } from '../../src/workers/index.js';

/** A packet of a length: its bytes say which it is. */
export function packetOf(number: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => number * 31 + i);
}

/** The packet that a reader stands at, with its columns. */
export function taken({ bytes, start, end, integers, floats }: RingReader): {
  readonly packet: number[];
  readonly integers: number[];
  readonly floats: number[];
} {
  return { packet: [...bytes.subarray(start, end)], integers: [...integers], floats: [...floats] };
}
