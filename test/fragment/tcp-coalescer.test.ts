import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MAX_COALESCED_FRAMES, TcpCoalescer, Segmenter } from '../../src/fragment/index.js';
import { TcpFlag } from '../../src/wire/index.js';
import { FRAME, join } from '../dataplane/build.js';
import { noise } from './split.js';
import { headersOf, type TcpFrame, tcpFrame } from './tcp-frame.js';

/** Frames in one array with gaps, as in slots of an arena. */
class Slots {
  readonly bytes = new Uint8Array(400_000);
  #at = 50;

  put(frame: Uint8Array): readonly [start: number, end: number] {
    const start = this.#at;
    this.bytes.set(frame, start);
    this.#at += frame.length + 50;
    return [start, start + frame.length];
  }
}

/** The coalesced packet. */
function gathered(merger: TcpCoalescer, bytes: Uint8Array): Uint8Array {
  merger.finish();
  return join(...Array.from({ length: merger.count }, (_, i) => bytes.subarray(merger.start[i], merger.end[i])));
}

/** Whether a second frame joins a first one. */
function joins(first: Uint8Array, second: Uint8Array, partial = false): boolean {
  const slots = new Slots();
  const merger = new TcpCoalescer(partial);
  assert.equal(merger.offer(slots.bytes, ...slots.put(first)), true);
  return merger.offer(slots.bytes, ...slots.put(second));
}

const PAYLOAD = noise(1000, 1);
const FIRST: TcpFrame = { sequence: 1, options: [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2] };
const NEXT: TcpFrame = { ...FIRST, sequence: 1001 };

