import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VtepIndex } from '../../../src/overlay/tables/vtep-index.js';

const V4 = [Uint8Array.of(192, 168, 50, 1), Uint8Array.of(192, 168, 50, 2)];
const V6 = [1, 2].map((last) => Uint8Array.of(0xfd, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last));

describe('VTEP addresses', () => {
  test('are found at any offset, by IP version', () => {
    const index = new VtepIndex();
    [...V4, ...V6].forEach((vtep, node) => index.add(vtep, node));
    for (const [i, vtep] of [...V4, ...V6].entries()) {
      const bytes = new Uint8Array(20).fill(0xee);
      bytes.set(vtep, 3);
      assert.equal(index.find(vtep.length === 4 ? 4 : 6, bytes, 3), i);
    }
    assert.equal(index.find4((192 << 24) | (168 << 16) | (50 << 8) | 2), 1);
    assert.equal(index.find4(0xc0a83202), 1, 'as an unsigned word');
    assert.equal(index.find(6, Uint8Array.from([...V4[0], ...new Uint8Array(12)]), 0), -1);
  });

  test('are gone once removed, and may get another node', () => {
    for (const [family, [a, b]] of [
      [4, V4],
      [6, V6],
    ] as const) {
      const index = new VtepIndex();
      index.add(a, 0);
      index.add(b, 1);
      index.delete(a);
      assert.deepEqual([index.find(family, a, 0), index.find(family, b, 0)], [-1, 1]);
      index.add(a, 7);
      assert.deepEqual([index.find(family, a, 0), index.find(family, b, 0)], [7, 1]);
    }
  });
});
