import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NanosecondTicks, TickClock } from '../../src/capture/timestamp.js';

describe('times', () => {
  test('ticks of any resolution split as with BigInt', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n - 1n), fc.integer({ min: 0, max: 12 }), (ticks, exponent) => {
        const clock = new TickClock(exponent);
        clock.split(Number(ticks >> 32n), Number(ticks & 0xffffffffn));
        const perSecond = 10n ** BigInt(exponent);
        assert.equal(clock.seconds, Number(ticks / perSecond));
        assert.equal(clock.nanoseconds, Number(((ticks % perSecond) * 1_000_000_000n) / perSecond));
      }),
      { seed: 20261121, numRuns: 20_000 },
    );
  });

  test('nanoseconds join as with BigInt, and split back to the same values', () => {
    const ticks = new NanosecondTicks();
    const clock = new TickClock(9);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 34 }), fc.integer({ min: 0, max: 999_999_999 }), (seconds, nanos) => {
        ticks.join(seconds, nanos);
        const whole = (BigInt(ticks.high) << 32n) | BigInt(ticks.low);
        assert.equal(whole, BigInt(seconds) * 1_000_000_000n + BigInt(nanos));
        clock.split(ticks.high, ticks.low);
        assert.deepEqual([clock.seconds, clock.nanoseconds], [seconds, nanos]);
      }),
      { seed: 20261121, numRuns: 20_000 },
    );
  });
});
