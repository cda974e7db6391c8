import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MAX_COALESCED_FRAMES, Segmenter, UdpCoalescer } from '../../src/fragment/index.js';
import { HeaderError, Layers } from '../../src/wire/index.js';
import { join } from '../dataplane/build.js';
import { noise } from './split.js';
import { tcpFrame } from './tcp-frame.js';
import { udpFrame, type UdpFrame } from './udp-frame.js';

/** Frames one behind the other. */
class Offered {
  readonly bytes = new Uint8Array(200_000);
  readonly coalescer: UdpCoalescer;
  readonly #layers = new Layers();
  #at = 100;

  constructor(partial = false) {
    this.coalescer = new UdpCoalescer(partial);
  }

  add(frame: Uint8Array): boolean {
    const start = this.#at;
    this.bytes.set(frame, start);
    this.#at += frame.length;
    const isWhole = this.#layers.walkEthernet(this.bytes, start, this.#at) === HeaderError.None;
    return isWhole && this.coalescer.add(this.bytes, this.#layers, start, this.#at);
  }

  get gathered(): Uint8Array {
    const { count, start, end } = this.coalescer;
    return join(...Array.from({ length: count }, (_, i) => this.bytes.slice(start[i], end[i])));
  }
}

function joins(first: Uint8Array, second: Uint8Array, partial = false): boolean {
  const offered = new Offered(partial);
  assert.equal(offered.add(first), true);
  return offered.add(second);
}

const PAYLOAD = noise(500, 1);

describe('UdpCoalescer', () => {
  for (const family of [4, 6] as const) {
    test(`restores an IPv${family} packet from its datagrams, byte for byte, and the first datagram from it`, () => {
      const anyCase = fc.record({
        count: fc.integer({ min: 2, max: 40 }),
        size: fc.integer({ min: 1, max: 1400 }),
        rest: fc.integer({ min: 1, max: 1400 }),
        identification: fc.integer({ min: 0, max: 0xffff }),
      });
      fc.assert(
        fc.property(anyCase, ({ count, size, rest, identification }) => {
          const payload = noise(size * (count - 1) + Math.min(rest, size), count);
          const whole = udpFrame(payload, { family, identification, partial: true });
          const segmenter = new Segmenter();
          assert.ok(segmenter.begin(whole, 0, whole.length, size));
          assert.equal(segmenter.count, count);
          const offered = new Offered();
          const target = new Uint8Array(segmenter.frameBytes);
          for (let i = 0; segmenter.pending; i++) {
            const datagram = target.slice(0, segmenter.next(target, 0));
            const part = payload.subarray(i * size, (i + 1) * size);
            assert.deepEqual(datagram, udpFrame(part, { family, identification: (identification + i) & 0xffff }));
            assert.equal(offered.add(datagram), true);
          }
          const { coalescer } = offered;
          assert.deepEqual([coalescer.count, coalescer.size, coalescer.family], [count, size, family]);
          const before = offered.bytes.slice();
          coalescer.finish();
          assert.deepEqual(offered.gathered, whole);
          coalescer.restore();
          assert.deepEqual(offered.bytes, before);
        }),
        { numRuns: 50 },
      );
    });
  }

  test('accepts partial checksums, if enabled', () => {
    const [first, next] = [0, 1].map((identification) => udpFrame(PAYLOAD, { identification, partial: true }));
    assert.equal(joins(first, next, true), true);
    assert.equal(new Offered().add(first), false);
  });

  test('refuses what differs in any field, is longer, out of order, or has a wrong checksum or none', () => {
    const first = udpFrame(PAYLOAD);
    const next = (what: UdpFrame = {}): Uint8Array => udpFrame(PAYLOAD, { identification: 1, ...what });
    assert.equal(joins(first, next()), true);
    for (const [name, frame] of [
      ['another port', next({ port: 81 })],
      ['another traffic class', next({ tos: 4 })],
      ['another family', next({ family: 6 })],
      ['an ID that does not follow', next({ identification: 3 })],
      ['no checksum', next({ unchecked: true })],
      ['longer', udpFrame(noise(501, 1), { identification: 1 })],
      ['empty', udpFrame(new Uint8Array(0), { identification: 1 })],
      ['corrupted', next().with(next().length - 1, 99)],
      ['padded', join(next(), new Uint8Array(2))],
      ['another MAC', next().with(3, 9)],
      ['TCP', tcpFrame(PAYLOAD)],
    ] as const) {
      assert.equal(joins(first, frame), false, name);
    }
  });

  test('a shorter datagram is the last', () => {
    const offered = new Offered();
    assert.equal(offered.add(udpFrame(PAYLOAD)), true);
    assert.equal(offered.add(udpFrame(noise(20, 2), { identification: 1 })), true);
    assert.equal(offered.coalescer.complete, true);
    assert.equal(offered.add(udpFrame(noise(20, 3), { identification: 2 })), false);
    offered.coalescer.clear();
    assert.equal(offered.add(udpFrame(noise(20, 3), { identification: 2 })), true);
  });

  for (const [what, size, most] of [
    ['IP length', 1400, 46],
    ['number of frames', 10, MAX_COALESCED_FRAMES],
  ] as const) {
    test(`ends at the largest ${what}`, () => {
      const offered = new Offered();
      let count = 0;
      while (offered.add(udpFrame(noise(size, count), { identification: count }))) count++;
      assert.equal(count, most);
    });
  }
});
