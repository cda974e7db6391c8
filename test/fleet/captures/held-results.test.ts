/** Results that wait for their turn. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HeldResults } from '../../../src/fleet/captures/held-results.js';

describe('results that come early', () => {
  test('come back as they were, from memory and from disk, each once', () => {
    const held = new HeldResults(100);
    const results = Array.from({ length: 20 }, (_, i) => new Uint8Array(i * 3).fill(i));
    for (const [i, result] of [...results.entries()].reverse()) held.put(i, result);
    for (const [i, result] of results.entries()) {
      assert.deepEqual(held.take(i), result);
      assert.equal(held.take(i), undefined);
    }
    held.close();
  });

  test('make room in memory as they are taken', () => {
    const held = new HeldResults(10);
    for (let i = 0; i < 1000; i++) {
      held.put(i, Uint8Array.of(i & 0xff, 1, 2, 3, 4, 5, 6, 7));
      assert.equal(held.take(i)?.[0], i & 0xff);
    }
    held.close();
  });
});
