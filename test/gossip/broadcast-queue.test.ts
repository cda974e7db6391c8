import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BroadcastQueue } from '../../src/gossip/broadcast-queue.js';

function take(queue: BroadcastQueue<string>, limit: number, members = 1): string[] {
  const items: string[] = [];
  queue.take(2, limit, members, items);
  return items;
}

test('messages sent less often go first, then longer ones, then newer ones', () => {
  const queue = new BroadcastQueue<string>(4, 100);
  queue.push('a', 'short', 10);
  queue.push('b', 'long', 20);
  queue.push('c', 'short and newer', 10);
  assert.deepEqual(take(queue, 22), ['long']);
  assert.deepEqual(take(queue, 100), ['short and newer', 'short', 'long']);
});

test('a shorter message fills the room that a longer one does not fit in', () => {
  const queue = new BroadcastQueue<string>(4, 100);
  queue.push('a', 'long', 50);
  queue.push('b', 'longer', 60);
  queue.push('c', 'short', 10);
  assert.deepEqual(take(queue, 75), ['longer', 'short']);
  assert.deepEqual(take(queue, 11), []);
});

test('a message is passed on mult * ceil(log10(members + 1)) times', () => {
  for (const [members, times] of [
    [1, 4],
    [9, 4],
    [10, 8],
    [1000, 16],
  ] as const) {
    const queue = new BroadcastQueue<string>(4, 100);
    queue.push('a', 'message', 10);
    let count = 0;
    while (take(queue, 100, members).length > 0) count += 1;
    assert.equal(count, times, `${members} members`);
    assert.equal(queue.length, 0);
  }
});

test('a message replaces the queued one with its key and starts anew', () => {
  const queue = new BroadcastQueue<string>(4, 100);
  queue.push('a', 'old', 10);
  take(queue, 100);
  queue.push('a', 'new', 12);
  assert.equal(queue.length, 1);
  assert.ok(queue.has('a'));
  for (let count = 0; count < 4; count += 1) assert.deepEqual(take(queue, 100), ['new']);
  assert.deepEqual(take(queue, 100), []);
  assert.equal(queue.has('a'), false);
});

test('a full queue drops the message that was sent most often, and counts it', () => {
  const queue = new BroadcastQueue<string>(4, 2);
  queue.push('a', 'sent', 30);
  take(queue, 100);
  queue.push('b', 'second', 20);
  queue.push('c', 'third', 10);
  assert.equal(queue.length, 2);
  assert.equal(queue.evicted, 1);
  assert.deepEqual(take(queue, 100), ['second', 'third']);
});
