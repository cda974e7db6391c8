/** RFC 4303 appendix A: the high-order half of extended sequence numbers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ReplayVerdict, ReplayWindow } from '../../src/ipsec/index.js';

const RUN = 2n ** 32n;
const half = (number: bigint): [number, number] => [Number(number >> 32n), Number(number & (RUN - 1n))];

/**
 * Appendix A2.1 step by step: Th and Tl are the top's halves, Bl the bottom's low-order half, both as unsigned words.
 */
function inferredByAppendix(top: bigint, size: bigint, low: bigint): bigint {
  const high = top >> 32n;
  const topLow = top & (RUN - 1n);
  const bottomLow = (topLow - size + 1n + RUN) & (RUN - 1n);
  if (topLow >= size - 1n) return low >= bottomLow ? high : high + 1n;
  return low >= bottomLow ? high - 1n : high;
}

/** Appendix A2.2 and A2.3 over whole numbers, with a set of the numbers seen. */
class AppendixReceiver {
  readonly seen = new Set<bigint>();
  top = 0n;

  constructor(readonly size: bigint) {}

  receive(low: bigint): [bigint, ReplayVerdict] {
    const high = inferredByAppendix(this.top, this.size, low);
    const number = high * RUN + low;
    if (number <= 0n || number <= this.top - this.size) return [high, ReplayVerdict.Outside];
    if (this.seen.has(number)) return [high, ReplayVerdict.Replayed];
    this.seen.add(number);
    if (number > this.top) this.top = number;
    return [high, ReplayVerdict.Fresh];
  }
}

function windowAt(size: number, top: bigint): ReplayWindow {
  const window = new ReplayWindow(size);
  if (top > 0n) window.update(...half(top));
  return window;
}

describe('ReplayWindow.inferHigh', () => {
  test('RFC 4303 A2.1, case A: from the bottom on it is the top’s subspace, below it the next', () => {
    const window = windowAt(64, 5n * RUN + 1000n);
    for (const low of [937, 938, 1000, 1001, 2 ** 31, 2 ** 32 - 1]) assert.equal(window.inferHigh(low), 5);
    for (const low of [936, 935, 1, 0]) assert.equal(window.inferHigh(low), 6);
  });

  test('RFC 4303 A2.1, case A with the bottom at 0: every number is in the top’s subspace', () => {
    const window = windowAt(64, 5n * RUN + 63n);
    for (const low of [0, 1, 63, 64, 2 ** 32 - 1]) assert.equal(window.inferHigh(low), 5);
  });

  test('RFC 4303 A2.1, case B: the end of the subspace belongs to the previous one, the rest to the top’s', () => {
    const window = windowAt(64, 5n * RUN + 62n);
    assert.equal(window.inferHigh(2 ** 32 - 1), 4);
    for (const low of [2 ** 32 - 2, 2 ** 31, 63, 62, 0]) assert.equal(window.inferHigh(low), 5);
    const early = windowAt(64, 5n * RUN);
    for (const low of [2 ** 32 - 1, 2 ** 32 - 63]) assert.equal(early.inferHigh(low), 4);
    for (const low of [2 ** 32 - 64, 1, 0]) assert.equal(early.inferHigh(low), 5);
  });

  test('RFC 4303 A2.1: before the first packet the end of the subspace would precede number 0, and is refused', () => {
    const window = new ReplayWindow(64);
    assert.equal(window.inferHigh(2 ** 32 - 1), -1);
    assert.equal(window.check(-1, 2 ** 32 - 1), ReplayVerdict.Outside);
    assert.equal(window.inferHigh(1), 0);
  });

  test('RFC 4303 A2.1: the high-order half matches the appendix at any position of any window', () => {
    const size = fc.oneof(fc.constantFrom(32, 33, 63, 64, 65, 1000, 4096), fc.integer({ min: 32, max: 4096 }));
    const near = (centre: bigint): fc.Arbitrary<bigint> => fc.bigInt({ min: centre - 5000n, max: centre + 5000n });
    const top = fc.oneof(
      near(6000n),
      near(2n * RUN),
      near(9n * RUN),
      near(2n ** 31n),
      near(2n ** 63n),
      near(2n ** 64n - 6000n),
    );
    const low = fc.oneof(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 0, max: 10_000 }),
      fc.integer({ min: 2 ** 32 - 10_000, max: 2 ** 32 - 1 }),
    );
    fc.assert(
      fc.property(size, top, low, fc.integer({ min: -2, max: 2 }), (packets, at, value, beside) => {
        const window = windowAt(packets, at);
        const edge = Number((at - BigInt(packets) + 1n + BigInt(beside)) & (RUN - 1n));
        for (const asked of [value, edge]) {
          assert.equal(BigInt(window.inferHigh(asked)), inferredByAppendix(at, BigInt(packets), BigInt(asked)));
        }
      }),
      { seed: 643, numRuns: 5000 },
    );
  });

  test('RFC 4303 A2.2, A2.3: a receiver of only low-order halves follows its sender through wraps', () => {
    const move = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: -100, max: 100 }) },
      { weight: 2, arbitrary: fc.integer({ min: -5000, max: 5000 }) },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: 2 ** 31 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 32 - 1 }) },
    );
    const size = fc.oneof(fc.constantFrom(32, 33, 63, 64, 65, 1000, 4096), fc.integer({ min: 32, max: 4096 }));
    fc.assert(
      fc.property(size, fc.array(move, { maxLength: 150 }), (packets, moves) => {
        const window = new ReplayWindow(packets);
        const receiver = new AppendixReceiver(BigInt(packets));
        for (const ahead of moves) {
          const low = BigInt.asUintN(32, receiver.top + BigInt(ahead));
          const high = window.inferHigh(Number(low));
          const verdict = window.check(high, Number(low));
          if (verdict === ReplayVerdict.Fresh) window.update(high, Number(low));
          assert.deepEqual([BigInt(high), verdict], receiver.receive(low));
          assert.deepEqual([window.high, window.low], half(receiver.top));
        }
      }),
      { seed: 2026, numRuns: 800 },
    );
  });
});

