/** Every resolution that fits a byte, and the boundary counts, compared with BigInt. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NanosecondTicks, TickClock } from '../../src/capture/timestamp.js';

const NANO = 1_000_000_000n;
const SEED = { seed: 20261121 };
const BORDERS = [0n, 1n, 0xffffn, 0x10000n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n];

function unitsOf(resolution: number): bigint {
  return resolution >= 0x80 ? 2n ** BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
}

/** Seconds and nanoseconds by schoolbook division, without an offset. */
function reference(resolution: number, ticks: bigint): [number, number] {
  const units = unitsOf(resolution);
  return [Number(ticks / units), Number(((ticks % units) * NANO) / units)];
}

function split(clock: TickClock, ticks: bigint): [number, number] {
  clock.split(Number(ticks >> 32n), Number(ticks & 0xffffffffn));
  return [clock.seconds, clock.nanoseconds];
}

describe('TickClock', () => {
  for (const [name, first] of [
    ['10^-n', 0],
    ['2^-n', 0x80],
  ] as const) {
    test(`ticks of ${name} seconds split as with BigInt, for each n of 0 to 20`, () => {
      for (let resolution = first; resolution <= first + 20; resolution++) {
        const clock = new TickClock(resolution);
        const units = unitsOf(resolution);
        const nearSecond = [units - 1n, units, units + 1n, 17n * units - 1n].filter((ticks) => ticks < 2n ** 64n);
        for (const ticks of [...BORDERS, ...nearSecond]) {
          assert.deepEqual(split(clock, ticks), reference(resolution, ticks), `${resolution}: ${ticks}`);
        }
        fc.assert(
          fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (ticks) => {
            assert.deepEqual(split(clock, ticks), reference(resolution, ticks));
          }),
          { ...SEED, numRuns: 500 },
        );
      }
    });
  }

  test('ticks of 2^-n seconds split as with BigInt, for each n of 21 to 127', () => {
    for (let resolution = 0x80 + 21; resolution <= 0xff; resolution++) {
      const clock = new TickClock(resolution);
      for (const ticks of BORDERS) {
        assert.deepEqual(split(clock, ticks), reference(resolution, ticks), `${resolution}: ${ticks}`);
      }
    }
  });

  test('ticks of 10^-n seconds split as with BigInt, for each n of 21 to 28', () => {
    for (let resolution = 21; resolution <= 28; resolution++) {
      const clock = new TickClock(resolution);
      // Whole nanoseconds, where a divisor that is rounded up shows.
      const nanosecond = 10n ** BigInt(resolution - 9);
      for (const ticks of [...BORDERS, nanosecond, 7n * nanosecond].filter((count) => count < 2n ** 64n)) {
        assert.deepEqual(split(clock, ticks), reference(resolution, ticks), `${resolution}: ${ticks}`);
      }
    }
  });

  test('adds an offset, also a negative one, only to the seconds', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 2n ** 64n - 1n),
        fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
        fc.constantFrom(3, 6, 9, 12, 0x8a, 0x94),
        (ticks, offset, resolution) => {
          const [seconds, nanoseconds] = reference(resolution, ticks);
          assert.deepEqual(split(new TickClock(resolution, offset), ticks), [seconds + offset, nanoseconds]);
        },
      ),
      { ...SEED, numRuns: 5000 },
    );
  });

  test('nanoseconds are whole and below a second for any input', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.nat(0xffffffff), fc.nat(0xffffffff), (resolution, high, low) => {
        const clock = new TickClock(resolution);
        clock.split(high, low);
        assert.ok(Number.isInteger(clock.nanoseconds) && clock.nanoseconds >= 0 && clock.nanoseconds < 1e9);
        assert.ok(Number.isInteger(clock.seconds) && clock.seconds >= 0);
      }),
      { ...SEED, numRuns: 5000 },
    );
  });

  test('reports which resolutions are not whole nanoseconds', () => {
    const inexact = Array.from({ length: 256 }, (_, resolution) => resolution).filter(
      (resolution) => new TickClock(resolution).inexact,
    );
    const expected = Array.from({ length: 256 }, (_, resolution) => resolution).filter(
      (resolution) => NANO % unitsOf(resolution) !== 0n,
    );
    assert.deepEqual(inexact, expected);
  });
});

describe('NanosecondTicks', () => {
  const join = (seconds: number, nanoseconds: number): bigint => {
    const ticks = new NanosecondTicks();
    ticks.join(seconds, nanoseconds);
    assert.ok(ticks.high >= 0 && ticks.high <= 0xffffffff && ticks.low >= 0 && ticks.low <= 0xffffffff);
    return (BigInt(ticks.high) << 32n) | BigInt(ticks.low);
  };

  test('joins the limits of its range as BigInt does', () => {
    const SECONDS = [0, 1, 4, 5, 65_535, 65_536, 65_537, 0x7fffffff, 0x80000000, 0xffffffff, 2 ** 32, 2 ** 34];
    // The last second whose nanoseconds all fit 64 bits.
    for (const seconds of [...SECONDS, 18_446_744_072]) {
      for (const nanoseconds of [0, 1, 294_967_295, 294_967_296, 999_999_999]) {
        assert.equal(join(seconds, nanoseconds), BigInt(seconds) * NANO + BigInt(nanoseconds));
      }
    }
  });

  test('split and join are inverse', () => {
    const clock = new TickClock(9);
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 34n * NANO), (ticks) => {
        split(clock, ticks);
        assert.equal(join(clock.seconds, clock.nanoseconds), ticks);
      }),
      { ...SEED, numRuns: 10_000 },
    );
  });
});
