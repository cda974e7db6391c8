import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AttemptQueue } from '../../../src/live/node/attempt-queue.js';

function keys(...names: readonly string[]): Map<string, string> {
  return new Map(names.map((name) => [name, 'key']));
}

/** All names that are due, in order. */
function takeAll(queue: AttemptQueue, now: number): string[] {
  const names: string[] = [];
  for (let name = queue.take(now); name !== undefined; name = queue.take(now)) names.push(name);
  return names;
}

describe('attempts', () => {
  test('run once each, in the requested order', () => {
    const queue = new AttemptQueue();
    queue.want(keys('a', 'b', 'c'), 0);
    assert.deepEqual(takeAll(queue, 0), ['a', 'b', 'c']);
    queue.want(keys('a', 'b', 'c'), 1);
    assert.deepEqual(takeAll(queue, 100), []);
  });

  test('that fail are repeated after 1, 2, 4 ... at most 60 seconds', () => {
    const queue = new AttemptQueue();
    queue.want(keys('a'), 0);
    const waits: number[] = [];
    let last = 0;
    for (let now = 0; waits.length < 9; now++) {
      queue.want(keys('a'), now);
      if (queue.take(now) === undefined) continue;
      waits.push(now - last);
      last = now;
      queue.failed('a', now);
    }
    assert.deepEqual(waits, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
  });

  test('reach a name after eighty failing ones, however few run between two calls of want', () => {
    const queue = new AttemptQueue();
    const names = [...Array.from({ length: 80 }, (_, i) => `bad${i}`), 'good'];
    let tries = 0;
    for (let now = 0; tries < 81; now++) {
      queue.want(keys(...names), now);
      for (let i = 0; i < 10; i++) {
        const name = queue.take(now);
        tries++;
        if (name === 'good') return;
        if (name !== undefined) queue.failed(name, now);
      }
    }
    assert.fail('good was not tried');
  });

  test('are due immediately if their key changes', () => {
    const queue = new AttemptQueue();
    queue.want(keys('a', 'b'), 0);
    for (const name of takeAll(queue, 0)) queue.failed(name, 0);
    queue.want(new Map([...keys('a'), ['b', 'another']]), 0.5);
    assert.deepEqual(takeAll(queue, 0.5), ['b']);
    queue.failed('b', 0.5);
    // Its back-off restarted.
    assert.deepEqual(takeAll(queue, 1.5), ['a', 'b']);
  });

  test('are all due immediately after a restart, except running ones', () => {
    const queue = new AttemptQueue();
    queue.want(keys('a', 'b'), 0);
    assert.equal(queue.take(0), 'a');
    assert.equal(queue.take(0), 'b');
    queue.failed('b', 0);
    queue.restart();
    queue.want(keys('a', 'b'), 0);
    assert.deepEqual(takeAll(queue, 0), ['b']);
  });

  test('stop for names that are no longer wanted', () => {
    const queue = new AttemptQueue();
    queue.want(keys('a', 'b'), 0);
    queue.want(keys('b'), 0);
    assert.deepEqual(takeAll(queue, 0), ['b']);
    queue.done('b');
    queue.failed('b', 0);
    assert.deepEqual(takeAll(queue, 100), []);
  });

  test('are untried until each has succeeded or failed once', () => {
    const queue = new AttemptQueue();
    assert.equal(queue.untried, false);
    queue.want(keys('a', 'b'), 0);
    takeAll(queue, 0);
    assert.equal(queue.untried, true);
    queue.done('a');
    assert.equal(queue.untried, true);
    queue.failed('b', 0);
    assert.equal(queue.untried, false);
  });
});
