import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import {
  encodeLease,
  Lease,
  Leader,
  type LeaderEvent,
  leaseKey,
  MemoryStore,
  NodeWithdrawal,
  type PutOptions,
  type Store,
  type StoreChange,
  StoreError,
  type StoreRecord,
  type StoreSnapshot,
  type WatchOptions,
} from '../../../src/fleet/index.js';

const DURATION = 3000;
const STEP = 100;
const VALUE = new TextEncoder().encode('{}');
const token = (id: number): Uint8Array => new Uint8Array(16).fill(id);

/** A connection to a store, which can be lost, and which an answer can take time. */
class Connection implements Store {
  connected = true;
  /** Called before each operation reaches the store. */
  before: (what: string) => void | Promise<void> = () => undefined;
  readonly watched: string[] = [];
  readonly #store: Store;
  readonly #changes = new Set<(change: StoreChange) => void>();

  constructor(store: Store) {
    this.#store = store;
  }

  tell(kind: 'lost' | 'resumed'): void {
    this.connected = kind === 'resumed';
    for (const resolve of this.#changes) resolve({ kind });
  }

  async get(key: string): Promise<StoreRecord | undefined> {
    await this.before(`get ${key}`);
    return this.#store.get(key);
  }

  async put(key: string, value: Uint8Array, options?: PutOptions): Promise<number> {
    await this.before(`put ${key}`);
    return this.#store.put(key, value, options);
  }

  async delete(key: string, revision: number): Promise<void> {
    await this.before(`delete ${key}`);
    return this.#store.delete(key, revision);
  }

  async snapshot(prefix: string): Promise<StoreSnapshot> {
    await this.before(`snapshot ${prefix}`);
    return this.#store.snapshot(prefix);
  }

  async *watch(prefix: string, revision: number, options?: WatchOptions): AsyncGenerator<StoreChange> {
    this.watched.push(prefix);
    const changes = this.#store.watch(prefix, revision, options)[Symbol.asyncIterator]();
    let next = changes.next();
    try {
      for (;;) {
        let resolve: (change: StoreChange) => void = () => undefined;
        const told = new Promise<StoreChange>((done) => this.#changes.add((resolve = done)));
        const first = await Promise.race([told.then((what) => ({ what })), next.then((result) => ({ result }))]);
        this.#changes.delete(resolve);
        if ('what' in first) yield first.what;
        else if (first.result.done === true) return;
        else {
          yield first.result.value;
          next = changes.next();
        }
      }
    } finally {
      const index = this.watched.indexOf(prefix);
      this.watched.splice(index, 1);
    }
  }

  compact(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class Clock {
  time = 0;
  readonly read = (): number => this.time;
}

/** A node that may lead. */
class Candidate {
  readonly store: Connection;
  readonly told: string[] = [];
  readonly events: LeaderEvent[] = [];
  readonly withdrawal: NodeWithdrawal;
  readonly leader: Leader;

  constructor(store: Store, clock: Clock, id: number) {
    this.store = new Connection(store);
    const options = {
      clock: clock.read,
      duration: DURATION,
      onEvent: (text: string): void => void this.told.push(text),
    };
    this.withdrawal = new NodeWithdrawal(this.store, options);
    this.leader = new Leader(this.store, {
      ...{ node: `node-${id}`, token: token(id), duration: DURATION, clock: clock.read },
      duties: [this.withdrawal],
      onEvent: (event) => this.events.push(event),
    });
  }
}

/** Lets watches report. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await setImmediate();
}

async function turns(clock: Clock, milliseconds: number, ...all: readonly Candidate[]): Promise<void> {
  for (const end = clock.time + milliseconds; clock.time < end; clock.time += STEP) {
    for (const { leader } of all) await leader.turn();
    await settle();
  }
}

/** A node with its lease and record. */
async function register(store: Store, name: string, duration = DURATION): Promise<Lease> {
  const lease = await Lease.take(store, leaseKey(name), new Uint8Array(0), { duration, token: token(name.length) });
  await store.put(`nodes/${name}`, VALUE);
  return lease;
}

async function keys(store: Store): Promise<string[]> {
  const { records } = await store.snapshot('');
  return records.map(({ key }) => key).filter((key) => key !== 'leader');
}

async function remove(store: Store, key: string): Promise<void> {
  await store.delete(key, (await store.get(key))?.revision ?? 0);
}

test('a node that does not renew its lease is withdrawn after its time and not before: the lease, then the record', async () => {
  const [store, clock] = [new MemoryStore(), new Clock()];
  await register(store, 'gone', 2000);
  const a = new Candidate(store, clock, 1);
  await turns(clock, 2000, a);
  assert.deepEqual(await keys(store), ['leases/gone', 'nodes/gone']);
  const deleted: string[] = [];
  a.store.before = (what): void => void (what.startsWith('delete') && deleted.push(what));
  await turns(clock, 2 * STEP, a);
  assert.deepEqual(deleted, ['delete leases/gone', 'delete nodes/gone']);
  assert.deepEqual(await keys(store), []);
  assert.deepEqual([a.withdrawal.withdrawn, a.told.length], [1, 1]);
});

test('a node that renews its lease stays, whatever the others do', async () => {
  const [store, clock] = [new MemoryStore(), new Clock()];
  const lease = await register(store, 'here');
  await register(store, 'gone');
  const a = new Candidate(store, clock, 1);
  for (let i = 0; i < 10; i++) {
    await turns(clock, 1000, a);
    await lease.renew();
  }
  assert.deepEqual((await keys(store)).sort(), ['leases/here', 'nodes/here']);
});

test('a record without a lease goes after a whole duration', async () => {
  const [store, clock] = [new MemoryStore(), new Clock()];
  await store.put('nodes/orphan', VALUE);
  await register(store, 'here', 86_400_000);
  const a = new Candidate(store, clock, 1);
  await turns(clock, DURATION, a);
  assert.ok(await store.get('nodes/orphan'));
  await turns(clock, 3 * STEP, a);
  assert.deepEqual(await keys(store), ['leases/here', 'nodes/here']);
  assert.match(a.told.join(), /^node orphan is withdrawn/);
});

test('a record whose lease is taken, or that is written, has a whole duration again', async () => {
  const [store, clock] = [new MemoryStore(), new Clock()];
  await store.put('nodes/b', VALUE);
  const a = new Candidate(store, clock, 1);
  await turns(clock, DURATION - STEP, a);
  await store.put('nodes/b', VALUE);
  await turns(clock, DURATION - STEP, a);
  const lease = await Lease.take(store, 'leases/b', new Uint8Array(0), { duration: DURATION, token: token(9) });
  await settle();
  await lease.release();
  await turns(clock, DURATION - STEP, a);
  assert.deepEqual(await keys(store), ['nodes/b']);
  await turns(clock, 4 * STEP, a);
  assert.deepEqual(await keys(store), []);
});

test('what is no lease keeps no record', async () => {
  const [store, clock] = [new MemoryStore(), new Clock()];
  await store.put('leases/b', VALUE);
  await store.put('nodes/b', VALUE);
  await turns(clock, DURATION + 3 * STEP, new Candidate(store, clock, 1));
  assert.deepEqual(await keys(store), ['leases/b']);
});

test('a node that comes back between the two deletions keeps its lease and its record', async () => {
  const [store, clock] = [new MemoryStore(), new Clock()];
  await register(store, 'frozen');
  const a = new Candidate(store, clock, 1);
  a.store.before = async (what): Promise<void> => {
    if (what === 'delete nodes/frozen') await register(store, 'frozen', 86_400_000);
  };
  await turns(clock, 3 * DURATION, a);
  assert.equal(a.withdrawal.withdrawn, 1);
  assert.deepEqual(await keys(store), ['leases/frozen', 'nodes/frozen']);
});

test('a renewal that is under way wins', async () => {
  const [store, clock] = [new MemoryStore(), new Clock()];
  const lease = await register(store, 'slow');
  const a = new Candidate(store, clock, 1);
  a.store.before = async (what): Promise<void> => {
    if (what === 'delete leases/slow') await lease.renew();
  };
  await turns(clock, 5 * DURATION, a);
  assert.deepEqual((await keys(store)).sort(), ['leases/slow', 'nodes/slow']);
  assert.equal(a.withdrawal.withdrawn, 0);
});

test('a new leader gives every lease its whole duration again, also if the old one died while one was stale', async () => {
  const [store, clock] = [new MemoryStore(), new Clock()];
  const [a, b] = [new Candidate(store, clock, 1), new Candidate(store, clock, 2)];
  await turns(clock, STEP, a, b);
  await register(store, 'gone', DURATION + 500);
  // The old one dies right before the lease is stale to it, and the new one is elected when it is long over.
  await turns(clock, DURATION, a, b);
  while (!b.leader.leads) await turns(clock, STEP, b);
  const elected = clock.time;
  assert.ok(elected >= 2 * DURATION);
  await turns(clock, DURATION + 500 - STEP, b);
  assert.deepEqual((await keys(store)).length, 2);
  await turns(clock, 3 * STEP, b);
  assert.deepEqual(await keys(store), []);
  assert.deepEqual([a.withdrawal.withdrawn, b.withdrawal.withdrawn], [0, 1]);
});

test('a leader that died between the two deletions leaves a record, which the next one deletes', async () => {
  const [store, clock] = [new MemoryStore(), new Clock()];
  const [a, b] = [new Candidate(store, clock, 1), new Candidate(store, clock, 2)];
  await register(store, 'gone');
  a.store.before = (what): void => {
    if (what === 'delete nodes/gone') throw new StoreError('OUTCOME_UNKNOWN', 'it died');
  };
  await turns(clock, DURATION + 2 * STEP, a);
  assert.deepEqual(await keys(store), ['nodes/gone']);
  await turns(clock, 4 * DURATION, b);
  assert.deepEqual(await keys(store), []);
});

test('two that take themselves for leaders withdraw a node once', async () => {
  const [store, clock] = [new MemoryStore(), new Clock()];
  await register(store, 'gone');
  const stores = [new Connection(store), new Connection(store)];
  const told: string[] = [];
  const duties = stores.map((each) => {
    const onEvent = (text: string): void => void told.push(text);
    return new NodeWithdrawal(each, { clock: clock.read, duration: DURATION, onEvent });
  });
  const terms = [1, 2].map((revision) => ({ revision, check: (): void => undefined }));
  for (let i = 0; i < 5; i++) {
    await Promise.all(duties.map((duty, k) => duty.turn(terms[k])));
    await settle();
    clock.time += DURATION;
  }
  assert.equal(told.length, 1);
  assert.deepEqual(await keys(store), []);
  duties.forEach((duty) => duty.end());
});

test('without a connection nothing is withdrawn, and afterwards every lease has its whole duration again', async () => {
  const [store, clock] = [new MemoryStore(), new Clock()];
  await register(store, 'gone');
  await store.put('nodes/orphan', VALUE);
  const a = new Candidate(store, clock, 1);
  await turns(clock, DURATION - STEP, a);
  a.store.tell('lost');
  await settle();
  await turns(clock, 1000, a);
  a.store.connected = true;
  await turns(clock, 2000, a);
  assert.equal((await keys(store)).length, 3, 'the connection is there, and the watch is not yet');
  a.store.tell('resumed');
  await settle();
  await turns(clock, DURATION, a);
  assert.equal((await keys(store)).length, 3);
  await turns(clock, 4 * STEP, a);
  assert.deepEqual(await keys(store), []);
});

test('a store that answers late may hold renewals back: nothing is withdrawn', async () => {
  const [store, clock] = [new MemoryStore(), new Clock()];
  await register(store, 'gone');
  const a = new Candidate(store, clock, 1);
  await turns(clock, DURATION, a);
  let late = 1;
  a.store.before = (what): void => {
    if (what === 'get leases/gone' && late-- > 0) clock.time += 1500;
  };
  await turns(clock, DURATION, a);
  assert.equal((await keys(store)).length, 2);
  await turns(clock, DURATION, a);
  assert.deepEqual(await keys(store), []);
});

test('only the leader watches the leases, and no longer than it leads', async () => {
  const [store, clock] = [new MemoryStore(), new Clock()];
  const [a, b] = [new Candidate(store, clock, 1), new Candidate(store, clock, 2)];
  await turns(clock, 1000, a, b);
  assert.deepEqual([a.store.watched, b.store.watched], [['leases/', 'nodes/'], []]);
  await remove(store, 'leader');
  b.leader.observe({ kind: 'delete', key: 'leader', revision: 100 });
  await turns(clock, 2000, b, a);
  assert.deepEqual([a.store.watched, b.store.watched], [[], ['leases/', 'nodes/']]);
  await b.leader.release();
  await settle();
  assert.deepEqual(b.store.watched, []);
});

test('a store that cannot be read is reported, and read again from its beginning', async () => {
  const [store, clock] = [new MemoryStore(), new Clock()];
  await register(store, 'gone');
  const a = new Candidate(store, clock, 1);
  let refused = 1;
  a.store.before = (what): void => {
    if (what === 'snapshot leases/' && refused-- > 0) throw new StoreError('NOT_PERMITTED', 'not for you');
  };
  await turns(clock, STEP, a);
  await turns(clock, STEP, a);
  assert.ok(a.events.some((event) => event.kind === 'failed' && event.error.code === 'NOT_PERMITTED'));
  while (a.store.watched.length < 2) await setImmediate();
  await turns(clock, DURATION + 2 * STEP, a);
  assert.deepEqual(await keys(store), []);
});

test('a name in an event has no control characters', async () => {
  const [store, clock] = [new MemoryStore(), new Clock()];
  await store.put('leases/_1b_5B2J', encodeLease({ duration: 1000, token: token(1), value: new Uint8Array(0) }));
  const a = new Candidate(store, clock, 1);
  await turns(clock, 1500, a);
  assert.doesNotMatch(a.told.join(), /\p{Cc}/u);
  assert.equal(a.told.length, 1);
});
