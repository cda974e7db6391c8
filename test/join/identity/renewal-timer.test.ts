import assert from 'node:assert/strict';
import test from 'node:test';
import { RenewalTimer } from '../../../src/join/identity/renewal-timer.js';

const DAY_MS = 24 * 3_600_000;

test('a certificate of 90 days is renewed once, after 45 to 72 days', (t) => {
  for (const [random, day] of [
    [0, 45],
    [0.999999, 72],
  ]) {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 });
    let renewed = 0;
    const timer = new RenewalTimer(
      () => renewed++,
      () => random,
    );
    timer.schedule({ notBefore: 0, notAfter: 90 * DAY_MS });
    for (let hour = 0; hour < day * 24 - 1; hour++) t.mock.timers.tick(3_600_000);
    assert.equal(renewed, 0);
    for (let hour = 0; hour < 48; hour++) t.mock.timers.tick(3_600_000);
    assert.equal(renewed, 1);
    timer.stop();
    t.mock.timers.reset();
  }
});

test('another attempt replaces the schedule, and stopping cancels it', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 });
  let renewed = 0;
  const timer = new RenewalTimer(
    () => renewed++,
    () => 0,
  );
  timer.schedule({ notBefore: 0, notAfter: 2_000 });
  timer.retryIn(5_000);
  t.mock.timers.tick(4_999);
  assert.equal(renewed, 0);
  t.mock.timers.tick(1);
  assert.equal(renewed, 1);
  timer.retryIn(1_000);
  timer.stop();
  t.mock.timers.tick(10_000);
  assert.equal(renewed, 1);
});
