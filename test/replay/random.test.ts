import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRandom } from '../../src/replay/random.js';

const SEEDS = [0, 1, -1, 20261121, 0x7fffffff, 0xffffffff];

function words(seed: number, count: number): number[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => random.word());
}

describe('SeededRandom', () => {
  test('gives the same numbers for the same seed, and different ones for another', () => {
    for (const seed of SEEDS) assert.deepEqual(words(seed, 100), words(seed, 100));
    const firsts = new Set(Array.from({ length: 1000 }, (_, seed) => words(seed, 4).join()));
    assert.equal(firsts.size, 1000);
  });

  test('gives 32-bit integers, each bit set half the time, for any seed', () => {
    for (const seed of SEEDS) {
      const all = words(seed, 20_000);
      assert.ok(all.every((word) => Number.isInteger(word) && word >= 0 && word <= 0xffffffff));
      for (let bit = 0; bit < 32; bit++) {
        const set = all.filter((word) => ((word >>> bit) & 1) === 1).length;
        assert.ok(Math.abs(set - 10_000) < 400, `seed ${seed}, bit ${bit}: ${set} of 20,000`);
      }
      assert.equal(new Set(all).size, all.length, 'SplitMix32 goes through all numbers before one comes again');
    }
  });

  test('chance(0) is never true, chance(1) always, and the rest as often as they should be', () => {
    const random = new SeededRandom(7);
    for (let i = 0; i < 10_000; i++) {
      assert.equal(random.chance(0), false);
      assert.equal(random.chance(1), true);
    }
    for (const probability of [0.01, 0.25, 0.5, 0.9]) {
      let count = 0;
      for (let i = 0; i < 100_000; i++) if (random.chance(probability)) count++;
      assert.ok(Math.abs(count / 100_000 - probability) < 0.01, `${probability}: ${count}`);
    }
  });

  test('integers below a bound are evenly distributed', () => {
    const random = new SeededRandom(7);
    for (const below of [1, 2, 3, 16, 100]) {
      const counts = new Array<number>(below).fill(0);
      for (let i = 0; i < 1000 * below; i++) counts[random.below(below)]++;
      assert.equal(counts.length, below);
      assert.ok(
        counts.every((count) => count > 800 && count < 1200),
        `below ${below}: ${counts.join()}`,
      );
    }
  });

  test('fills every byte of an array, and no others', () => {
    const bytes = new Uint8Array(4096);
    new SeededRandom(3).fill(bytes.subarray(8, 4088));
    assert.ok(bytes.subarray(0, 8).every((byte) => byte === 0) && bytes.subarray(4088).every((byte) => byte === 0));
    assert.equal(new Set(bytes.subarray(8, 4088)).size, 256);
    const again = new Uint8Array(4096);
    new SeededRandom(3).fill(again.subarray(8, 4088));
    assert.deepEqual(again, bytes);
  });
});
