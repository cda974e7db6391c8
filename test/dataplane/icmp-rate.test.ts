/** RFC 4443 section 2.4 f: ICMP errors are limited by a token bucket. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IcmpRate } from '../../src/dataplane/icmp-rate.js';

/** How many of some tries are allowed. */
function allowed(rate: IcmpRate, endpoint: number, now: number, tries: number): number {
  let count = 0;
  for (let i = 0; i < tries; i++) if (rate.take(endpoint, now)) count++;
  return count;
}

test('a burst at once, then so many a second, and never more than a burst after a pause', () => {
  const rate = new IcmpRate(1, { perSecond: 8, burst: 3 });
  assert.equal(allowed(rate, 0, 1000, 9), 3);
  assert.equal(allowed(rate, 0, 1000.0625, 9), 0);
  assert.equal(allowed(rate, 0, 1000.125, 9), 1);
  assert.equal(allowed(rate, 0, 1000.4375, 9), 2);
  assert.equal(allowed(rate, 0, 9999, 9), 3);
});

test('each endpoint has a bucket of its own, those that are unknown have one together', () => {
  const rate = new IcmpRate(2, { perSecond: 1, burst: 2 });
  assert.deepEqual(
    [0, 1, -1, -1].map((endpoint) => allowed(rate, endpoint, 0, 9)),
    [2, 2, 2, 0],
  );
});

test('a clock that goes back by a second at most fills nothing', () => {
  const rate = new IcmpRate(1, { perSecond: 8, burst: 1 });
  assert.equal(allowed(rate, 0, 100, 2), 1);
  assert.equal(allowed(rate, 0, 99, 2), 0);
  assert.equal(allowed(rate, 0, 100.0625, 2), 0);
  assert.equal(allowed(rate, 0, 100.125, 2), 1);
});

test('a clock that was far ahead once stops no messages afterwards', () => {
  const rate = new IcmpRate(1, { perSecond: 8, burst: 1 });
  assert.equal(allowed(rate, 0, 4e9, 2), 1);
  assert.equal(allowed(rate, 0, 1.7e9, 2), 0);
  assert.equal(allowed(rate, 0, 1.7e9 + 0.125, 2), 1);
  assert.equal(allowed(rate, 0, 1.7e9 + 0.25, 2), 1);
});

test('by default as Linux: 50 at once and 1000 a second', () => {
  const rate = new IcmpRate(1);
  assert.equal(allowed(rate, 0, 5, 1000), 50);
  assert.equal(allowed(rate, 0, 5.015625, 1000), 15);
});
