import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FragmentQueue, Placement } from '../../src/fragment/fragment-queue.js';
import { PAGE_BYTES, PagePool } from '../../src/fragment/page-pool.js';
import { noise } from './split.js';

const { New, Duplicate, Overlap } = Placement;
const POOL_BYTES = 64 * PAGE_BYTES;

/** A datagram to which fragments of a payload can be added by their bounds. */
function datagramOf(payload: Uint8Array): {
  pool: PagePool;
  datagram: FragmentQueue;
  index: (begin: number, end: number, bytes?: Uint8Array) => Placement;
  insert: (begin: number, end: number) => void;
} {
  const pool = new PagePool(POOL_BYTES);
  const datagram = new FragmentQueue();
  datagram.reset(0);
  const index = (begin: number, end: number, bytes = payload): Placement =>
    datagram.classify(begin, end, pool, bytes, begin);
  const insert = (begin: number, end: number): void => datagram.insert(begin, end, pool, payload, begin);
  return { pool, datagram, index, insert };
}

describe('FragmentQueue', () => {
  const payload = noise(10_000, 1);

  test('how a fragment relates to those received', () => {
    const { index, insert } = datagramOf(payload);
    assert.equal(index(800, 1600), New);
    insert(800, 1600);
    insert(2400, 3200);
    const CASES: [begin: number, end: number, Placement][] = [
      [0, 800, New],
      [0, 801, Overlap],
      [792, 800, New],
      [792, 808, Overlap],
      [800, 1600, Duplicate],
      [800, 1592, Overlap],
      [800, 1608, Overlap],
      [808, 1592, Overlap],
      [808, 1600, Overlap],
      [1592, 1600, Overlap],
      [1592, 2000, Overlap],
      [1599, 1608, Overlap],
      [1600, 2400, New],
      [1600, 2401, Overlap],
      [2400, 3200, Duplicate],
      [0, 10_000, Overlap],
      [3199, 3200, Overlap],
      [3200, 3208, New],
    ];
    for (const [begin, end, expected] of CASES) assert.equal(index(begin, end), expected, `${begin} to ${end}`);
  });

  test('RFC 8200 section 4.5: equal bounds with one byte changed, on either side of a page, are an overlap', () => {
    const { index, insert } = datagramOf(payload);
    insert(PAGE_BYTES - 800, PAGE_BYTES + 800);
    for (const at of [PAGE_BYTES - 800, PAGE_BYTES - 1, PAGE_BYTES, PAGE_BYTES + 799]) {
      const other = payload.slice();
      other[at] ^= 1;
      assert.equal(index(PAGE_BYTES - 800, PAGE_BYTES + 800, other), Overlap);
    }
    const elsewhere = payload.slice();
    elsewhere[PAGE_BYTES + 800] ^= 1;
    assert.equal(index(PAGE_BYTES - 800, PAGE_BYTES + 800, elsewhere), Duplicate);
  });

  test('a fragment takes only the pages that it touches', () => {
    const { datagram, pool, insert } = datagramOf(noise(65_535, 2));
    assert.equal(datagram.pagesMissing(0, PAGE_BYTES), 1);
    assert.equal(datagram.pagesMissing(PAGE_BYTES - 1, PAGE_BYTES + 1), 2);
    assert.equal(datagram.pagesMissing(0, 65_535), 32);
    insert(60_000, 60_008);
    assert.equal(pool.bytesTaken, PAGE_BYTES);
    assert.equal(datagram.pagesMissing(60_008, 60_016), 0);
    assert.equal(datagram.pagesMissing(0, 65_535), 31);
    insert(PAGE_BYTES - 8, PAGE_BYTES + 8);
    assert.equal(pool.bytesTaken, 3 * PAGE_BYTES);
  });

  test('is complete with every byte, its end and its header', () => {
    const { datagram, insert } = datagramOf(payload);
    insert(0, 5000);
    insert(5000, 10_000);
    assert.equal(datagram.isComplete, false);
    datagram.total = 10_000;
    assert.equal(datagram.isComplete, false);
    datagram.headerLength = 20;
    assert.equal(datagram.isComplete, true);
    datagram.total = 10_001;
    assert.equal(datagram.isComplete, false);
  });

  test('a reused queue keeps nothing of the previous datagram', () => {
    const { datagram, pool, index, insert } = datagramOf(payload);
    for (let at = 0; at < 8000; at += 8) insert(at, at + 8);
    assert.deepEqual([datagram.parts, datagram.received, datagram.highest], [1000, 8000, 8000]);
    datagram.total = 8000;
    datagram.headerLength = 20;
    datagram.refused = 3;
    datagram.release(pool);
    datagram.reset(77);
    assert.equal(pool.bytesTaken, 0);
    assert.deepEqual(
      [datagram.firstSeconds, datagram.total, datagram.received, datagram.parts, datagram.refused, datagram.highest],
      [77, -1, 0, 0, 0, 0],
    );
    assert.equal(datagram.headerLength, 0);
    assert.equal(index(0, 8), New);
    insert(16, 24);
    assert.equal(index(0, 8), New);
  });

  test('RFC 815: fragments in any order give the payload', () => {
    const sample = fc.record({
      length: fc.integer({ min: 1, max: 65_535 }),
      offsets: fc.array(fc.nat(8191), { maxLength: 300 }),
      order: fc.infiniteStream(fc.nat()),
    });
    fc.assert(
      fc.property(sample, ({ length, offsets, order }) => {
        const data = noise(length, length);
        const cuts = [...new Set([0, ...offsets.map((offset) => offset * 8).filter((at) => at < length), length])];
        cuts.sort((a, b) => a - b);
        const { datagram, pool, index, insert } = datagramOf(data);
        const parts = cuts.slice(0, -1).map((from, i) => ({ from, to: cuts[i + 1], key: order.next().value ?? 0 }));
        parts.sort((a, b) => a.key - b.key);
        let highest = 0;
        for (const { from, to } of parts) {
          assert.equal(index(from, to), New);
          insert(from, to);
          highest = Math.max(highest, to);
          assert.equal(datagram.highest, highest);
          assert.equal(index(from, to), Duplicate);
        }
        assert.deepEqual([datagram.parts, datagram.received], [parts.length, length]);
        datagram.total = length;
        const out = new Uint8Array(length + 6).fill(0xee);
        datagram.copyPayload(pool, out, 3);
        assert.deepEqual(out.subarray(3, 3 + length), data);
        assert.deepEqual([...out.subarray(0, 3), ...out.subarray(3 + length)], new Array<number>(6).fill(0xee));
        datagram.release(pool);
        assert.equal(pool.bytesTaken, 0);
      }),
      { seed: 20261121, numRuns: 150 },
    );
  });
});
