import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  IpsecError,
  MAX_REPLAY_WINDOW,
  MIN_REPLAY_WINDOW,
  ReplayVerdict,
  ReplayWindow,
} from '../../src/ipsec/index.js';
import { dice } from './build.js';

const { Fresh, Replayed, Outside } = ReplayVerdict;
const RUN = 2n ** 32n;

/** A reference window that stores numbers in a set. */
class SlowWindow {
  readonly seen = new Set<bigint>();
  top = 0n;
  base = 0n;

  constructor(
    readonly size: number,
    readonly midStream = false,
  ) {}

  check(number: bigint): ReplayVerdict {
    if (number <= 0n) return Outside;
    if (this.midStream && this.seen.size === 0) return Fresh;
    if (number <= this.top - BigInt(this.size)) return Outside;
    return this.seen.has(number) ? Replayed : Fresh;
  }

  update(number: bigint): void {
    if (this.midStream && (this.seen.size === 0 || number <= this.base)) this.base = number - 1n;
    if (number > this.top || (this.midStream && this.seen.size === 0)) this.top = number;
    this.seen.add(number);
  }

  get missing(): number {
    return this.seen.size === 0 ? 0 : Number(this.top - this.base) - this.seen.size;
  }

  get lost(): number {
    if (this.seen.size === 0) return 0;
    const bottom = this.top - BigInt(this.size);
    if (bottom <= this.base) return 0;
    let came = 0;
    for (const number of this.seen) if (number <= bottom) came++;
    return Number(bottom - this.base) - came;
  }
}

const half = (number: bigint): [number, number] => [Number(number >> 32n), Number(number & (RUN - 1n))];

/** Feeds a number to both; they must agree. */
function step(fast: ReplayWindow, slow: SlowWindow, number: bigint): void {
  const expected = slow.check(number);
  const [high, low] = half(number);
  assert.equal(fast.check(high, low), expected, `${number} in a window of ${slow.size} below ${slow.top}`);
  if (expected !== Fresh) return;
  fast.update(high, low);
  slow.update(number);
  assert.equal(fast.check(high, low), Replayed);
}

function same(fast: ReplayWindow, slow: SlowWindow): void {
  assert.deepEqual(
    [fast.high, fast.low, fast.accepted, fast.missing, fast.lost, fast.empty],
    [...half(slow.top), slow.seen.size, slow.missing, slow.lost, slow.seen.size === 0],
  );
}

const ODD_SIZES = [32, 33, 63, 64, 65, 95, 96, 97, 127, 128, 1000, 1023, 1024, 1025, 4064, 4065, 4095, 4096];

