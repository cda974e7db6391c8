/** What runs on a store while a server of its cluster is killed: writers, leases, a watch, and two leaders. */
import { randomFillSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isVtepError } from '../../../src/error.js';
import {
  decodeKeys,
  Kek,
  KEYS,
  Leader,
  Lease,
  LeaseObserver,
  type RingEvent,
  RingKeeper,
  type Store,
  type StoreChange,
} from '../../../src/fleet/index.js';

/** Milliseconds of a writer between writes, and of the others between turns. */
const WRITE_PAUSE = 5;
const TURN_PAUSE = 50;
/** Milliseconds of the leases, shorter than an election, and of the leaders' own. */
export const LEASE = 2_000;
const TERM = 1_500;
const NODES = 'nodes/';

/** Loops until it is ended; a store that can't be reached or written is asked again. */
async function looping(signal: AbortSignal, pause: number, turn: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    try {
      await turn();
    } catch (error) {
      const waits = isVtepError(error) && ['UNAVAILABLE', 'OUTCOME_UNKNOWN', 'CONFLICT'].includes(error.code);
      if (!waits) throw error;
    }
    await sleep(pause);
  }
}

/**
 * Asks until the store answers: after a server is gone, another may give a consumer to it, and then says nothing.
 * @throws what doesn't pass by waiting
 */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isVtepError(error) || error.code !== 'UNAVAILABLE') throw error;
      await sleep(TURN_PAUSE);
    }
  }
}

/** Of writes that replace one revision at the same time, how many were acknowledged. */
export async function race(stores: readonly Store[], key: string): Promise<number> {
  const revision = await stores[0].put(key, new Uint8Array(1));
  const results = await Promise.allSettled(
    stores.map((store, i) =>
      i % 2 === 0 ? store.put(key, new Uint8Array(2), { revision }) : store.delete(key, revision),
    ),
  );
  return results.filter(({ status }) => status === 'fulfilled').length;
}

/** Counts up a key by compare-and-set. */
export class Writer {
  /** What was acknowledged: the count, its revision, and when. */
  readonly acknowledged: { readonly count: number; readonly revision: number; readonly at: number }[] = [];
  readonly running: Promise<void>;

  constructor(store: Store, key: string, signal: AbortSignal) {
    this.running = looping(signal, WRITE_PAUSE, async () => {
      const record = await store.get(key);
      const count = record === undefined ? 1 : countOf(record.value) + 1;
      const value = new TextEncoder().encode(String(count));
      const revision = await store.put(key, value, { revision: record?.revision ?? 0 });
      this.acknowledged.push({ count, revision, at: performance.now() });
    });
  }

  /** The longest time without an acknowledged write, in milliseconds. */
  get interruption(): number {
    const gaps = this.acknowledged.map(({ at }, index, all) => at - (all[index - 1] ?? all[0]).at);
    return Math.max(...gaps);
  }
}

export function countOf(value: Uint8Array): number {
  return Number(new TextDecoder().decode(value));
}

/** All changes of a store from its beginning. */
export class Reader {
  readonly changes: Extract<StoreChange, { key: string }>[] = [];
  readonly running: Promise<void>;
  /** The longest time without a change, in milliseconds. */
  interruption = 0;

  constructor(store: Store, signal: AbortSignal) {
    let last = performance.now();
    this.running = (async () => {
      for await (const change of store.watch('', 0, { signal })) {
        if (!('key' in change)) continue;
        this.changes.push(change);
        this.interruption = Math.max(this.interruption, performance.now() - last);
        last = performance.now();
      }
    })();
  }
}

/** The lease of a node, which it renews. */
export async function holdLease(store: Store, name: string, id: number, signal: AbortSignal): Promise<void> {
  const token = new Uint8Array(16).fill(id);
  const lease = await Lease.take(store, NODES + name, new Uint8Array(), { duration: LEASE, token });
  await looping(signal, LEASE / 3, () => lease.renew());
}

/** Withdraws the leases that get stale. @returns their keys, once it has ended */
export async function withdrawStale(store: Store, signal: AbortSignal): Promise<string[]> {
  const observer = new LeaseObserver();
  // It stands still while the process does: a busy machine holds renewals back, too.
  let time = 0;
  const clock = (): number => time;
  const snapshot = await patiently(() => store.snapshot(NODES));
  observer.start(snapshot, clock());
  const withdrawn: string[] = [];
  const watching = (async () => {
    const changes = store.watch(NODES, snapshot.revision, { signal });
    for await (const change of changes) observer.observe(change, clock());
  })();
  await looping(signal, TURN_PAUSE, async () => {
    time += TURN_PAUSE;
    withdrawn.push(...(await observer.withdraw(store, clock())));
  });
  await watching;
  return withdrawn;
}

/** How a leader's clock runs. Stopped: its process gets no turns. */
export interface Pace {
  readonly rate: number;
  /** Milliseconds that it runs, and then stands still, over and over. */
  readonly runs: number;
  readonly stands: number;
}

/** A node that leads if no other does, and then rotates the ring of the overlay about ten times a second. */
export class RotatingLeader {
  readonly events: RingEvent[] = [];
  readonly running: Promise<unknown>;
  readonly #began = performance.now();
  readonly #leader: Leader;

  constructor(store: Store, id: number, { rate, runs, stands }: Pace, signal: AbortSignal) {
    const clock = (): number => (performance.now() - this.#began) * rate;
    const keeper = new RingKeeper(store, {
      ...{ overlay: 'test', keks: [Kek.fromText('5f'.repeat(16) + 'a0'.repeat(16), 'a key')] },
      // 20 times as fast as time: the shortest interval is a second.
      clock: () => (performance.now() - this.#began) * 20,
      now: () => Date.now() * 20,
      random: (bytes) => void randomFillSync(bytes),
      ...{ interval: 2, settle: 0.5, onEvent: (event: RingEvent) => this.events.push(event) },
    });
    const token = new Uint8Array(16).fill(id);
    const leader = new Leader(store, { node: `n${id}`, token, duration: TERM, clock, duties: [keeper] });
    this.#leader = leader;
    const stopped = (): boolean => (performance.now() - this.#began) % (runs + stands) >= runs;
    const turning = looping(signal, TURN_PAUSE, async () => {
      if (!stopped()) await leader.turn();
    });
    const watching = (async () => {
      for await (const change of store.watch('', 0, { signal })) leader.observe(change);
    })();
    this.running = Promise.all([turning, watching]);
  }

  /** Whether it takes itself for the leader. */
  get leads(): boolean {
    return this.#leader.leads;
  }
}

/** The rotations of each ring that was in the store, in order. */
export function rotationsOf(changes: Reader['changes']): number[] {
  return changes.flatMap((change) =>
    change.kind === 'put' && change.key === KEYS ? [decodeKeys(change.value).rotations] : [],
  );
}
