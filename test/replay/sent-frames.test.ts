import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FrameMatch, SentFrames } from '../../src/replay/sent-frames.js';

const SEED = 20261121;

/** Bytes that are unique to a number. */
function frame(number: number, length = 60): Buffer {
  const bytes = Buffer.alloc(length, number);
  bytes.writeUInt32BE(number);
  return bytes;
}

function add(sent: SentFrames, bytes: Uint8Array): void {
  sent.add(bytes, 0, bytes.length);
}

function match(sent: SentFrames, bytes: Buffer): FrameMatch {
  return sent.match(bytes, 0, bytes.length);
}

describe('SentFrames', () => {
  test('a sent frame is exact once, and then delivered again', () => {
    const sent = new SentFrames();
    add(sent, frame(1));
    assert.equal(sent.missing, 1);
    assert.equal(match(sent, frame(1)), FrameMatch.Exact);
    assert.equal(sent.missing, 0);
    assert.equal(match(sent, frame(1)), FrameMatch.Again);
    assert.equal(match(sent, frame(1)), FrameMatch.Again);
    assert.deepEqual([sent.missing, sent.forgotten], [0, 0]);
  });

  test('a frame with one changed bit, or one byte more or less, is unknown', () => {
    const sent = new SentFrames();
    assert.equal(match(sent, frame(1)), FrameMatch.Unknown, 'of none at all');
    add(sent, frame(1));
    for (let bit = 0; bit < 480; bit++) {
      const other = frame(1);
      other[bit >> 3] ^= 1 << (bit & 7);
      assert.equal(match(sent, other), FrameMatch.Unknown, `bit ${bit}`);
    }
    assert.equal(sent.match(frame(1), 0, 59), FrameMatch.Unknown);
    assert.equal(match(sent, frame(1, 61)), FrameMatch.Unknown);
    assert.equal(match(sent, frame(1)), FrameMatch.Exact);
  });

  test('frames are copied from the middle of larger arrays', () => {
    const sent = new SentFrames();
    const array = Buffer.concat([Buffer.alloc(7, 9), frame(1), Buffer.alloc(7, 8)]);
    sent.add(array, 7, 67);
    const delivered = Buffer.concat([Buffer.alloc(3), array.subarray(7, 67)]);
    array.fill(0);
    assert.equal(sent.match(delivered, 3, 63), FrameMatch.Exact);
  });

  test('a frame sent three times is exact three times', () => {
    const sent = new SentFrames();
    for (const number of [1, 2, 1, 3, 1]) add(sent, frame(number));
    const found = [1, 1, 1, 1, 2, 3].map((number) => match(sent, frame(number)));
    const { Exact, Again } = FrameMatch;
    assert.deepEqual(found, [Exact, Exact, Exact, Again, Exact, Exact]);
    assert.equal(sent.missing, 0);
  });

  test('frames are exact in any order, across the whole ring', () => {
    const sent = new SentFrames(64);
    for (let i = 0; i < 64; i++) add(sent, frame(i));
    for (let i = 63; i >= 0; i--) assert.equal(match(sent, frame(i)), FrameMatch.Exact);
    assert.equal(sent.missing, 0);
  });

  test('the newest frames replace the oldest; undelivered ones are forgotten and missing', () => {
    const sent = new SentFrames(8);
    for (let i = 0; i < 8; i++) add(sent, frame(i));
    match(sent, frame(0));
    match(sent, frame(5));
    for (let i = 8; i < 12; i++) add(sent, frame(i));
    assert.equal(sent.forgotten, 3, '1, 2 and 3; 0 was delivered');
    assert.equal(sent.missing, 3 + 7);
    for (let i = 0; i < 4; i++) assert.equal(match(sent, frame(i)), FrameMatch.Unknown);
    assert.equal(match(sent, frame(5)), FrameMatch.Again);
    for (const i of [4, 6, 7, 8, 9, 10, 11]) assert.equal(match(sent, frame(i)), FrameMatch.Exact);
    assert.equal(sent.missing, 3);
  });

  test('a long frame at the wrap of the byte ring replaces every frame that it overlaps', () => {
    const sent = new SentFrames(16, 100);
    // 0 to 30, 30 to 60, 60 to 90; then 20 and 40 bytes from the start; then 50 from the start again.
    const lengths = [30, 30, 30, 20, 40, 50];
    lengths.forEach((length, i) => add(sent, frame(i, length)));
    const found = lengths.map((length, i) => match(sent, frame(i, length)));
    const exact = found.filter((what) => what === FrameMatch.Exact).length;
    assert.equal(found[5], FrameMatch.Exact, 'the last one is there');
    assert.equal(exact + sent.forgotten, lengths.length, `${exact} are there, ${sent.forgotten} were forgotten`);
    assert.equal(sent.missing, sent.forgotten);
    assert.equal(sent.match(frame(5, 50), 0, 20), FrameMatch.Unknown, 'a piece of a frame is no frame');
  });
});

