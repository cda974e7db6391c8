import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterKey, KeyRing } from '../../../src/overlay/index.js';
import { KeyAges } from '../../../src/swarm/joined/key-ages.js';

function ring(...tags: number[]): KeyRing {
  return new KeyRing(tags.map((tag) => new ClusterKey(tag, new Uint8Array(16).fill(tag))));
}

test('ages of keys go on over a rotation, and the middle key sends', () => {
  let now = 100;
  const ages = new KeyAges(() => now);
  assert.deepEqual(ages.keys, []);
  assert.equal(ages.update(ring(1, 2, 3)), true);
  now = 160;
  assert.equal(ages.update(ring(1, 2, 3)), false);
  assert.equal(ages.update(ring(2, 3, 4)), true);
  now = 170;
  assert.deepEqual(ages.keys, [
    { tag: 2, transmit: false, seconds: 70 },
    { tag: 3, transmit: true, seconds: 70 },
    { tag: 4, transmit: false, seconds: 10 },
  ]);
  assert.equal(ages.transmit, 3);
});
