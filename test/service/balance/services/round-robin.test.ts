/** IPVS's scheduler rr in the kernel's order. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RoundRobin } from '../../../../src/service/index.js';

const A = 10;
const B = 11;
const C = 12;

function schedulerOf(...destinations: number[]): RoundRobin {
  const scheduler = new RoundRobin();
  for (const destination of destinations) scheduler.add(destination, 1);
  return scheduler;
}

const picks = (scheduler: RoundRobin, count: number): number[] => Array.from({ length: count }, () => scheduler.pick());

describe('rr', () => {
  test('picks the newest first: A, B and C added give C, B, A, C', () => {
    assert.deepEqual(picks(schedulerOf(A, B, C), 7), [C, B, A, C, B, A, C]);
  });

  test('weights other than 0 do not matter', () => {
    const scheduler = new RoundRobin();
    scheduler.add(A, 5);
    scheduler.add(B, 1);
    assert.deepEqual(picks(scheduler, 4), [B, A, B, A]);
  });

  test('a destination of weight 0 is skipped until it has a weight again', () => {
    const scheduler = schedulerOf(A, B, C);
    scheduler.setWeight(B, 0);
    assert.deepEqual(picks(scheduler, 4), [C, A, C, A]);
    scheduler.setWeight(B, 1);
    assert.deepEqual(picks(scheduler, 3), [C, B, A]);
  });

  test('without a destination, or with all at 0, there is none, and the pointer stays', () => {
    assert.equal(schedulerOf().pick(), -1);
    const scheduler = schedulerOf(A, B, C);
    assert.equal(scheduler.pick(), C);
    for (const destination of [A, B, C]) scheduler.setWeight(destination, 0);
    assert.deepEqual(picks(scheduler, 3), [-1, -1, -1]);
    for (const destination of [A, B, C]) scheduler.setWeight(destination, 1);
    assert.equal(scheduler.pick(), B);
  });

  test('one added later is picked when the pointer wraps', () => {
    const scheduler = schedulerOf(A, B);
    assert.equal(scheduler.pick(), B);
    scheduler.add(C, 1);
    assert.deepEqual(picks(scheduler, 4), [A, C, B, A]);
  });

  test('removing the one under the pointer moves it to the one before', () => {
    const scheduler = schedulerOf(A, B, C);
    assert.deepEqual(picks(scheduler, 2), [C, B]);
    scheduler.remove(B);
    assert.deepEqual(picks(scheduler, 3), [A, C, A]);
  });

  test('removing the first under the pointer moves it to the head', () => {
    const scheduler = schedulerOf(A, B, C);
    assert.equal(scheduler.pick(), C);
    scheduler.remove(C);
    assert.deepEqual(picks(scheduler, 3), [B, A, B]);
  });

  test('removing another leaves the pointer where it is', () => {
    const scheduler = schedulerOf(A, B, C);
    assert.deepEqual(picks(scheduler, 2), [C, B]);
    scheduler.remove(C);
    assert.deepEqual(picks(scheduler, 3), [A, B, A]);
    scheduler.remove(A);
    assert.deepEqual(picks(scheduler, 2), [B, B]);
  });
});
