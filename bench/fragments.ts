/** Packets as two fragments each, as on an underlay whose MTU is half their size. */
import { Fragmenter, FragmentError } from '../src/fragment/index.js';
import { IPV4_HEADER_LEN } from '../src/wire/index.js';
import type { Packets } from './workload.js';

/** Fragments begin at multiples of 8 bytes. */
const UNIT = 8;

/** The smallest MTU that splits an IPv4 packet into exactly two fragments. */
export function halvingMtu(packetBytes: number): number {
  return IPV4_HEADER_LEN + Math.ceil((packetBytes - IPV4_HEADER_LEN) / 2 / UNIT) * UNIT;
}

/** Splits each IPv4 packet into two fragments, which are concatenated. */
export function inTwoFragments(packets: Packets): Packets {
  const { bytes, start, end } = packets;
  const fragmenter = new Fragmenter();
  const count = start.length * 2;
  const total = end.reduce((sum, to, i) => sum + to - start[i] + IPV4_HEADER_LEN, 0);
  const fragmented = { bytes: new Uint8Array(total), start: new Int32Array(count), end: new Int32Array(count) };
  let at = 0;
  for (let i = 0; i < start.length; i++) {
    const failure = fragmenter.begin(bytes, start[i], end[i], halvingMtu(end[i] - start[i]));
    if (failure !== FragmentError.None || fragmenter.count !== 2)
      throw new Error('a packet was not split into two fragments');
    for (let part = 2 * i; part < 2 * i + 2; part++) {
      fragmented.start[part] = at;
      at += fragmenter.next(fragmented.bytes, at);
      fragmented.end[part] = at;
    }
  }
  return fragmented;
}