describe('SentFrames compared with a list', () => {
  test('matches like a list for any sequence of sends and deliveries, with identical frames', () => {
    const step = fc.tuple(fc.constantFrom('send', 'deliver'), fc.nat(5), fc.constantFrom(20, 60, 61));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const sent = new SentFrames(120, 1 << 16);
        const waiting = new Map<string, number>();
        const delivered = new Set<string>();
        for (const [what, number, length] of steps) {
          const name = `${number} ${length}`;
          const count = waiting.get(name) ?? 0;
          if (what === 'send') {
            add(sent, frame(number, length));
            waiting.set(name, count + 1);
            continue;
          }
          const wanted = count > 0 ? FrameMatch.Exact : delivered.has(name) ? FrameMatch.Again : FrameMatch.Unknown;
          assert.equal(match(sent, frame(number, length)), wanted);
          if (count === 0) continue;
          waiting.set(name, count - 1);
          delivered.add(name);
        }
        assert.equal(
          sent.missing,
          [...waiting.values()].reduce((sum, count) => sum + count, 0),
        );
        assert.equal(sent.forgotten, 0);
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  test('keeps its capacity of the newest frames', () => {
    const step = fc.tuple(fc.constantFrom('send', 'send', 'deliver'), fc.nat(30));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 12 }), (steps, capacity) => {
        const sent = new SentFrames(capacity, 1 << 16);
        const held: { number: number; delivered: boolean }[] = [];
        let next = 0;
        let forgotten = 0;
        for (const [what, back] of steps) {
          if (what === 'send') {
            if (held.length === capacity && held.shift()?.delivered === false) forgotten++;
            held.push({ number: next, delivered: false });
            add(sent, frame(next++));
            continue;
          }
          const number = Math.max(0, next - 1 - back);
          const entry = held.find((candidate) => candidate.number === number);
          const found = match(sent, frame(number));
          if (entry === undefined) assert.equal(found, FrameMatch.Unknown);
          else assert.equal(found, entry.delivered ? FrameMatch.Again : FrameMatch.Exact);
          if (entry !== undefined) entry.delivered = true;
        }
        assert.equal(sent.forgotten, forgotten);
        assert.equal(sent.missing, forgotten + held.filter(({ delivered }) => !delivered).length);
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  test('with few bytes forgets the oldest first, and counts each', () => {
    const lengths = fc.array(fc.integer({ min: 4, max: 50 }), { maxLength: 60 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 100, max: 200 }), (sizes, bytes) => {
        const sent = new SentFrames(64, bytes);
        sizes.forEach((length, i) => add(sent, frame(i, length)));
        assert.equal(sent.missing, sizes.length);
        sizes.forEach((length, i) => {
          const wanted = i < sent.forgotten ? FrameMatch.Unknown : FrameMatch.Exact;
          assert.equal(match(sent, frame(i, length)), wanted, `frame ${i} of ${sizes.length}`);
        });
        assert.equal(sent.missing, sent.forgotten);
      }),
      { seed: SEED, numRuns: 3000 },
    );
  });
});
