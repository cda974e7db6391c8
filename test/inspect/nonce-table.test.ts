import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NonceTable, NonceVerdict } from '../../src/inspect/nonce-table.js';

const SEED = 20261121;
const { New, SamePacket, Reused, Untracked } = NonceVerdict;

describe('NonceTable', () => {
  test('an IV is new once per row', () => {
    const table = new NonceTable(16);
    assert.equal(table.add(0, 1, 2, 3), New);
    assert.equal(table.add(1, 1, 2, 3), New);
    assert.equal(table.add(0, 2, 1, 3), New);
    assert.equal(table.add(0, 1, 3, 3), New);
    assert.equal(table.add(0, 0, 2, 3), New);
  });

  test('the same IV with the same end is the same packet again, however often', () => {
    const table = new NonceTable(16);
    table.add(0, -1, 0x7fffffff, -5);
    for (let i = 0; i < 3; i++) assert.equal(table.add(0, -1, 0x7fffffff, -5), SamePacket);
  });

  test('the same IV with another end is nonce reuse; the first packet remains the reference', () => {
    const table = new NonceTable(16);
    table.add(0, 1, 2, 3);
    assert.equal(table.add(0, 1, 2, 4), Reused);
    assert.equal(table.add(0, 1, 2, 4), Reused);
    assert.equal(table.add(0, 1, 2, 3), SamePacket);
  });

  test('distinguishes the same start with another size, if both starts were captured', () => {
    const table = new NonceTable(16);
    table.add(0, 1, 2, 3, 7, 100);
    assert.equal(table.add(0, 1, 2, 4, 7, 104), NonceVerdict.SameStart);
    assert.equal(table.add(0, 1, 2, 5, 7, 100), Reused);
    table.add(1, 1, 2, 3, 0, 100);
    assert.equal(table.add(1, 1, 2, 4, 0, 104), Reused);
  });

  test('compares words regardless of their sign', () => {
    const table = new NonceTable(16);
    table.add(0, 0x80000000 | 0, 0xffffffff | 0, 0x80000000 | 0);
    assert.equal(table.add(0, -0x80000000, -1, -0x80000000), SamePacket);
    assert.equal(table.add(0, -0x80000000, -1, 0x7fffffff), Reused);
  });

  test('a full table reports new IVs as untracked, and still knows the stored ones', () => {
    const table = new NonceTable(2);
    table.add(0, 1, 1, 1);
    table.add(0, 2, 2, 2);
    for (let i = 0; i < 3; i++) assert.equal(table.add(0, 3, 3, 3), Untracked);
    assert.equal(table.add(0, 1, 1, 1), SamePacket);
    assert.equal(table.add(0, 2, 2, 9), Reused);
    assert.equal(table.add(0, 3, 3, 3), Untracked);
  });

  test('agrees with a Map for any packets and limits (300 runs)', () => {
    const word = fc.constantFrom(0, 1, -1, 0x7fffffff);
    const packet = fc.tuple(fc.nat(3), word, word, fc.nat(2));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.array(packet, { maxLength: 200 }), (limit, packets) => {
        const table = new NonceTable(limit);
        const model = new Map<string, number>();
        for (const [row, high, low, end] of packets) {
          const name = `${row} ${high} ${low}`;
          const known = model.get(name);
          let expected: number = New;
          if (known !== undefined) expected = known === end ? SamePacket : Reused;
          else if (model.size === limit) expected = Untracked;
          else model.set(name, end);
          assert.equal(table.add(row, high, low, end), expected);
        }
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  test('keeps the ends while the table grows (100,000 IVs)', () => {
    const table = new NonceTable(1 << 17);
    for (let i = 0; i < 100_000; i++) assert.equal(table.add(i & 7, i, ~i, i * 3), New);
    for (let i = 0; i < 100_000; i++) assert.equal(table.add(i & 7, i, ~i, i * 3), SamePacket);
  });
});
