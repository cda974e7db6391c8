import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { hash1, hashKeyOf } from '../../src/memory/hash.js';
import { KeyIndex } from '../../src/memory/key-index.js';

const SEED = 20261121;

/** Hash seed of the indexes with colliding keys. */
const HASH_SEED = 7;
const HASH_KEY = hashKeyOf(HASH_SEED, 1);

/** Keys whose home is one slot of a table of `slots`, under `HASH_SEED`. */
function colliding(count: number, slots: number, home: number): number[] {
  const keys: number[] = [];
  for (let word = 0; keys.length < count; word++) if ((hash1(HASH_KEY, word) & (slots - 1)) === home) keys.push(word);
  return keys;
}

function add(index: KeyIndex, ...words: readonly number[]): number {
  index.key.set(words);
  return index.add();
}

function find(index: KeyIndex, ...words: readonly number[]): number {
  index.key.set(words);
  return index.find();
}

describe('KeyIndex under colliding keys', () => {
  for (const home of [0, 5, 60, 63]) {
    test(`finds all 32 keys of slot ${home} of 64, and after deleting any of them the others`, () => {
      const keys = colliding(32, 64, home);
      for (let deleted = 0; deleted < keys.length; deleted++) {
        const index = new KeyIndex(1, 32, HASH_SEED);
        const ids = keys.map((key) => add(index, key));
        assert.deepEqual(
          ids,
          keys.map((_, i) => i),
        );
        index.delete(ids[deleted]);
        keys.forEach((key, i) => {
          assert.equal(find(index, key), i === deleted ? -1 : i);
        });
        assert.equal(index.size, 31);
      }
    });
  }

  test('runs of adjacent slots, also across the end of the table, behave like a Map', () => {
    const keys = [60, 61, 62, 63, 0, 1, 2].flatMap((home) => colliding(8, 64, home));
    const step = fc.tuple(fc.constantFrom('add', 'add', 'find', 'delete'), fc.nat(keys.length - 1));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const index = new KeyIndex(1, 32, HASH_SEED);
        const model = new Map<number, number>();
        for (const [what, at] of steps) {
          const key = keys[at];
          const known = model.get(key);
          if (what === 'find') {
            assert.equal(find(index, key), known ?? -1);
          } else if (what === 'delete') {
            if (known === undefined) continue;
            index.delete(known);
            model.delete(key);
          } else {
            const id = add(index, key);
            if (known !== undefined || model.size === 32) assert.equal(id, known ?? -1);
            else model.set(key, id);
          }
        }
        for (const key of keys) assert.equal(find(index, key), model.get(key) ?? -1);
        assert.equal(index.size, model.size);
      }),
      { seed: SEED, numRuns: 1500 },
    );
  });

  test('keys that differ in only one word, or have swapped words, are different keys', () => {
    const index = new KeyIndex(10, 100);
    const zero = new Array<number>(10).fill(0);
    const ids = zero.map((_, i) => add(index, ...zero.with(i, 1)));
    assert.equal(new Set(ids).size, 10);
    assert.equal(add(index, ...zero.with(3, 1)), ids[3]);
    const two = new KeyIndex(2, 10);
    assert.notEqual(add(two, 1, 2), add(two, 2, 1));
  });

  test('32-bit words: signed and unsigned forms are equal, the top bit counts', () => {
    const index = new KeyIndex(1, 10);
    const id = add(index, 0xffffffff);
    assert.equal(find(index, -1), id);
    assert.equal(find(index, 0x7fffffff), -1);
    assert.equal(index.word(id, 0), -1);
  });
});

describe('KeyIndex at its limits', () => {
  test('a full index still finds its keys, and still returns their ids', () => {
    const index = new KeyIndex(1, 3);
    for (const key of [10, 20, 30]) add(index, key);
    assert.equal(add(index, 40), -1);
    assert.equal(add(index, 40), -1);
    assert.equal(find(index, 40), -1);
    assert.deepEqual(
      [10, 20, 30].map((key) => add(index, key)),
      [0, 1, 2],
    );
    assert.deepEqual([index.size, index.span], [3, 3]);
  });

  test('an index of one key works', () => {
    const index = new KeyIndex(1, 1);
    for (let key = 0; key < 100; key++) {
      assert.equal(add(index, key), 0);
      assert.equal(add(index, key + 1), -1);
      index.delete(0);
      assert.equal(find(index, key), -1);
    }
  });

  test('the key that was added last is new again after it is deleted', () => {
    const index = new KeyIndex(1, 10);
    add(index, 1);
    const id = add(index, 2);
    index.delete(id);
    assert.equal(find(index, 2), -1);
    assert.equal(add(index, 3), id);
    assert.notEqual(add(index, 2), id);
  });

  test('deleting an id twice does nothing the second time', () => {
    const index = new KeyIndex(1, 10);
    const id = add(index, 1);
    add(index, 2);
    index.delete(id);
    index.delete(id);
    assert.equal(index.size, 1);
    const ids = [add(index, 3), add(index, 4)];
    assert.equal(new Set([...ids, find(index, 2)]).size, 3);
  });

  test('ids stay the same while the index grows, and freed ids are reused first', () => {
    const index = new KeyIndex(2, 5000);
    for (let i = 0; i < 15; i++) add(index, i, -i);
    for (const id of [3, 7, 11]) index.delete(id);
    assert.deepEqual(new Set([100, 101, 102].map((key) => add(index, key, 0))), new Set([3, 7, 11]));
    for (let i = 200; i < 4000; i++) add(index, i, 1);
    for (let i = 0; i < 15; i++) assert.equal(find(index, i, -i), [3, 7, 11].includes(i) ? -1 : i);
    assert.equal(index.size, 15 + 3800);
    assert.equal(index.span, 15 + 3800);
  });

  test('a sliding window of keys, a hundred thousand long, never leaks an id', () => {
    const index = new KeyIndex(3, 64);
    const ids: number[] = [];
    for (let i = 0; i < 100_000; i++) {
      if (i >= 64) index.delete(ids[i - 64]);
      const id = add(index, i, i >>> 3, i * 7);
      assert.ok(id >= 0 && id < 64);
      ids.push(id);
    }
    assert.equal(index.size, 64);
    assert.equal(index.span, 64);
  });

  test('refuses invalid sizes', () => {
    for (const [words, limit] of [
      [1.5, 1],
      [1, 1.5],
      [-1, 1],
      [1, -1],
      [Number.NaN, 1],
      [1, Number.POSITIVE_INFINITY],
    ]) {
      assert.throws(() => new KeyIndex(words, limit), { code: 'BAD_INDEX' });
    }
  });
});
