/** Sides of connections that send much again, whatever happens to their addresses and ports later. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { StormWatch } from '../../../src/doctor/capture/storm-watch.js';
import { TcpFlag } from '../../../src/wire/index.js';

const LENGTH = 100;

/** A connection in row 0: a SYN, and segments of which each is sent `times` times, a second apart. */
function connect(watch: StormWatch, number: number, initial: number, segments: number, times: number): number {
  let at = number;
  const send = (sequence: number, flags: number, length: number): void => {
    const stamp = { number: at, seconds: at, elapsed: at };
    watch.add(stamp, 0, 0, sequence, 1, flags, 1000, length, flags === TcpFlag.Syn);
    at++;
  };
  send(initial, TcpFlag.Syn, 0);
  for (let i = 0; i < segments; i++) {
    for (let time = 0; time < times; time++) send(initial + 1 + i * LENGTH, TcpFlag.Ack, LENGTH);
  }
  return at;
}

describe('storms', () => {
  test('are ten retransmissions and a tenth of the segments', () => {
    for (const [segments, times, expected] of [
      [10, 2, 1],
      [9, 2, 0],
      [200, 1, 0],
    ]) {
      const watch = new StormWatch(1);
      connect(watch, 1, 0, segments, times);
      assert.equal(watch.report(1).length, expected);
    }
  });

  test('another connection with the same addresses and ports has counts of its own', () => {
    const watch = new StormWatch(1);
    const second = connect(watch, 1, 0, 12, 2);
    const third = connect(watch, second, 1 << 20, 5, 2);
    connect(watch, third, 2 << 20, 11, 3);
    assert.deepEqual(watch.report(1), [
      { row: 0, side: 0, segments: 25, retransmissions: 12, first: 1 },
      { row: 0, side: 0, segments: 34, retransmissions: 22, first: third },
    ]);
  });

  test('those of earlier connections are bounded, and what is beyond that is counted', () => {
    const watch = new StormWatch(1);
    let number = 1;
    for (let i = 0; i < 300; i++) number = connect(watch, number, i << 16, 10, 2);
    assert.deepEqual([watch.report(1).length, watch.unlisted], [257, 43]);
  });
});
