import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteText, rateText, secondsText } from '../../../src/cli/inspect/units.js';

describe('quantities have three digits and a unit', () => {
  test('bytes', () => {
    const texts = [0, 999, 1000, 9994, 9995, 70_420, 999_499, 999_500, 1.5e9, 2e18].map(byteText);
    assert.deepEqual(texts, [
      '0 B',
      '999 B',
      '1.00 kB',
      '9.99 kB',
      '10.0 kB',
      '70.4 kB',
      '999 kB',
      '1.00 MB',
      '1.50 GB',
      '2000 PB',
    ]);
  });

  test('rates', () => {
    assert.deepEqual([0, 324.6, 5_351_000, 1e10].map(rateText), ['0 bit/s', '325 bit/s', '5.35 Mbit/s', '10.0 Gbit/s']);
  });

  test('durations, which switch to larger units from ten minutes on', () => {
    const texts = [0, 5e-8, 0.013834, 0.9996, 40.003463, 599.9, 600, 9960, 200_000].map(secondsText);
    assert.deepEqual(texts, [
      '0 s',
      '50 ns',
      '13.8 ms',
      '1.00 s',
      '40.0 s',
      '600 s',
      '10 min 0 s',
      '2 h 46 min',
      '2 d 7 h',
    ]);
  });
});
