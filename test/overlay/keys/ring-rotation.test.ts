import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KeyRing, OverlayError, RingRotation, RotationSchedule } from '../../../src/overlay/index.js';
import { SeededRandom } from '../../../src/replay/random.js';
import { ringAt, ringOf } from '../test-nodes.js';

const HOUR = 3600;
const HALF_DAY = 12 * HOUR;

function rotationOf(ring = ringAt(0), tagStep?: number): { rotation: RingRotation; schedule: RotationSchedule } {
  const random = new SeededRandom(3);
  const schedule = new RotationSchedule({ start: 0 });
  const options = { schedule, random: (bytes: Uint8Array) => random.fill(bytes) };
  return { rotation: new RingRotation(ring, tagStep === undefined ? options : { ...options, tagStep }), schedule };
}

function tagsOf(ring: KeyRing | undefined): number[] | undefined {
  return ring?.keys.map(({ tag }) => tag);
}

function bytesOf(ring: KeyRing): string[] {
  return ring.keys.map((key) => key.use((bytes) => Buffer.from(bytes).toString('hex')));
}

describe('RingRotation', () => {
  test('rotates when it is due, and returns the new ring once', () => {
    const { rotation } = rotationOf();
    assert.deepEqual(tagsOf(rotation.ring), [10, 11, 12]);
    assert.equal(rotation.poll(0), undefined);
    assert.equal(rotation.poll(HALF_DAY - 1), undefined);
    const ring = rotation.poll(HALF_DAY);
    assert.deepEqual([tagsOf(ring), rotation.rotations], [[11, 12, 13], 1]);
    assert.equal(ring, rotation.ring);
    assert.equal(rotation.poll(HALF_DAY), undefined);
    assert.equal(rotation.poll(2 * HALF_DAY - 1), undefined);
    assert.deepEqual(tagsOf(rotation.poll(2 * HALF_DAY)), [12, 13, 14]);
    assert.equal(rotation.rotations, 2);
  });

  test('rotates once after a pause of days, so that no node is two rings behind', () => {
    const { rotation } = rotationOf();
    const woken = 5 * 24 * HOUR + 7;
    assert.deepEqual(tagsOf(rotation.poll(woken)), [11, 12, 13]);
    for (let now = woken; now < woken + HALF_DAY; now += 60) assert.equal(rotation.poll(now), undefined);
    assert.deepEqual(tagsOf(rotation.poll(woken + HALF_DAY)), [12, 13, 14]);
  });

  test('rotates early on demand, but not before all nodes can have the last ring', () => {
    const { rotation, schedule } = rotationOf();
    assert.equal(schedule.earliest, 300);
    assert.equal(rotation.rotateNow(299), undefined);
    assert.deepEqual([tagsOf(rotation.ring), rotation.rotations], [[10, 11, 12], 0]);
    assert.deepEqual(tagsOf(rotation.rotateNow(300)), [11, 12, 13]);
    assert.equal(rotation.rotateNow(599), undefined);
    assert.deepEqual(tagsOf(rotation.rotateNow(600)), [12, 13, 14]);
    assert.equal(rotation.poll(600 + HALF_DAY - 1), undefined);
    assert.deepEqual([tagsOf(rotation.poll(600 + HALF_DAY)), rotation.rotations], [[13, 14, 15], 3]);
  });

  test('keeps the remaining keys, and adds a random one of the same length after them', () => {
    for (const length of [16, 24, 32]) {
      const random = new SeededRandom(length);
      const first = KeyRing.generate({ random: (bytes) => random.fill(bytes), keyBytes: length });
      const { rotation } = rotationOf(first);
      const seen = new Set(bytesOf(first));
      for (let now = HALF_DAY; now <= 5 * HALF_DAY; now += HALF_DAY) {
        const [, ...stay] = bytesOf(rotation.ring);
        const after = bytesOf(rotation.poll(now) ?? assert.fail('it is due'));
        assert.deepEqual(after.slice(0, 2), stay);
        assert.equal(after[2].length, 2 * length);
        seen.add(after[2]);
      }
      assert.equal(seen.size, 8);
    }
  });

  test("assigns tags with the given step, as Swarm's are 2 apart", () => {
    const { rotation } = rotationOf(ringOf([4, 6, 8]), 2);
    assert.deepEqual(tagsOf(rotation.poll(HALF_DAY)), [6, 8, 10]);
    assert.deepEqual(tagsOf(rotation.rotateNow(HALF_DAY + 300)), [8, 10, 12]);
  });

  test('keeps the number of keys', () => {
    for (const size of [1, 2, 5]) {
      const { rotation } = rotationOf(ringAt(0, size));
      assert.deepEqual(tagsOf(rotation.poll(HALF_DAY)), tagsOf(ringAt(1, size)));
    }
  });

  test('wipes the dropped key, and no other', () => {
    const { rotation } = rotationOf();
    const before = rotation.ring;
    const after = rotation.poll(HALF_DAY) ?? assert.fail('it is due');
    assert.deepEqual(
      before.keys.map(({ wiped }) => wiped),
      [true, false, false],
    );
    assert.ok(after.keys.every(({ wiped }) => !wiped));
    rotation.poll(4 * HALF_DAY);
    rotation.poll(5 * HALF_DAY);
    assert.ok(before.keys.every(({ wiped }) => wiped));
  });

  test('leaves the given ring unchanged, also when it is closed', () => {
    const given = ringAt(0);
    const bytes = bytesOf(given);
    const { rotation } = rotationOf(given);
    for (let i = 1; i <= 5; i++) rotation.poll(i * HALF_DAY);
    const last = rotation.ring;
    rotation.close();
    assert.deepEqual(bytesOf(given), bytes);
    assert.ok(last.keys.every(({ wiped }) => wiped));
  });

  test('continues with its own ring, whatever happens to the given one', () => {
    const given = ringAt(0);
    const [, ...stay] = bytesOf(given);
    const { rotation } = rotationOf(given);
    given.wipe();
    assert.deepEqual(bytesOf(rotation.poll(HALF_DAY) ?? assert.fail('it is due')).slice(0, 2), stay);
  });

  test('is rejected at the end of the tags, and the ring stays', () => {
    const end = Number.MAX_SAFE_INTEGER;
    const { rotation } = rotationOf(ringOf([end - 2, end - 1, end]));
    for (const rotate of [() => rotation.poll(HALF_DAY), () => rotation.rotateNow(HALF_DAY)]) {
      assert.throws(rotate, (error) => error instanceof OverlayError && error.code === 'BAD_KEY_RING');
      assert.deepEqual([tagsOf(rotation.ring), rotation.rotations], [[end - 2, end - 1, end], 0]);
      assert.ok(rotation.ring.keys.every(({ wiped }) => !wiped));
    }
  });

  test('rejects an invalid time, and the ring stays', () => {
    const { rotation } = rotationOf();
    for (const rotate of [() => rotation.poll(NaN), () => rotation.rotateNow(NaN)]) {
      assert.throws(rotate, (error) => error instanceof OverlayError && error.code === 'BAD_SCHEDULE');
    }
    assert.deepEqual([tagsOf(rotation.ring), rotation.rotations], [[10, 11, 12], 0]);
  });
});
