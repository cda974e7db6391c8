/** RFC 4443 section 2.4 f: ICMP errors are limited by a token bucket. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IcmpRate } from '../../src/dataplane/icmp-rate.js';

/** How many of a number of attempts are allowed. */
function allowed(rate: IcmpRate, endpoint: number, now: number, tries: number): number {
  let count = 0;
  for (let i = 0; i < tries; i++) if (rate.take(endpoint, now)) count++;
  return count;
}

test('allows a burst, then the average rate, and at most a burst after a pause', () => {
  const rate = new IcmpRate(1, { perSecond: 8, burst: 3 });
  assert.equal(allowed(rate, 0, 1000, 9), 3);
  assert.equal(allowed(rate, 0, 1000.0625, 9), 0);
  assert.equal(allowed(rate, 0, 1000.125, 9), 1);
  assert.equal(allowed(rate, 0, 1000.4375, 9), 2);
  assert.equal(allowed(rate, 0, 9999, 9), 3);
});

test('each endpoint has a separate bucket; unknown ones share one', () => {
  const rate = new IcmpRate(2, { perSecond: 1, burst: 2 });
  assert.deepEqual(
    [0, 1, -1, -1].map((endpoint) => allowed(rate, endpoint, 0, 9)),
    [2, 2, 2, 0],
  );
});

test('a clock that goes back by at most a second adds no tokens', () => {
  const rate = new IcmpRate(1, { perSecond: 8, burst: 1 });
  assert.equal(allowed(rate, 0, 100, 2), 1);
  assert.equal(allowed(rate, 0, 99, 2), 0);
  assert.equal(allowed(rate, 0, 100.0625, 2), 0);
  assert.equal(allowed(rate, 0, 100.125, 2), 1);
});

test('a single timestamp far ahead does not suppress later messages', () => {
  const rate = new IcmpRate(1, { perSecond: 8, burst: 1 });
  assert.equal(allowed(rate, 0, 4e9, 2), 1);
  assert.equal(allowed(rate, 0, 1.7e9, 2), 0);
  assert.equal(allowed(rate, 0, 1.7e9 + 0.125, 2), 1);
  assert.equal(allowed(rate, 0, 1.7e9 + 0.25, 2), 1);
});

test('the defaults are Linux’s: a burst of 50, and 1000 per second', () => {
  const rate = new IcmpRate(1);
  assert.equal(allowed(rate, 0, 5, 1000), 50);
  assert.equal(allowed(rate, 0, 5.015625, 1000), 15);
});
