import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Wire } from '../../src/simulate/wire.js';

/** Takes everything that is due, in order. */
function drain(wire: Wire, now: number): number[] {
  const taken: number[] = [];
  for (let packet = wire.take(now); packet !== undefined; packet = wire.take(now)) taken.push(packet.bytes[0]);
  return taken;
}

describe('Wire', () => {
  test('packets arrive in the order of their times, those of the same time in the order of sending', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 100 }), (times) => {
        const wire = new Wire({ latencySeconds: 1 });
        for (const [i, time] of times.entries()) wire.send('x', Uint8Array.of(i), time);
        const expected = [...times.keys()].sort((a, b) => times[a] - times[b] || a - b);
        assert.equal(wire.nextDue, times.length === 0 ? Infinity : Math.min(...times) + 1);
        assert.deepEqual(drain(wire, 100), expected);
      }),
    );
  });

  test('a packet is not there before its time', () => {
    const wire = new Wire({ latencySeconds: 0.5 });
    wire.send('x', Uint8Array.of(7), 10);
    assert.deepEqual(drain(wire, 10.4), []);
    assert.deepEqual(drain(wire, 10.5), [7]);
  });

  test('packets + duplicates = delivered + lost + overflow + in flight', () => {
    const wire = new Wire({ loss: 0.3, duplicate: 0.3, corrupt: 0.5, jitterSeconds: 1, seed: 3, maxInFlight: 50 });
    for (let i = 0; i < 500; i++) {
      wire.send('x', Uint8Array.of(0), i / 100);
      if (i === 250) drain(wire, i / 100);
    }
    const { packets, duplicates, delivered, lost, overflow, inFlight, corrupted } = wire;
    assert.equal(packets + duplicates, delivered + lost + overflow + inFlight);
    assert.ok(duplicates > 0 && lost > 0 && overflow > 0 && delivered > 0 && inFlight > 0 && corrupted > 0);
  });

  test('a copy and its original are separate bytes', () => {
    const wire = new Wire({ duplicate: 1 });
    wire.send('x', Uint8Array.of(1), 0);
    const [first, second] = [wire.take(0), wire.take(0)];
    assert.ok(first !== undefined && second !== undefined);
    assert.notEqual(first.bytes, second.bytes);
    assert.deepEqual(first.bytes, second.bytes);
  });
});
