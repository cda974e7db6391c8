/** Packets fragmented in two, as on an underlay with half their size as its MTU. */
import { Fragmenter, FragmentError } from '../src/fragment/index.js';
import { IPV4_HEADER_LEN } from '../src/wire/index.js';
import type { Packets } from './workload.js';

/** Fragments begin at multiples of 8 bytes. */
const UNIT = 8;

/** The smallest MTU that splits an IPv4 packet into exactly two fragments. */
export function halvingMtu(packetBytes: number): number {
  return IPV4_HEADER_LEN + Math.ceil((packetBytes - IPV4_HEADER_LEN) / 2 / UNIT) * UNIT;
}

/** Each packet (IPv4) as two fragments, one behind the other. */
export function cutInTwo(packets: Packets): Packets {
  const { bytes, start, end } = packets;
  const fragmenter = new Fragmenter();
  const count = start.length * 2;
  const total = end.reduce((sum, to, i) => sum + to - start[i] + IPV4_HEADER_LEN, 0);
  const cut = { bytes: new Uint8Array(total), start: new Int32Array(count), end: new Int32Array(count) };
  let at = 0;
  for (let i = 0; i < start.length; i++) {
    const headerError = fragmenter.begin(bytes, start[i], end[i], halvingMtu(end[i] - start[i]));
    if (headerError !== FragmentError.None || fragmenter.count !== 2) throw new Error('a packet was not cut in two');
    for (let part = 2 * i; part < 2 * i + 2; part++) {
      cut.start[part] = at;
      at += fragmenter.next(cut.bytes, at);
      cut.end[part] = at;
    }
  }
  return cut;
}
