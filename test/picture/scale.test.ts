import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { rateScale, timeTicks, withoutZeros } from '../../src/picture/scale.js';
import { rateText, secondsText } from '../../src/text/quantity.js';

const DAY = 86_400;

describe('scales of charts', () => {
  test('the end of a scale of rates and its half are different numbers, however slow the traffic', () => {
    for (const peak of [0, 0.001, 0.9, 1, 1.5, 2, 2.1, 999, 1e6, 3e12]) {
      const high = rateScale(peak);
      assert.ok(high >= peak);
      assert.equal(new Set([0, 0.5, 1].map((share) => rateText(share * high))).size, 3, String(peak));
    }
  });

  test('times are round, from milliseconds to centuries', () => {
    const texts = (seconds: number): string[] => timeTicks(seconds).map((tick) => withoutZeros(secondsText(tick)));
    assert.deepEqual(texts(0.06), ['0 s', '10 ms', '20 ms', '30 ms', '40 ms', '50 ms', '60 ms']);
    assert.deepEqual(texts(3600), ['0 s', '10 min', '20 min', '30 min', '40 min', '50 min', '1 h']);
    assert.deepEqual(texts(40 * DAY), ['0 s', '10 d', '20 d', '30 d', '40 d']);
    assert.deepEqual(texts(48_000 * DAY), ['0 s', '10000 d', '20000 d', '30000 d', '40000 d']);
    for (let seconds = 0.001; seconds < 1e10; seconds *= 1.7) {
      const { length } = timeTicks(seconds);
      assert.ok(length >= 3 && length <= 9, `${seconds}: ${length}`);
    }
  });

  test('zeros that say nothing are left out, and others stay', () => {
    const inputs = ['20.0 s', '1.50 Mbit/s', '10 min 0 s', '1 h 30 min', '2 d 0 h', '100 ms', '0 s'];
    assert.deepEqual(inputs.map(withoutZeros), ['20 s', '1.5 Mbit/s', '10 min', '1 h 30 min', '2 d', '100 ms', '0 s']);
  });
});
