import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { KeyIndex } from '../../src/memory/key-index.js';

describe('KeyIndex', () => {
  test('behaves like a Map, through any additions and deletions', () => {
    const step = fc.tuple(fc.constantFrom('add', 'find', 'delete'), fc.nat(40), fc.constantFrom(0, 1, 0x10000, -1));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), fc.integer({ min: 1, max: 30 }), (steps, limit) => {
        const index = new KeyIndex(2, limit);
        const model = new Map<string, number>();
        for (const [what, low, high] of steps) {
          const name = `${low},${high}`;
          index.key.set([low, high]);
          const known = model.get(name);
          if (what === 'find') {
            assert.equal(index.find(), known ?? -1);
          } else if (what === 'add') {
            const id = index.add();
            if (known !== undefined) assert.equal(id, known);
            else if (model.size === limit) assert.equal(id, -1);
            else {
              assert.ok(id >= 0 && id < limit && ![...model.values()].includes(id));
              assert.deepEqual([index.word(id, 0), index.word(id, 1)], [low, high]);
              model.set(name, id);
            }
          } else if (known !== undefined) {
            index.delete(known);
            model.delete(name);
          }
          assert.equal(index.size, model.size);
        }
      }),
      { seed: 20261121, numRuns: 2000 },
    );
  });

  test('grows to its limit and reports when it is full', () => {
    const index = new KeyIndex(1, 100_000);
    for (let i = 0; i < 100_000; i++) {
      index.key[0] = i * 65536 + (i >> 16);
      assert.equal(index.add(), i);
    }
    index.key[0] = 7;
    assert.equal(index.add(), -1);
    index.delete(5);
    index.key[0] = 7;
    assert.equal(index.add(), 5);
  });

  test('refuses zero words or keys', () => {
    assert.throws(() => new KeyIndex(0, 1), { code: 'BAD_INDEX' });
    assert.throws(() => new KeyIndex(1, 0), { code: 'BAD_INDEX' });
  });
});
