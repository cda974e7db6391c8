import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MAX_BEHIND_MS, type Pace, Pacer } from '../../../src/live/device/pacer.js';

/** Due times of packets with the given times (in milliseconds) and sizes, for a sender that is never late. */
function dueTimes(pace: Pace, times: readonly number[], bytes: readonly number[] = times.map(() => 100)): number[] {
  const pacer = new Pacer(pace);
  let now = 1000;
  return times.map((time, i) => {
    const seconds = Math.floor(time / 1000);
    now = pacer.due(now, seconds, Math.round((time - seconds * 1000) * 1e6), bytes[i]);
    return now - 1000;
  });
}

describe('Pacer', () => {
  test('by timestamps keeps the gaps, divided by the speed', () => {
    const times = [999.5, 1000.25, 1500, 3000];
    assert.deepEqual(dueTimes({ by: 'timestamps', speed: 1 }, times), [0, 0.75, 500.5, 2000.5]);
    assert.deepEqual(dueTimes({ by: 'timestamps', speed: 2 }, times), [0, 0.375, 250.25, 1000.25]);
    assert.deepEqual(dueTimes({ by: 'timestamps', speed: 0.5 }, times), [0, 1.5, 1001, 4001]);
  });

  test('by timestamps sends a packet older than its predecessor right after it', () => {
    assert.deepEqual(dueTimes({ by: 'timestamps', speed: 1 }, [0, 50, 20, 60]), [0, 50, 50, 60]);
  });

  test('by packets and by bits ignores timestamps', () => {
    assert.deepEqual(dueTimes({ by: 'packets', rate: 100 }, [0, 0, 9000, 1]), [0, 10, 20, 30]);
    // 1250 bytes are 10,000 bits: 1 ms at 10 Mbit/s.
    assert.deepEqual(dueTimes({ by: 'bits', rate: 10 }, [0, 0, 0, 0], [1250, 2500, 1250, 1]), [0, 1, 3, 4]);
  });

  test('without a pace holds nothing back and reports no delay', () => {
    const pacer = new Pacer({ by: 'none' });
    for (const now of [5, 6, 500]) assert.equal(pacer.due(now, 9, 9, 9), now);
    pacer.went(1000);
    assert.equal(pacer.worstMs, 0);
  });

  test('catches up on a small delay, so that the rate holds', () => {
    const pacer = new Pacer({ by: 'packets', rate: 100 });
    assert.equal(pacer.due(0, 0, 0, 1), 0);
    // 50 ms late: packets due in the meantime are sent immediately, later ones on time.
    assert.deepEqual(
      [1, 2, 3, 4, 5].map(() => pacer.due(60, 0, 0, 1)),
      [60, 60, 60, 60, 60],
    );
    assert.deepEqual(
      [6, 7].map(() => pacer.due(60, 0, 0, 1)),
      [60, 70],
    );
  });

  test('a long delay shifts the schedule, so that no burst follows', () => {
    const pacer = new Pacer({ by: 'packets', rate: 100 });
    pacer.due(0, 0, 0, 1);
    const late = 10 + MAX_BEHIND_MS + 1;
    assert.equal(pacer.due(late, 0, 0, 1), late);
    assert.equal(pacer.due(late, 0, 0, 1), late + 10);
  });

  test('reports the maximum delay', () => {
    const pacer = new Pacer({ by: 'packets', rate: 100 });
    pacer.due(0, 0, 0, 1);
    pacer.went(0);
    pacer.due(0, 0, 0, 1);
    pacer.went(17);
    pacer.due(17, 0, 0, 1);
    pacer.went(20);
    assert.equal(pacer.worstMs, 7);
  });
});
