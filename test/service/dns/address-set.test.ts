import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { AddressSet } from '../../../src/service/dns/address-set.js';
import { RandomOrder } from '../../../src/service/dns/random-order.js';

function contents({ words, count, size }: AddressSet): string[] {
  return Array.from({ length: count }, (_, i) => words.slice(i * size, (i + 1) * size).join('.')).sort();
}

describe('AddressSet', () => {
  test('any claims, releases and shuffles leave the addresses that somebody claims, each once', () => {
    const step = fc.record({ address: fc.nat(20), owner: fc.constantFrom('a', 'b', 'c'), claim: fc.boolean() });
    const random = new RandomOrder();
    for (const size of [1, 4] as const) {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
          const set = new AddressSet(size);
          const model = new Set<string>();
          for (const { address, owner, claim } of steps) {
            const bytes = new Uint8Array(4 * size).fill(1);
            bytes[4 * size - 1] = address;
            if (claim) set.claim(bytes, owner);
            else set.release(bytes, owner);
            model[claim ? 'add' : 'delete'](`${address} ${owner}`);
            set.shuffle(set.count, random);
          }
          const claimed = new Set([...model].map((key) => Number(key.split(' ')[0])));
          const words = [...claimed].map((last) => [...Array<number>(size - 1).fill(0x01010101), 0x01010100 | last]);
          assert.deepEqual(contents(set), words.map((address) => address.join('.')).sort());
        }),
        { seed: 20261129, numRuns: 50 },
      );
    }
  });

  test('shrinks when its addresses go', () => {
    const set = new AddressSet(1);
    const address = (i: number): Uint8Array => Uint8Array.of(10, 0, i >> 8, i);
    for (let i = 0; i < 5000; i++) set.claim(address(i), 'a');
    for (let i = 0; i < 5000; i++) set.release(address(i), 'a');
    assert.equal(set.count, 0);
    assert.ok(set.words.length <= 4);
  });
});