describe('ReplayWindow', () => {
  test('RFC 4303 section 3.3.3: an empty window accepts any number but 0, which is never sent', () => {
    const window = new ReplayWindow(64);
    assert.deepEqual([window.empty, window.missing, window.lost], [true, 0, 0]);
    assert.equal(window.check(0, 0), Outside);
    assert.equal(window.check(-1, 5), Outside);
    for (const low of [1, 2, 63, 64, 65, 1e6, 0xffffffff]) assert.equal(window.check(0, low), Fresh);
    assert.equal(window.empty, true);
  });

  test('RFC 4303 section 2.2.1: 0 in a later subspace is an ordinary number', () => {
    const window = new ReplayWindow(64);
    window.update(0, 0xffffffff);
    assert.equal(window.check(1, 0), Fresh);
    window.update(1, 0);
    assert.deepEqual([window.check(1, 0), window.check(0, 0xffffffff)], [Replayed, Replayed]);
  });

  test('RFC 4303 section 3.4.3: checking changes nothing, only verified packets move the window', () => {
    const window = new ReplayWindow(32);
    window.update(0, 100);
    for (const low of [101, 5000, 0xffffffff, 99, 69]) assert.equal(window.check(0, low), Fresh);
    assert.deepEqual([window.high, window.low, window.accepted], [0, 100, 1]);
  });

  for (const size of ODD_SIZES) {
    test(`RFC 4303 section 3.4.3: a window of ${size} includes its last number and excludes the one before`, () => {
      for (let top = size + 1; top < size + 70; top++) {
        const window = new ReplayWindow(size);
        window.update(0, top);
        assert.equal(window.check(0, top - size + 1), Fresh);
        assert.equal(window.check(0, top - size), Outside);
        window.update(0, top - size + 1);
        assert.equal(window.check(0, top - size + 1), Replayed);
        // The two ends must not share a word: marking the bottom leaves the rest of the window unchanged.
        for (let low = top - size + 2; low < top; low++) assert.equal(window.check(0, low), Fresh);
      }
    });
  }

  test('RFC 4303 section 3.4.3: every size from 32 to 4096 agrees with the reference', () => {
    const roll = dice(4303);
    for (let size = MIN_REPLAY_WINDOW; size <= MAX_REPLAY_WINDOW; size++) {
      const fast = new ReplayWindow(size);
      const slow = new SlowWindow(size);
      for (let i = 0; i < 200; i++) {
        // Back within the window and slightly beyond, one ahead, a jump, and sometimes one larger than the ring.
        const kind = roll(10);
        const move = kind < 5 ? -roll(size + 40) : kind < 7 ? 1 : kind < 9 ? roll(2 * size) : roll(20 * (size + 64));
        step(fast, slow, slow.top + BigInt(move));
      }
      same(fast, slow);
    }
  });

  const move = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -5000, max: 0 }) },
    { weight: 4, arbitrary: fc.integer({ min: -70, max: 70 }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 10_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 33 }) },
  );
  const size = fc.oneof(
    fc.constantFrom(...ODD_SIZES),
    fc.integer({ min: MIN_REPLAY_WINDOW, max: 200 }),
    fc.integer({ min: MIN_REPLAY_WINDOW, max: MAX_REPLAY_WINDOW }),
  );
  const starts: readonly (readonly [string, bigint])[] = [
    ['from the first number', 0n],
    ['around 2^31', 2n ** 31n - 40n],
    ['around the wrap at 2^32', RUN - 40n],
    ['around a later wrap', 7n * RUN - 40n],
    ['around 2^63', 2n ** 63n - 40n],
    ['in the last subspace', 2n ** 64n - 2n ** 34n],
  ];
  for (const [name, start] of starts) {
    test(`any numbers in any order agree with the reference, ${name}`, () => {
      fc.assert(
        fc.property(size, fc.array(move, { maxLength: 120 }), (packets, moves) => {
          const fast = new ReplayWindow(packets);
          const slow = new SlowWindow(packets);
          if (start > 0n) step(fast, slow, start);
          for (const ahead of moves) step(fast, slow, slow.top + BigInt(ahead));
          if (start < 2n ** 50n) same(fast, slow);
        }),
        { seed: 3043, numRuns: 400 },
      );
    });
  }

  test('32-bit numbers stay within their subspace: up to 2^32 - 1', () => {
    const fast = new ReplayWindow(64);
    const slow = new SlowWindow(64);
    for (let number = RUN - 200n; number < RUN; number++) if (number % 3n !== 0n) step(fast, slow, number);
    for (let number = RUN - 1n; number > RUN - 80n; number--) step(fast, slow, number);
    same(fast, slow);
    assert.deepEqual([fast.high, fast.low], [0, 0xffffffff]);
  });

  test('a jump larger than the ring leaves no stale bit', () => {
    for (const packets of ODD_SIZES) {
      const ring = 2 ** Math.ceil(Math.log2(packets + 32));
      for (const jump of [packets, packets + 1, ring - 1, ring, ring + 1, 2 * ring, 3 * ring + 31, 2 ** 31, 2 ** 32]) {
        const window = new ReplayWindow(packets);
        for (let low = 1; low <= packets; low++) window.update(0, low);
        const top = BigInt(packets + jump);
        window.update(...half(top));
        for (let back = 1n; back < BigInt(packets); back++) {
          const number = top - back;
          const expected = number > BigInt(packets) ? Fresh : Replayed;
          assert.equal(window.check(...half(number)), expected, `${packets}, ${jump}, ${back}`);
        }
      }
    }
  });

  test('size 0 accepts everything, repeatedly (Linux: replay-window 0)', () => {
    const window = new ReplayWindow(0);
    for (const low of [5, 5, 1, 0, 0xffffffff, 5, 2]) {
      assert.equal(window.check(0, low), Fresh);
      window.update(0, low);
    }
    assert.deepEqual([window.high, window.low], [0, 0xffffffff]);
  });

  test('size 0: duplicates do not make the missing count negative', () => {
    const window = new ReplayWindow(0);
    for (const low of [1, 2, 2, 2, 3]) window.update(0, low);
    assert.ok(window.missing >= 0, `${window.missing} missing`);
    assert.ok(window.lost >= 0, `${window.lost} lost`);
  });

  test('RFC 4303 section 3.4.3: refuses other sizes with BAD_REPLAY_WINDOW, at least 32', () => {
    for (const wrong of [1, 16, 31, 4097, 1e9, -1, -32, 32.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(
        () => new ReplayWindow(wrong),
        (error) => error instanceof IpsecError && error.code === 'BAD_REPLAY_WINDOW' && !error.message.includes('\n'),
        String(wrong),
      );
    }
  });

  test('missing counts all gaps; lost counts those before the window', () => {
    const window = new ReplayWindow(32);
    for (const low of [1, 2, 5, 10]) window.update(0, low);
    assert.deepEqual([window.missing, window.lost], [6, 0]);
    window.update(0, 3);
    assert.deepEqual([window.missing, window.lost], [5, 0]);
    window.update(0, 40);
    // 8 is the last number before the window: 4, 6, 7 and 8 are lost, 9 and 11 to 39 may still arrive.
    assert.deepEqual([window.missing, window.lost], [34, 4]);
    window.update(0, 9);
    assert.deepEqual([window.missing, window.lost], [33, 4]);
    window.update(0, 1000);
    assert.deepEqual([window.missing, window.lost], [992, 961]);
  });
});

