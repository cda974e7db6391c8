import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countsOf } from '../../../bench/live/vtep.js';

test('counts are the sums of what a report gives by reason, and exact only if both directions are', () => {
  const underlay = { received: 10, sent: 20, refused: { EPERM: 1, ENOBUFS: 2 }, overrun: 5 };
  const direction = (dropped: Record<string, number>, balanced = true): unknown => ({ dropped, balanced });
  const report = { egress: direction({ A: 1, B: 2 }), ingress: direction({ C: 4 }), underlay };
  const counts = { received: 10, sent: 20, refused: 3, overrun: 5, dropped: 7, balanced: true };
  assert.deepEqual(countsOf(JSON.stringify(report)), counts);
  const unbalanced = { ...report, ingress: direction({}, false) };
  assert.equal(countsOf(JSON.stringify(unbalanced)).balanced, false);
});
