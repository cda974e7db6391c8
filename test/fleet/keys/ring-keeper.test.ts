import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  decodeKeys,
  Kek,
  KEYS,
  type Leadership,
  MemoryStore,
  openRing,
  resealRing,
  type RingEvent,
  RingKeeper,
  StoreError,
} from '../../../src/fleet/index.js';

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const START = Date.UTC(2026, 0, 1);
const overlay = 'red';
const random = (bytes: Uint8Array): void => void randomFillSync(bytes);
const kekOf = (digit: string): Kek => Kek.fromText(`${digit}1`.repeat(31) + '00', 'a key');
const kek = kekOf('a');
const leads: Leadership = { revision: 1, check: () => undefined };

/** The real time, which keepers see through clocks of their own. */
class Time {
  now = 0;
}

interface Host {
  readonly keeper: RingKeeper;
  readonly events: RingEvent[];
}

/** @param skew milliseconds that the host's time of day is ahead */
function host(store: MemoryStore, time: Time, skew = 0, keks: readonly Kek[] = [kek]): Host {
  const events: RingEvent[] = [];
  const epoch = time.now - 1_000_000;
  const clock = (): number => time.now - epoch;
  const now = (): number => START + time.now + skew;
  const onEvent = (event: RingEvent): void => void events.push(event);
  return { keeper: new RingKeeper(store, { overlay, keks, clock, now, random, onEvent }), events };
}

async function ringOf(store: MemoryStore, keks = [kek]): Promise<ReturnType<typeof openRing>> {
  const record = await store.get(KEYS);
  assert.ok(record);
  return openRing(decodeKeys(record.value), overlay, keks);
}

async function show(store: MemoryStore, { keeper }: Host): Promise<void> {
  const record = await store.get(KEYS);
  if (record) keeper.observe({ kind: 'put', ...record });
}

/** Takes turns until the ring is rotated. @returns hours that it took */
async function hoursToRotation(time: Time, { keeper, events }: Host): Promise<number> {
  const [begin, before] = [time.now, events.length];
  while (events.length === before) {
    time.now += 10 * SECOND;
    await keeper.turn(leads);
    assert.ok(time.now - begin < 100 * HOUR);
  }
  return (time.now - begin) / HOUR;
}

const about = (hours: number, expected: number): void =>
  assert.ok(Math.abs(hours - expected) < 0.01, `${hours} hours, not ${expected}`);
const SETTLE_HOURS = 300 / 3600;

