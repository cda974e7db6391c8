import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RandomOrder } from '../../../src/service/dns/random-order.js';

describe('RandomOrder', () => {
  test('numbers come from the source, so a run can be repeated', () => {
    const draw = (): number[] => {
      let next = 0;
      const order = new RandomOrder((bytes) => bytes.forEach((_, i) => (bytes[i] = next = (next * 5 + 3) & 255)));
      return Array.from({ length: 3000 }, () => order.below(10));
    };
    const first = draw();
    assert.deepEqual(draw(), first);
    assert.ok(first.every((number) => number >= 0 && number < 10));
    assert.ok(new Set(first).size > 1);
  });

  test('numbers that would make the result uneven are drawn again', () => {
    const values = [0xffff_ffff, 0xffff_fffe, 5];
    const order = new RandomOrder((bytes) =>
      new Uint32Array(bytes.buffer).forEach((_, i, all) => (all[i] = values[i % 3])),
    );
    // 2^32 - 1 is a multiple of 3, so only the largest is uneven; of 10, the five largest are.
    assert.equal(order.below(10), 5);
    assert.equal(order.below(10), 5);
  });
});