describe('ReplayWindow.inferHigh mid-stream', () => {
  test('before the first packet: the subspace in which the number is nearest to the expected one', () => {
    const cases: readonly (readonly [bigint, bigint])[] = [
      [5n * RUN + 100n, 5n * RUN + 4000n],
      [5n * RUN + 100n, 5n * RUN - 4000n],
      [5n * RUN - 100n, 5n * RUN + 4000n],
      [5n * RUN + 2n ** 31n, 5n * RUN + 5n],
      [5n * RUN + 2n ** 31n, 6n * RUN - 5n],
      [0n, 2n ** 31n],
    ];
    for (const [expected, number] of cases) {
      const window = new ReplayWindow(64, true);
      window.expect(...half(expected));
      const [high, low] = half(number);
      assert.equal(window.inferHigh(low), high, `${number} where ${expected} is expected`);
    }
  });

  test('before the first packet there is no subspace before the first', () => {
    const window = new ReplayWindow(64, true);
    assert.equal(window.inferHigh(2 ** 32 - 1), 0);
    window.expect(0, 10);
    assert.equal(window.inferHigh(2 ** 32 - 1), 0);
  });

  test('RFC 4303 A2.1: after the first packet the appendix applies', () => {
    const window = new ReplayWindow(64, true);
    window.expect(3, 2 ** 32 - 1);
    window.update(window.inferHigh(20), 20);
    assert.deepEqual([window.high, window.low], [4, 20]);
    assert.deepEqual([window.inferHigh(2 ** 32 - 1), window.inferHigh(21), window.inferHigh(19)], [3, 4, 4]);
    assert.equal(window.check(3, 2 ** 32 - 1), ReplayVerdict.Fresh);
    window.update(3, 2 ** 32 - 1);
    assert.deepEqual([window.missing, window.lost], [20, 0]);
  });
});
