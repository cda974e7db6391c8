import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryQueue } from '../../../src/fleet/index.js';
import { numbered, queueConformance, worker } from './conformance.js';
import { ManualTime } from './manual-time.js';
import { all, bytes, event, forever, joined, noise, pieces } from './outcomes.js';

queueConformance(
  'memory',
  () => {
    const queue = new MemoryQueue({ retryWait: 0 });
    return Promise.resolve([queue, queue] as const);
  },
  false,
);

test('memory: a job whose worker says nothing for the ack-wait goes to another, and the first result stands', async () => {
  const time = new ManualTime();
  const queue = new MemoryQueue({ ackWait: 30_000, time });
  await queue.submit('r', numbered(1));
  const late = event<Uint8Array>();
  const begun = event();
  const slow = worker(queue, () => {
    begun.say();
    return late.seen;
  });
  await begun.seen;
  const again = event<number>();
  const other = worker(queue, ({ attempt }) => {
    again.say(attempt);
    return Promise.resolve(bytes('second'));
  });
  // The process of the slow one stands still: what it would say comes too late.
  time.advance(30_000);
  assert.equal(await again.seen, 2);
  assert.deepEqual(await all(queue.outcomes('r', 1)), ['0 done second']);
  late.say(bytes('first'));
  await Promise.all([slow.stop(), other.stop()]);
  assert.deepEqual(await all(queue.outcomes('r', 1)), ['0 done second']);
  await queue.close();
});

test('memory: a job whose worker is at it stays with it', async () => {
  const time = new ManualTime();
  const queue = new MemoryQueue({ ackWait: 30_000, time });
  await queue.submit('r', numbered(1));
  const end = event<Uint8Array>();
  const begun = event();
  const slow = worker(queue, () => {
    begun.say();
    return end.seen;
  });
  const other = worker(queue, () => Promise.reject(new Error('has it too')));
  await begun.seen;
  for (let step = 0; step < 30; step++) {
    time.advance(10_000);
    await time.settled();
  }
  end.say(bytes('slow'));
  assert.deepEqual(await all(queue.outcomes('r', 1)), ['0 done slow']);
  await Promise.all([slow.stop(), other.stop()]);
  await queue.close();
});

test('memory: a job whose workers say nothing has failed after its attempts', async () => {
  const time = new ManualTime();
  const queue = new MemoryQueue({ ackWait: 1_000, maxAttempts: 2, time });
  await queue.submit('r', numbered(1));
  let given = event();
  const { stop } = worker(
    queue,
    () => {
      given.say();
      return forever();
    },
    { concurrency: 3 },
  );
  for (let attempt = 0; attempt < 2; attempt++) {
    await given.seen;
    given = event();
    time.advance(1_000);
  }
  assert.deepEqual(await all(queue.outcomes('r', 1)), ['0 failed after 2: its worker died, or said nothing for 1 s']);
  await stop();
  await queue.close();
});

test('memory: a job that failed is tried again after the wait, and others come first', async () => {
  const time = new ManualTime();
  const queue = new MemoryQueue({ retryWait: 1_000, time });
  await queue.submit('r', numbered(2));
  const given: string[] = [];
  const failed = event();
  const { stop } = worker(queue, ({ index, attempt }) => {
    given.push(`${index}/${attempt}`);
    if (index === 1) failed.say();
    return attempt === 1 && index === 0 ? Promise.reject(new Error('no')) : Promise.resolve(bytes('yes'));
  });
  await failed.seen;
  await time.settled();
  assert.deepEqual(given, ['0/1', '1/1']);
  time.advance(1_000);
  assert.deepEqual(await all(queue.outcomes('r', 2)), ['0 done yes', '1 done yes']);
  assert.deepEqual(given, ['0/1', '1/1', '0/2']);
  await stop();
  await queue.close();
});

test('memory: a run that nobody removed expires after a day, and a waiting coordinator gets an error', async () => {
  const time = new ManualTime();
  const queue = new MemoryQueue({ time });
  await queue.submit('r', numbered(1));
  await queue.putFile('r', 'f', pieces(noise(10)));
  const waits = assert.rejects(all(queue.outcomes('r', 1)), { code: 'NOT_THERE' });
  await time.settled();
  time.advance(86_400_000);
  await waits;
  await assert.rejects(joined(queue.readFile('r', 'f')), { code: 'NOT_THERE' });
  await queue.close();
});

test('memory: what finds no room is FULL, or the failure of its job; removing a run makes room', async () => {
  const queue = new MemoryQueue({ maxBytes: 1_000 });
  await queue.submit('r', numbered(2));
  await assert.rejects(queue.putFile('r', 'f', pieces(noise(600), noise(600))), { code: 'FULL' });
  await queue.putFile('r', 'f', pieces(noise(600)));
  const { stop } = worker(queue, ({ index }) => Promise.resolve(index === 0 ? noise(401) : bytes('small')));
  assert.deepEqual(await all(queue.outcomes('r', 2)), [
    '0 failed after 1: its result of 401 bytes finds no room',
    '1 done small',
  ]);
  await stop();
  await queue.remove('r');
  await queue.begin('s');
  await queue.putFile('s', 'f', pieces(noise(1_000)));
  for (let run = 0; run < 4; run++) await queue.submit(`full-${run}`, Array<Uint8Array>(65_536).fill(bytes('')));
  await assert.rejects(queue.submit('s', numbered(1)), { code: 'FULL' });
  await queue.remove('full-1');
  await queue.submit('s', numbered(1));
  await queue.close();
});
