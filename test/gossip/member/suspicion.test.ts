import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Awareness } from '../../../src/gossip/member/awareness.js';
import { pushPullInterval, suspicionTimeout } from '../../../src/gossip/member/parameters.js';
import { Suspicion } from '../../../src/gossip/member/suspicion.js';

test('a suspicion shrinks with the logarithm of its confirmations', () => {
  const suspicion = new Suspicion('me', 3, 2000, 30_000, 1000);
  assert.equal(suspicion.deadline, 31_000);
  assert.equal(suspicion.confirm('me'), false);
  assert.equal(suspicion.confirm('a'), true);
  assert.equal(suspicion.deadline, 1000 + 16_000);
  assert.equal(suspicion.confirm('a'), false);
  assert.equal(suspicion.confirm('b'), true);
  assert.equal(suspicion.deadline, 1000 + 7810);
  assert.equal(suspicion.confirm('c'), true);
  assert.equal(suspicion.deadline, 1000 + 2000);
  assert.equal(suspicion.confirm('d'), false);
});

test('a suspicion that expects no confirmations is short', () => {
  assert.equal(new Suspicion('me', 0, 4000, 24_000, 0).deadline, 4000);
});

test('the shortest suspicion grows with the power of ten of members', () => {
  assert.equal(suspicionTimeout(4, 3, 1000), 4000);
  assert.equal(suspicionTimeout(4, 10, 1000), 4000);
  assert.equal(suspicionTimeout(4, 50, 1000), 6792);
  assert.equal(suspicionTimeout(4, 1000, 1000), 12_000);
});

test('push/pulls become rarer with each doubling above 32 members', () => {
  assert.equal(pushPullInterval(30_000, 32), 30_000);
  assert.equal(pushPullInterval(30_000, 33), 60_000);
  assert.equal(pushPullInterval(30_000, 64), 60_000);
  assert.equal(pushPullInterval(30_000, 65), 90_000);
  assert.equal(pushPullInterval(30_000, 1000), 180_000);
});

test('awareness stays in its bounds and scales times', () => {
  const awareness = new Awareness(8);
  awareness.apply(-1);
  assert.equal(awareness.score, 0);
  awareness.apply(100);
  assert.equal(awareness.score, 7);
  assert.equal(awareness.scale(1000), 8000);
});
