import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { planRotations, type RotationPlan, sequenceOutlook } from '../../../src/cli/keys/rotation-plan.js';
import { ClusterKey, KeyRing, RotationSchedule } from '../../../src/overlay/index.js';

const SEED = 20261121;
const INTERVAL = 43_200;

function planOf(names: readonly string[], transmit: number, count: number): RotationPlan {
  return planRotations(names, transmit, new RotationSchedule({ start: 0, interval: INTERVAL }), 0, count);
}

describe('planRotations', () => {
  test('predicts what a rotated ring does at each rotation', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 12 }), (size, count) => {
        // Keys are named by their tags from 0, which are their indexes among all keys.
        let ring = new KeyRing(Array.from({ length: size }, (_, tag) => new ClusterKey(tag, new Uint8Array(16))));
        const names = ring.keys.map(({ tag }) => String(tag));
        const nameOf = ({ tag }: ClusterKey): string => (tag < size ? String(tag) : `next+${tag - size + 1}`);
        const plan = planOf(names, ring.keys.indexOf(ring.transmit), count);
        assert.equal(plan.lives.length, size + count);
        for (const [i, rotation] of plan.rotations.entries()) {
          const [dropped] = ring.keys;
          const before = ring.transmit;
          ring = ring.rotated((bytes) => bytes.fill(1));
          const made = ring.keys[size - 1];
          const time = (i + 1) * INTERVAL;
          assert.deepEqual(rotation, {
            time,
            made: nameOf(made),
            transmits: nameOf(ring.transmit),
            dropped: nameOf(dropped),
          });
          const life = ({ tag }: ClusterKey): RotationPlan['lives'][number] => plan.lives[tag];
          assert.equal(life(made).receivedFrom, time);
          assert.equal(life(dropped).receivedUntil, time);
          assert.equal(life(before).transmitsUntil, time);
          assert.equal(life(ring.transmit).transmitsFrom, time);
        }
        assert.equal(plan.rotations.length, count);
      }),
      { seed: SEED, numRuns: 100 },
    );
  });

  test('leaves only times before the start undefined', () => {
    const { lives } = planOf(['oldest', 'current', 'next'], 1, 1);
    assert.deepEqual(lives, [
      { key: 'oldest', transmitsUntil: 0, receivedUntil: INTERVAL },
      { key: 'current', transmitsFrom: 0, transmitsUntil: INTERVAL, receivedUntil: 2 * INTERVAL },
      {
        key: 'next',
        receivedFrom: 0,
        transmitsFrom: INTERVAL,
        transmitsUntil: 2 * INTERVAL,
        receivedUntil: 3 * INTERVAL,
      },
      {
        key: 'next+1',
        receivedFrom: INTERVAL,
        transmitsFrom: 2 * INTERVAL,
        transmitsUntil: 3 * INTERVAL,
        receivedUntil: 4 * INTERVAL,
      },
    ]);
  });
});

describe('sequenceOutlook', () => {
  const plan = planOf(['oldest', 'current', 'next'], 1, 2);

  test('lasts 12 hours at 99,420 packets per second, and not at 99,421', () => {
    assert.equal(sequenceOutlook(plan, 99_420, 32).runsOut, undefined);
    const { runsOut, longest } = sequenceOutlook(plan, 99_421, 32);
    assert.equal(longest, INTERVAL);
    assert.equal(runsOut?.key, 'current');
    assert.ok(runsOut.time < INTERVAL && runsOut.time > INTERVAL - 1);
  });

  test('with 64-bit sequence numbers, lasts at any rate of a NIC', () => {
    assert.equal(sequenceOutlook(plan, 10 ** 9, 64).runsOut, undefined);
  });

  test('names the first key whose sequence numbers run out, even if earlier ones last', () => {
    const draws = [0, 0.999, 0];
    const random = (): number => draws.shift() ?? 0.5;
    const schedule = new RotationSchedule({ start: 0, interval: INTERVAL, jitter: 3600, random });
    const uneven = planRotations(['oldest', 'current', 'next'], 1, schedule, 0, 3);
    const { runsOut, seconds } = sequenceOutlook(uneven, 99_421, 32);
    assert.equal(runsOut?.key, 'next');
    assert.equal(runsOut.time, uneven.rotations[0].time + seconds);
  });
});
