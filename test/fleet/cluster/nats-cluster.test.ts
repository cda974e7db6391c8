/** Three servers with a copy of each record: the one that leads the records is killed while they change. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NatsStore, type StoreSnapshot } from '../../../src/fleet/index.js';
import { missing } from '../../repository.js';
import {
  countOf,
  holdLease,
  patiently,
  race,
  Reader,
  RotatingLeader,
  rotationsOf,
  withdrawStale,
  Writer,
} from './load.js';
import { NatsCluster } from './nats-cluster.js';

/** Acknowledged writes of each writer before the kill, and after it. */
const WRITES = 50;
const RACES = 30;
/** Milliseconds between looks, and after which a condition will never be met. */
const LOOK = 10;
const NEVER = 120_000;
const OVERLAY = 'web';
const SHARED = 'k/shared';

const skip = process.platform === 'linux' ? missing('nats-server') : 'needs Linux: all of 127.0.0.0/8 is loopback';

async function until(condition: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + NEVER; !condition(); await sleep(LOOK)) {
    assert.ok(performance.now() < end, `it never came: ${what}`);
  }
}

describe('a cluster whose leader is killed', { skip }, () => {
  let cluster: NatsCluster;
  const stores: NatsStore[] = [];
  let writers: Writer[];
  let readers: Reader[];
  let leaders: RotatingLeader[];
  let withdrawn: string[];
  let killed: number;
  let end: StoreSnapshot;
  const races: number[] = [];
  let leadingTogether = 0;

  before(async () => {
    cluster = await NatsCluster.start();
    await (await cluster.open(OVERLAY)).close();
    const leader = await cluster.leaderOf(OVERLAY);
    const [other = '', another = ''] = cluster.names.filter((name) => name !== leader);
    for (const name of [leader, leader, other, another]) stores.push(await cluster.open(OVERLAY, name));
    for (let i = 0; i < RACES; i++) races.push(await race(stores, `races/${i}`));
    const ending = new AbortController();
    const { signal } = ending;
    const [here, too, there, elsewhere] = stores;
    readers = [here, there].map((store) => new Reader(store, signal));
    writers = [
      new Writer(too, 'k/1', signal),
      new Writer(elsewhere, 'k/2', signal),
      new Writer(here, SHARED, signal),
      new Writer(there, SHARED, signal),
    ];
    leaders = [
      new RotatingLeader(too, 1, { rate: 1, runs: 1, stands: 0 }, signal),
      // To its clock, the other is silent for too long: it takes the lease while the other still leads.
      new RotatingLeader(elsewhere, 2, { rate: 4, runs: 800, stands: 2_400 }, signal),
    ];
    const leases = [holdLease(here, 'n1', 1, signal), holdLease(there, 'n2', 2, signal)];
    const observing = withdrawStale(elsewhere, signal);
    const running = [...writers, ...readers, ...leaders].map((each) => each.running);
    const failed = Promise.all([...running, ...leases, observing]).then(() => undefined);
    const passing = async (): Promise<void> => {
      await until(() => writers.every(({ acknowledged }) => acknowledged.length >= WRITES), 'writes before the kill');
      await until(() => leaders.every(({ events }) => events.length > 0), 'a ring from each leader');
      await until(() => {
        if (leaders.every(({ leads }) => leads)) leadingTogether++;
        return leadingTogether > 0;
      }, 'two leaders at once');
      await cluster.server(leader).kill();
      killed = performance.now();
      const rotations = leaders.map(({ events }) => events.length);
      const later = ({ acknowledged }: Writer): number => acknowledged.filter(({ at }) => at > killed).length;
      await until(() => writers.every((writer) => later(writer) >= WRITES), 'writes after the kill');
      const last = Math.max(...writers.map(({ acknowledged }) => acknowledged.at(-1)?.revision ?? 0));
      await until(() => readers.every(({ changes }) => (changes.at(-1)?.revision ?? 0) > last), 'changes after them');
      await until(() => leaders.every(({ events }, i) => events.length > rotations[i]), 'rotations after the kill');
    };
    try {
      await Promise.race([passing(), failed]);
    } finally {
      ending.abort();
    }
    await failed;
    withdrawn = await observing;
    end = await patiently(() => there.snapshot(''));
  });
  after(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await cluster.close();
  });

  test('takes one of the writes that replace a revision at the same time', () => {
    assert.deepEqual(
      races.filter((taken) => taken !== 1),
      [],
    );
  });

  test('takes writes again after an election, by compare-and-set', (t) => {
    const gaps = writers.map(({ interruption }) => Math.round(interruption));
    t.diagnostic(`no write for ${gaps.map((gap) => `${gap} ms`).join(', ')}`);
    for (const key of new Set(['k/1', 'k/2', SHARED])) {
      const counts = writersOf(key).flatMap(({ acknowledged }) => acknowledged.map(({ count }) => count));
      assert.equal(new Set(counts).size, counts.length, `${key}: two writers had the same count acknowledged`);
    }
  });

  test('has every write that it acknowledged, under its revision', () => {
    for (const { changes } of readers) {
      const seen = new Map(changes.map((change) => [change.revision, change]));
      for (const [key, all] of [
        ['k/1', writersOf('k/1')],
        ['k/2', writersOf('k/2')],
        [SHARED, writersOf(SHARED)],
      ] as const) {
        const last = end.records.find((record) => record.key === key);
        const most = Math.max(...all.flatMap(({ acknowledged }) => acknowledged.map(({ count }) => count)));
        assert.ok(last !== undefined && countOf(last.value) >= most, `${key} has ${most}`);
        for (const { count, revision } of all.flatMap(({ acknowledged }) => acknowledged)) {
          const change = seen.get(revision);
          // Of several changes of a key a watch may see the last one alone.
          if (change === undefined) continue;
          assert.ok(change.kind === 'put' && change.key === key && countOf(change.value) === count);
        }
      }
    }
  });

  test('resumes watches by revision: no change is lost or repeated', (t) => {
    const gaps = readers.map(({ interruption }) => Math.round(interruption));
    t.diagnostic(`no change for ${gaps.map((gap) => `${gap} ms`).join(', ')}`);
    for (const { changes } of readers) {
      const revisions = changes.map(({ revision }) => revision);
      assert.deepEqual(
        revisions,
        [...new Set(revisions)].sort((a, b) => a - b),
      );
      const state = new Map(changes.map((change) => [change.key, change]));
      for (const { key, revision } of end.records) {
        const seen = state.get(key);
        assert.ok(seen?.kind === 'put', key);
        // What was written after the watch ended.
        if (seen.revision !== revision) assert.ok(seen.revision < revision && revision > (revisions.at(-1) ?? 0), key);
      }
    }
  });

  test('keeps leases that were renewed as soon as it could be written, also those shorter than the election', () => {
    assert.deepEqual(withdrawn, []);
    const keys = end.records.map(({ key }) => key);
    assert.ok(keys.includes('nodes/n1') && keys.includes('nodes/n2'), keys.join(' '));
  });

  test('never has one ring rotated by two leaders, also while two take themselves for it', (t) => {
    const made = leaders.flatMap(({ events }) => events.map(({ kind, rotations }) => `${kind} ${rotations}`));
    assert.equal(new Set(made).size, made.length);
    t.diagnostic(`${leaders.map(({ events }) => events.length).join(' and ')} rotations`);
    assert.ok(leadingTogether > 0);
    for (const { changes } of readers) {
      const rotations = rotationsOf(changes);
      assert.deepEqual(
        rotations,
        [...new Set(rotations)].sort((a, b) => a - b),
      );
    }
  });

  function writersOf(key: string): Writer[] {
    return key === SHARED ? writers.slice(2) : [writers[key === 'k/1' ? 0 : 1]];
  }
});