describe('TcpCoalescer', () => {
  for (const family of [4, 6] as const) {
    test(`restores an IPv${family} packet from its segments, byte for byte`, () => {
      const anyCase = fc.record({
        count: fc.integer({ min: 2, max: 40 }),
        size: fc.integer({ min: 48, max: 1400 }),
        rest: fc.integer({ min: 1, max: 1400 }),
        sequence: fc.integer({ min: 0, max: 0xffffffff }),
        flags: fc.constantFrom(TcpFlag.Ack, TcpFlag.Ack | TcpFlag.Psh),
        tos: fc.integer({ min: 0, max: 255 }),
      });
      fc.assert(
        fc.property(anyCase, ({ count, size, rest, ...what }) => {
          const payload = noise(size * (count - 1) + Math.min(rest, size), count);
          const whole = tcpFrame(payload, { ...what, family, partial: true });
          const segmenter = new Segmenter();
          assert.ok(segmenter.begin(whole, 0, whole.length, size));
          const slots = new Slots();
          const merger = new TcpCoalescer();
          const target = new Uint8Array(segmenter.frameBytes);
          while (segmenter.pending) {
            const segment = target.subarray(0, segmenter.next(target, 0));
            assert.equal(merger.offer(slots.bytes, ...slots.put(segment)), true);
          }
          assert.equal(merger.count, count);
          assert.deepEqual(gathered(merger, slots.bytes), whole);
          assert.deepEqual([merger.size, merger.family, merger.headers], [size, family, headersOf({ family })]);
        }),
        { numRuns: 100 },
      );
    });
  }

  test('accepts partial checksums, if enabled', () => {
    const [first, next] = [FIRST, NEXT].map((what) => tcpFrame(PAYLOAD, { ...what, partial: true }));
    assert.equal(joins(first, next, true), true);
    assert.equal(new TcpCoalescer().offer(first, 0, first.length), false);
    // Otherwise the field is a wrong checksum, and a corrupted payload is not accepted.
    const corrupted = first.with(first.length - 1, first[first.length - 1] ^ 1);
    assert.equal(new TcpCoalescer().offer(corrupted, 0, corrupted.length), false);
  });

  const others: readonly (readonly [string, TcpFrame])[] = [
    ['another sequence number', { ...NEXT, sequence: 1002 }],
    ['the same segment again', FIRST],
    ['another acknowledgment', { ...NEXT, acknowledgment: 8 }],
    ['another window', { ...NEXT, window: 501 }],
    ['another timestamp', { ...NEXT, options: [1, 1, 8, 10, 0, 0, 0, 2, 0, 0, 0, 2] }],
    ['fewer options', { ...NEXT, options: [1, 1, 1, 1] }],
    ['another port', { ...NEXT, sourcePort: 40_001 }],
    ['another address', { ...NEXT, host: 5 }],
    ['another DSCP', { ...NEXT, tos: 8 }],
    ['CE', { ...NEXT, tos: 3 }],
    ['another TTL', { ...NEXT, ttl: 63 }],
    ['another IP version', { ...NEXT, family: 6 }],
    ['FIN', { ...NEXT, flags: TcpFlag.Ack | TcpFlag.Fin }],
    ['RST', { ...NEXT, flags: TcpFlag.Ack | TcpFlag.Rst }],
    ['URG', { ...NEXT, flags: TcpFlag.Ack | TcpFlag.Urg }],
    ['CWR', { ...NEXT, flags: TcpFlag.Ack | TcpFlag.Cwr }],
    ['ECE', { ...NEXT, flags: TcpFlag.Ack | TcpFlag.Ece }],
  ];
  for (const [name, what] of others) {
    test(`does not coalesce a frame with ${name}`, () => {
      assert.equal(joins(tcpFrame(PAYLOAD, FIRST), tcpFrame(PAYLOAD, NEXT)), true);
      assert.equal(joins(tcpFrame(PAYLOAD, FIRST), tcpFrame(PAYLOAD, what)), false);
    });
  }

  for (let bit = 0; bit < 20; bit++) {
    test(`does not coalesce a frame whose IPv6 flow label differs in bit ${bit}`, () => {
      const first = tcpFrame(PAYLOAD, { ...FIRST, family: 6, flowLabel: 0x54321 });
      const [same, other] = [0, 1 << bit].map((change) =>
        tcpFrame(PAYLOAD, { ...NEXT, family: 6, flowLabel: 0x54321 ^ change }),
      );
      assert.deepEqual([joins(first, same), joins(first, other)], [true, false]);
    });
  }

  test('RFC 6864 section 4.1: accepts any IPv4 ID with DF, and without DF only the next one, which segmentation restores', () => {
    const idOf = (dontFragment: boolean, first: number, second: number): boolean =>
      joins(
        tcpFrame(PAYLOAD, { ...FIRST, dontFragment, identification: first }),
        tcpFrame(PAYLOAD, { ...NEXT, dontFragment, identification: second }),
      );
    for (const [first, second] of [
      [7, 7],
      [7, 9],
      [7, 6],
      [0xffff, 0x10],
    ] as const) {
      assert.deepEqual([idOf(true, first, second), idOf(false, first, second)], [true, false]);
    }
    assert.deepEqual([idOf(false, 7, 8), idOf(false, 0xffff, 0)], [true, true]);
  });

  test('restores the original IDs of segments without DF', () => {
    const identification = 0xfffd;
    const frames = Array.from({ length: 6 }, (_, i) => {
      const sequence = 1 + i * PAYLOAD.length;
      return tcpFrame(PAYLOAD, { sequence, dontFragment: false, identification: (identification + i) & 0xffff });
    });
    const slots = new Slots();
    const merger = new TcpCoalescer();
    for (const frame of frames) assert.equal(merger.offer(slots.bytes, ...slots.put(frame)), true);
    const whole = gathered(merger, slots.bytes);
    const segmenter = new Segmenter();
    assert.ok(segmenter.begin(whole, 0, whole.length, merger.size));
    for (const frame of frames) {
      const segment = new Uint8Array(segmenter.frameBytes);
      segmenter.next(segment, 0);
      assert.deepEqual(segment, frame);
    }
  });

  test('accepts no segment larger than the first, and none after a smaller one or one with PSH', () => {
    assert.equal(joins(tcpFrame(PAYLOAD, FIRST), tcpFrame(noise(1001, 2), NEXT)), false);
    for (const [payload, flags] of [
      [PAYLOAD.subarray(1), TcpFlag.Ack],
      [PAYLOAD, TcpFlag.Ack | TcpFlag.Psh],
    ] as const) {
      const slots = new Slots();
      const merger = new TcpCoalescer();
      assert.ok(merger.offer(slots.bytes, ...slots.put(tcpFrame(PAYLOAD, FIRST))));
      assert.ok(merger.offer(slots.bytes, ...slots.put(tcpFrame(payload, { ...NEXT, flags }))));
      assert.equal(merger.complete, true);
      const after = tcpFrame(PAYLOAD, { ...NEXT, sequence: 1001 + payload.length });
      assert.equal(merger.offer(slots.bytes, ...slots.put(after)), false);
      merger.clear();
      assert.equal(merger.offer(slots.bytes, ...slots.put(after)), true);
    }
  });

  test('does not coalesce segments that Segmenter would not produce', () => {
    for (const words of [0, 3, 10]) {
      const options = new Array<number>(4 * words).fill(1);
      for (const [size, joined] of [
        [47 - 4 * words, false],
        [48 - 4 * words, true],
      ] as const) {
        const slots = new Slots();
        const merger = new TcpCoalescer();
        const frames = [1, 1 + size].map((sequence) => tcpFrame(PAYLOAD.subarray(0, size), { sequence, options }));
        assert.equal(merger.offer(slots.bytes, ...slots.put(frames[0])), true);
        assert.equal(merger.complete, !joined);
        assert.equal(merger.offer(slots.bytes, ...slots.put(frames[1])), joined);
        const whole = tcpFrame(PAYLOAD.subarray(0, 2 * size), { sequence: 1, options });
        assert.equal(new Segmenter().begin(whole, 0, whole.length, size), joined);
      }
    }
  });

  test('accepts no segment with a wrong checksum, which its receiver must see to drop it', () => {
    const merger = new TcpCoalescer();
    const good = tcpFrame(PAYLOAD, FIRST);
    const changed = [14 + 8, 14 + 20 + 16, good.length - 1].map((at) => good.with(at, good[at] ^ 0x40));
    for (const frame of changed) assert.equal(merger.offer(frame, 0, frame.length), false);
    assert.equal(merger.offer(good, 0, good.length), true);
  });

  test('accepts only plain TCP data: no bare ACK, fragment, UDP, padding or tag', () => {
    const merger = new TcpCoalescer();
    const good = tcpFrame(PAYLOAD, FIRST);
    const fragment = tcpFrame(PAYLOAD, FIRST);
    fragment[14 + 6] = 0x20;
    const tagged = join(good.subarray(0, 12), Uint8Array.of(0x81, 0, 0, 5), good.subarray(12));
    const padded = join(good, new Uint8Array(4));
    const cut = good.subarray(0, good.length - 1);
    for (const frame of [tcpFrame(new Uint8Array(0), FIRST), fragment, FRAME, tagged, padded, cut, new Uint8Array(0)]) {
      assert.equal(merger.offer(frame, 0, frame.length), false);
    }
    assert.equal(merger.count, 0);
  });

  test('holds no more frames than its capacity, and no more bytes than IP’s length field allows', () => {
    for (const [size, most] of [
      [48, MAX_COALESCED_FRAMES],
      [8000, 8],
    ] as const) {
      const slots = new Slots();
      const merger = new TcpCoalescer();
      let taken = 0;
      while (merger.offer(slots.bytes, ...slots.put(tcpFrame(noise(size, taken), { sequence: 1 + taken * size }))))
        taken++;
      assert.equal(taken, most);
      assert.ok(gathered(merger, slots.bytes).length - 14 <= 0xffff);
    }
  });
});
