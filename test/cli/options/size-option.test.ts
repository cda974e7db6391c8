import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { numberOption } from '../../../src/cli/options/number-option.js';
import { sizeOption } from '../../../src/cli/options/size-option.js';

describe('sizeOption', () => {
  const size = (text?: string): number | undefined =>
    sizeOption({ values: { size: text }, operands: [] }, 'size', 10, 5e9);

  test('accepts bytes, k, M and G', () => {
    assert.deepEqual(['10', '64k', '64K', '1M', '5G'].map(size), [10, 64_000, 64_000, 1e6, 5e9]);
    assert.equal(size(undefined), undefined);
  });

  test('refuses values that are malformed, too small or too large', () => {
    for (const text of ['', '9', '6G', '1.5M', '-10', '10 ', '1MB', '0x10', '1e3']) {
      assert.throws(() => size(text), { code: 'USAGE', message: /^--size takes 10 to 5000000000 bytes/ });
    }
  });
});

describe('numberOption', () => {
  const number = (text: string): number => numberOption({ values: { rate: text }, operands: [] }, 'rate', 0.5, 100);

  test('accepts numbers with and without a decimal point', () => {
    assert.deepEqual(['0.5', '1', '99.75', '100'].map(number), [0.5, 1, 99.75, 100]);
  });

  test('refuses values that are malformed, too small or too large', () => {
    for (const text of ['', '0.4', '101', '1,5', '.5', '1e1', 'Infinity', 'NaN', '-1']) {
      assert.throws(() => number(text), { code: 'USAGE', message: /^--rate takes a number from 0.5 to 100/ });
    }
  });
});
