import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NameTable } from '../../../src/service/dns/name-table.js';

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');

describe('NameTable', () => {
  test('any sequence of additions and removals leaves what a Map has', () => {
    const step = fc.record({ space: fc.nat(2), name: fc.nat(400), add: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 1500, size: 'max' }), (steps) => {
        const table = new NameTable<number>();
        const model = new Map<string, number>();
        steps.forEach(({ space, name, add }, i) => {
          const key = `${space} ${name}`;
          if (!add) {
            table.delete(space, bytesOf(`${name}`));
            model.delete(key);
          } else if (!model.has(key)) {
            table.add(space, bytesOf(`${name}`), i);
            model.set(key, i);
          }
        });
        assert.equal(table.size, model.size);
        for (let space = 0; space <= 2; space++) {
          for (let name = 0; name <= 400; name++) {
            const bytes = bytesOf(`__${name}`);
            assert.equal(table.find(space, bytes, 2, bytes.length - 2), model.get(`${space} ${name}`));
          }
        }
      }),
      { seed: 20261129, numRuns: 30 },
    );
  });

  test('names of every length up to 255 bytes', () => {
    const table = new NameTable<number>();
    for (let length = 0; length <= 255; length++) table.add(7, bytesOf('x'.repeat(length)), length);
    const all = bytesOf('x'.repeat(255));
    for (let length = 0; length <= 255; length++) assert.equal(table.find(7, all, 0, length), length);
    assert.equal(table.find(8, all, 0, 10), undefined);
  });
});
