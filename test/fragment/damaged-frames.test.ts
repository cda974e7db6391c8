/** Coalescing never repairs a frame: one with any bit changed is passed on as it is, or comes back from its packet so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Coalescer, Segmenter, TcpCoalescer, UdpCoalescer } from '../../src/fragment/index.js';
import { HeaderError, Layers } from '../../src/wire/index.js';
import { noise } from './split.js';
import { tcpFrame } from './tcp-frame.js';
import { udpFrame } from './udp-frame.js';

const FRAMES = 4;
const PAYLOAD = 60;

/** The frames that come out if coalesced packets are segmented again. */
function coalescedAndSegmented(frames: readonly Uint8Array[], coalescer: Coalescer): Uint8Array[] {
  const bytes = new Uint8Array(frames.reduce((sum, { length }) => sum + length, 0));
  const layers = new Layers();
  const segmenter = new Segmenter();
  const out: Uint8Array[] = [];
  const flush = (): void => {
    const { count, start, end, size } = coalescer;
    if (count === 1) {
      out.push(bytes.slice(start[0], end[0]));
    } else if (count > 1) {
      coalescer.finish();
      const packet = Buffer.concat(Array.from({ length: count }, (_, i) => bytes.subarray(start[i], end[i])));
      assert.ok(segmenter.begin(packet, 0, packet.length, size));
      while (segmenter.pending) {
        const segment = new Uint8Array(segmenter.nextFrameBytes);
        segmenter.next(segment, 0);
        out.push(segment);
      }
    }
    coalescer.clear();
  };
  let at = 0;
  for (const frame of frames) {
    const end = at + frame.length;
    bytes.set(frame, at);
    const isWhole = layers.walkEthernet(bytes, at, end) === HeaderError.None;
    if (!isWhole || !coalescer.add(bytes, layers, at, end)) {
      flush();
      if (!isWhole || !coalescer.add(bytes, layers, at, end)) out.push(bytes.slice(at, end));
    }
    at = end;
  }
  flush();
  return out;
}

for (const family of [4, 6] as const) {
  for (const [name, frameOf, create] of [
    [
      'TCP',
      (i: number) =>
        tcpFrame(noise(PAYLOAD, i), { family, sequence: i * PAYLOAD, identification: i, dontFragment: false }),
      () => new TcpCoalescer(),
    ],
    ['UDP', (i: number) => udpFrame(noise(PAYLOAD, i), { family, identification: i }), () => new UdpCoalescer()],
  ] as const) {
    test(`${name} over IPv${family}: frames come out as they came, whichever bit of one is wrong`, () => {
      const frames = Array.from({ length: FRAMES }, (_, i) => frameOf(i));
      const coalescer = create();
      assert.deepEqual(coalescedAndSegmented(frames, coalescer), frames);
      for (let damaged = 0; damaged < FRAMES; damaged++) {
        for (let bit = 0; bit < 8 * frames[damaged].length; bit++) {
          const all = frames.map((frame) => frame.slice());
          all[damaged][bit >>> 3] ^= 1 << (bit & 7);
          const out = coalescedAndSegmented(all, coalescer);
          assert.ok(Buffer.concat(out).equals(Buffer.concat(all)), `bit ${bit} of frame ${damaged}`);
        }
      }
    });
  }
}