describe('ReplayWindow mid-stream', () => {
  test('the first packet positions the window, whatever its number, and nothing before it is missing', () => {
    const window = new ReplayWindow(64, true);
    assert.equal(window.check(0, 5_000_000), Fresh);
    window.update(0, 5_000_000);
    assert.deepEqual([window.check(0, 5_000_000), window.missing, window.lost], [Replayed, 0, 0]);
    window.update(0, 5_000_003);
    assert.deepEqual([window.missing, window.lost], [2, 0]);
    assert.equal(window.check(0, 0), Outside);
  });

  test('a packet from before the first is accepted if it is within the window, and opens a gap', () => {
    const window = new ReplayWindow(64, true);
    window.update(0, 1000);
    assert.equal(window.check(0, 936), Outside);
    assert.equal(window.check(0, 937), Fresh);
    window.update(0, 990);
    assert.deepEqual([window.missing, window.lost, window.accepted], [9, 0, 2]);
    window.update(0, 937);
    assert.deepEqual([window.missing, window.lost, window.accepted], [61, 0, 3]);
  });

  test('the expected position affects only the high-order half: a first packet from before it is accepted', () => {
    const window = new ReplayWindow(64, true);
    window.expect(0, 100_000);
    assert.equal(window.check(0, 3), Fresh);
    window.update(0, 3);
    assert.deepEqual([window.high, window.low, window.missing], [0, 3, 0]);
    assert.equal(window.check(0, 100_000), Fresh);
  });

  test('otherwise the first packet counts as one after many', () => {
    const window = new ReplayWindow(64);
    window.update(0, 1000);
    assert.deepEqual([window.missing, window.lost], [999, 936]);
  });

  test('any numbers in any order agree with the reference', () => {
    const start = fc.oneof(
      fc.bigInt({ min: 1n, max: 5000n }),
      fc.bigInt({ min: RUN - 100n, max: RUN + 100n }),
      fc.bigInt({ min: 3n * RUN - 100n, max: 3n * RUN + 100n }),
    );
    const move = fc.oneof(fc.integer({ min: -200, max: 100 }), fc.integer({ min: -5000, max: 10_000 }));
    const size = fc.oneof(fc.constantFrom(...ODD_SIZES), fc.integer({ min: MIN_REPLAY_WINDOW, max: 300 }));
    fc.assert(
      fc.property(size, start, fc.array(move, { maxLength: 80 }), (packets, first, moves) => {
        const fast = new ReplayWindow(packets, true);
        const slow = new SlowWindow(packets, true);
        step(fast, slow, first);
        for (const ahead of moves) step(fast, slow, slow.top + BigInt(ahead));
        same(fast, slow);
      }),
      { seed: 4301, numRuns: 600 },
    );
  });
});