describe('the keeper of the ring', () => {
  test('makes the first ring, of three keys, and rotates it every 12 hours', async () => {
    const [store, time] = [new MemoryStore(), new Time()];
    const a = host(store, time);
    await a.keeper.turn(leads);
    const tags = async (): Promise<number[]> => (await ringOf(store)).ring.keys.map(({ tag }) => tag);
    assert.deepEqual(await tags(), [1, 2, 3]);
    for (let i = 0; i < 3; i++) about(await hoursToRotation(time, a), 12);
    assert.deepEqual(await tags(), [4, 5, 6]);
    assert.deepEqual(
      a.events.map(({ kind, rotations }) => `${kind} ${rotations}`),
      ['made 0', 'rotated 1', 'rotated 2', 'rotated 3'],
    );
  });

  test('keeps the phase when the leader changes, and does not compare clocks for a ring that it saw appear', async () => {
    const [store, time] = [new MemoryStore(), new Time()];
    const [a, b] = [host(store, time), host(store, time, -50 * HOUR)];
    await a.keeper.turn(leads);
    await show(store, b);
    await hoursToRotation(time, a);
    await show(store, b);
    time.now += 5 * HOUR;
    about(await hoursToRotation(time, b), 7);
  });

  test('takes the age of a ring from its record after a start', async () => {
    const [store, time] = [new MemoryStore(), new Time()];
    await host(store, time).keeper.turn(leads);
    time.now += 5 * HOUR;
    const late = host(store, time);
    await late.keeper.turn(leads);
    about(await hoursToRotation(time, late), 7);
  });

  test('rotates no ring that it has not seen for the settle time, however wrong its clock is', async () => {
    const [store, time] = [new MemoryStore(), new Time()];
    const a = host(store, time);
    await a.keeper.turn(leads);
    for (const skew of [13 * HOUR, 10_000 * HOUR]) {
      const ahead = host(store, time, skew);
      await ahead.keeper.turn(leads);
      assert.deepEqual(ahead.events, []);
      about(await hoursToRotation(time, ahead), SETTLE_HOURS);
      about(await hoursToRotation(time, ahead), 12);
    }
  });

  test('rotates 12 hours after its start at the latest, if its clock is behind', async () => {
    const [store, time] = [new MemoryStore(), new Time()];
    await host(store, time).keeper.turn(leads);
    const behind = host(store, time, -1000 * HOUR);
    await behind.keeper.turn(leads);
    about(await hoursToRotation(time, behind), 12);
  });

  test('takes a ring of an outage for no older than the outage', async () => {
    const [store, time] = [new MemoryStore(), new Time()];
    const [a, ahead] = [host(store, time), host(store, time, 1000 * HOUR)];
    await a.keeper.turn(leads);
    await show(store, ahead);
    await ahead.keeper.turn({ ...leads, check: () => assert.fail('writes') }).catch(() => undefined);
    time.now += 11.5 * HOUR;
    ahead.keeper.observe({ kind: 'lost' });
    await hoursToRotation(time, a);
    time.now += HOUR;
    ahead.keeper.observe({ kind: 'resumed' });
    await show(store, ahead);
    about(await hoursToRotation(time, ahead), 12 - 1.5);
  });

  test('rotates once, however long it was overdue', async () => {
    const [store, time] = [new MemoryStore(), new Time()];
    const a = host(store, time);
    await a.keeper.turn(leads);
    time.now += 100 * HOUR;
    await a.keeper.turn(leads);
    await a.keeper.turn(leads);
    assert.equal(a.events.length, 2);
    about(await hoursToRotation(time, a), 12);
  });

  test('of two that write at once, one succeeds', async () => {
    const [store, time] = [new MemoryStore(), new Time()];
    const [a, b] = [host(store, time), host(store, time)];
    await Promise.all([a.keeper.turn(leads), b.keeper.turn(leads)]);
    assert.equal(a.events.length + b.events.length, 1);
    await Promise.all([a.keeper.turn(leads), b.keeper.turn(leads)]);
    time.now += 12 * HOUR;
    await Promise.all([a.keeper.turn(leads), b.keeper.turn(leads)]);
    assert.equal(a.events.length + b.events.length, 2);
    assert.equal((await ringOf(store)).rotations, 1);
  });

  test('does not write once it no longer leads', async () => {
    const [store, time] = [new MemoryStore(), new Time()];
    const over = {
      revision: 1,
      check: () => {
        throw new StoreError('NOT_LEADER', 'over');
      },
    };
    const a = host(store, time);
    await assert.rejects(a.keeper.turn(over), { code: 'NOT_LEADER' });
    assert.equal(await store.get(KEYS), undefined);
    await a.keeper.turn(leads);
    time.now += 13 * HOUR;
    await assert.rejects(a.keeper.turn(over), { code: 'NOT_LEADER' });
    assert.equal((await ringOf(store)).rotations, 0);
  });

  test('puts the ring back that the store lost, or that was replaced by an older one', async () => {
    const [store, time] = [new MemoryStore(), new Time()];
    const a = host(store, time);
    await a.keeper.turn(leads);
    const old = await store.get(KEYS);
    assert.ok(old);
    await hoursToRotation(time, a);
    const newest = await store.get(KEYS);
    assert.ok(newest);
    await store.put(KEYS, old.value);
    await a.keeper.turn(leads);
    assert.deepEqual((await store.get(KEYS))?.value, newest.value);
    await store.delete(KEYS, (await store.get(KEYS))?.revision ?? 0);
    await a.keeper.turn(leads);
    assert.deepEqual((await store.get(KEYS))?.value, newest.value);
    assert.deepEqual(
      a.events.slice(2).map(({ kind, rotations }) => `${kind} ${rotations}`),
      ['restored 1', 'restored 1'],
    );
    about(await hoursToRotation(time, a), 12);
  });

  test('leaves a ring alone that it cannot open, and says so', async () => {
    const [store, time] = [new MemoryStore(), new Time()];
    await host(store, time).keeper.turn(leads);
    const revision = (await store.get(KEYS))?.revision;
    const stranger = host(store, time, 0, [kekOf('b')]);
    await show(store, stranger);
    await assert.rejects(stranger.keeper.turn(leads), { code: 'SEALED' });
    assert.equal((await store.get(KEYS))?.revision, revision);
    await store.put(KEYS, new TextEncoder().encode('{"version":2}'));
    await assert.rejects(host(store, time).keeper.turn(leads), { code: 'SEALED', message: /version 2/ });
  });

  test('seals with the key that opened the ring, so that a change of that key lasts, and keeps its schedule', async () => {
    const [store, time] = [new MemoryStore(), new Time()];
    const next = kekOf('b');
    const a = host(store, time, 0, [kek, next]);
    await a.keeper.turn(leads);
    time.now += 5 * HOUR;
    await resealRing(store, kek, { overlay, kek: next, random });
    about(await hoursToRotation(time, a), 7);
    assert.equal((await ringOf(store, [next])).rotations, 1);
  });

  test('says when the next rotation is due', async () => {
    const [store, time] = [new MemoryStore(), new Time()];
    const a = host(store, time);
    assert.equal(a.keeper.next, undefined);
    await a.keeper.turn(leads);
    assert.equal(a.keeper.next, 1_000_000 + 12 * HOUR);
  });
});
