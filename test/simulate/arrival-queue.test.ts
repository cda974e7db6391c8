import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Arrival } from '../../src/simulate/arrival.js';
import { ArrivalQueue } from '../../src/simulate/arrival-queue.js';

function arrival(seconds: number): Arrival {
  return new Arrival('n1', 'c1', 1, new Uint8Array(14), seconds);
}

test('is first in, first out, and bounded, whatever the order of calls', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (calls) => {
      const queue = new ArrivalQueue(10);
      const expected: number[] = [];
      let pushed = 0;
      let dropped = 0;
      for (const push of calls) {
        if (!push) {
          assert.equal(queue.shift()?.seconds, expected.shift());
          continue;
        }
        if (expected.length < 10) expected.push(pushed);
        else dropped++;
        queue.push(arrival(pushed++));
      }
      assert.deepEqual([queue.length, queue.dropped], [expected.length, dropped]);
    }),
  );
});

test('readers that wait get the next arrivals in order, and nothing after the end', async () => {
  const queue = new ArrivalQueue(1);
  const readers = [queue.next(), queue.next(), queue.next()];
  queue.push(arrival(1));
  queue.push(arrival(2));
  queue.close();
  const seconds = (await Promise.all(readers)).map((read) => read?.seconds);
  assert.deepEqual(seconds, [1, 2, undefined]);
  assert.equal(await queue.next(), undefined);
  assert.equal(queue.dropped, 0);
});
