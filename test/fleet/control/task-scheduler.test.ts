/** Where the scheduler puts tasks, which it gives up, and when it looks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createNetwork,
  createService,
  encodeLease,
  IPAM,
  MemoryStore,
  NODES,
  readOverlay,
  scaleService,
  type Store,
  StoreError,
  type StoreSnapshot,
  type Task,
  TaskScheduler,
  tasksOf,
} from '../../../src/fleet/index.js';
import { planTasks } from '../../../src/fleet/control/task-plan.js';
import { Deployment, parsePublishedPort } from '../../../src/overlay/index.js';
import {
  addNode,
  context,
  CrashingStore,
  faults,
  InterleavingStore,
  network,
  removeNode,
  seeded,
  service,
} from './fixture.js';

const leadership = { check: (): void => undefined };

/** A network `web`, some nodes, and a service `api`. */
async function overlay(nodes: readonly string[], more: Parameters<typeof service>[2] = {}): Promise<MemoryStore> {
  const store = new MemoryStore();
  await createNetwork(store, network('web'), context());
  for (const node of nodes) await addNode(store, node);
  await createService(store, service('api', ['web'], more), context());
  return store;
}

function scheduler(store: Store): TaskScheduler {
  return new TaskScheduler(store, { ...context(), clock: () => 0 });
}

async function tasks(store: Store, name = 'api'): Promise<readonly Task[]> {
  return tasksOf(await readOverlay(store)).get(name) ?? [];
}

/** Slots and nodes: `1a 2b`. */
async function placed(store: Store, name = 'api'): Promise<string> {
  return (await tasks(store, name)).map(({ slot, node }) => `${slot}${node}`).join(' ');
}

/** The node of a task has its interface. */
async function start(store: Store, slot: number): Promise<void> {
  for (const { key, value, revision } of (await store.snapshot('networks/web/endpoints/')).records) {
    const record = JSON.parse(new TextDecoder().decode(value)) as { slot: number };
    if (record.slot !== slot) continue;
    await store.put(key, new TextEncoder().encode(JSON.stringify({ ...record, running: true })), { revision });
  }
}

test('tasks are spread: over the nodes with the fewest of the service, then with the fewest of all', async () => {
  const store = await overlay(['a', 'b', 'c'], { replicas: 4 });
  await scheduler(store).turn(leadership);
  assert.equal(await placed(store), '1a 2b 3c 4a');
  await createService(store, service('www', ['web'], { replicas: 2 }), context());
  await scheduler(store).turn(leadership);
  assert.equal(await placed(store, 'www'), '1b 2c');
  assert.deepEqual(await faults(store), []);
});

test('a global service has a task on each node, also on those that come later, and none on those that are gone', async () => {
  const store = await overlay(['a', 'b'], { deploy: 'global' });
  const own = scheduler(store);
  await own.turn(leadership);
  assert.equal(await placed(store), 'aa bb');
  await addNode(store, 'c');
  await removeNode(store, 'a');
  await own.turn(leadership);
  assert.equal(await placed(store), 'bb cc');
  assert.deepEqual(await faults(store), []);
});

test('scaling down gives up tasks of the nodes with the most; scaling up takes the lowest free slots', async () => {
  const store = await overlay(['a'], { replicas: 3 });
  const own = scheduler(store);
  await own.turn(leadership);
  await addNode(store, 'b');
  await scaleService(store, 'api', 4, context());
  await own.turn(leadership);
  assert.equal(await placed(store), '1a 2a 3a 4b');
  await scaleService(store, 'api', 2, context());
  await own.turn(leadership);
  assert.equal(await placed(store), '1a 4b');
  await scaleService(store, 'api', 3, context());
  await own.turn(leadership);
  assert.equal(await placed(store), '1a 2a 4b');
});

test('scaling down gives up those that do not run before those that do, on the same node', async () => {
  const store = await overlay(['a', 'b'], { replicas: 4 });
  await scheduler(store).turn(leadership);
  assert.equal(await placed(store), '1a 2b 3a 4b');
  await start(store, 3);
  await scaleService(store, 'api', 2, context());
  await scheduler(store).turn(leadership);
  assert.equal(await placed(store), '2b 3a');
});

test('the tasks of a node that is gone move in their slots, and stay there when it is back', async () => {
  const store = await overlay(['a', 'b'], { replicas: 3 });
  const own = scheduler(store);
  await own.turn(leadership);
  const before = await tasks(store);
  await removeNode(store, 'a');
  await own.turn(leadership);
  assert.equal(await placed(store), '1b 2b 3b');
  const after = await tasks(store);
  assert.equal(after[1].id, before[1].id, 'a task on a node that stays is the same');
  assert.ok(
    [0, 2].every((i) => after[i].id !== before[i].id),
    'one that moves is another, and has another name',
  );
  await addNode(store, 'a');
  await own.turn(leadership);
  assert.equal(await placed(store), '1b 2b 3b');
  await scaleService(store, 'api', 4, context());
  await own.turn(leadership);
  assert.equal(await placed(store), '1b 2b 3b 4a');
  assert.deepEqual(await faults(store), []);
});

test('a port in host mode keeps a second task off a node; the slots without one are reported once', async () => {
  const ports = parsePublishedPort('published=53,target=53,protocol=udp,mode=host');
  const store = await overlay(['a'], { replicas: 3, ports });
  const told: string[] = [];
  const own = new TaskScheduler(store, { ...context(), clock: () => 0, onEvent: (text) => told.push(text) });
  await own.turn(leadership);
  await own.turn(leadership);
  assert.equal(await placed(store), '1a');
  assert.deepEqual(told, ['2 tasks of api wait: no suitable node']);
  await addNode(store, 'b');
  await own.turn(leadership);
  assert.equal(await placed(store), '1a 2b');
});

test('a task that cannot be written keeps no other service from getting its tasks', async () => {
  const store = await overlay(['a'], { replicas: 1 });
  await scheduler(store).turn(leadership);
  // Its tasks have keys of more than 255 characters.
  await addNode(store, '\u00fc'.repeat(38));
  await createService(store, service('agent', ['web'], { deploy: Deployment.Global }), context());
  await createService(store, service('zz', ['web'], { replicas: 1 }), context());
  await scheduler(store).turn(leadership);
  assert.deepEqual([await placed(store, 'agent'), await placed(store, 'zz')], ['aa', `1${'\u00fc'.repeat(38)}`]);
});

test('many tasks are planned some at a time, and those without a node all at once', async () => {
  const store = await overlay(['a', 'b'], { replicas: 2500 });
  const first = planTasks(await readOverlay(store));
  assert.deepEqual([first.create.length, first.isPartial], [1000, true]);
  const alone = planTasks(await readOverlay(await overlay([], { replicas: 2500 })));
  assert.deepEqual([alone.create.length, alone.unplaced.get('api')?.length, alone.isPartial], [0, 2500, false]);
});

test('two schedulers at once leave one task per slot, whatever the order of their writes', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const store = await overlay(['a', 'b', 'c'], { replicas: 5 });
    const random = seeded(seed);
    const both = [1, 2].map(() => scheduler(new InterleavingStore(store, random)));
    const results = await Promise.allSettled(both.map((one) => one.turn(leadership)));
    for (const result of results) if (result.status === 'rejected') assert.ok(result.reason instanceof StoreError);
    await both[1].turn(leadership);
    const found = await tasks(store);
    assert.deepEqual(
      found.map(({ slot }) => slot),
      [1, 2, 3, 4, 5],
      `seed ${seed}`,
    );
    assert.equal(new Set(found.map(({ id }) => id)).size, 5);
    assert.deepEqual(await faults(store), [], `seed ${seed}`);
  }
});

test('a leader whose term is over writes nothing more, and its successor completes what it began', async () => {
  for (let checks = 0; checks <= 4; checks++) {
    const store = await overlay(['a', 'b'], { replicas: 4 });
    let left = checks;
    const ending = {
      check: (): void => {
        if (left-- <= 0) throw new StoreError('NOT_LEADER', 'over');
      },
    };
    const turn = scheduler(store).turn(ending);
    if (checks < 4) await assert.rejects(turn, { code: 'NOT_LEADER' });
    else await turn;
    assert.equal((await tasks(store)).length, checks);
    await scheduler(store).turn(leadership);
    assert.equal(await placed(store), '1a 2b 3a 4b');
  }
});

/** Counts snapshots. */
class CountingStore extends CrashingStore {
  snapshots = 0;

  constructor(store: Store) {
    super(store, Number.MAX_SAFE_INTEGER);
  }

  override snapshot(prefix: string): Promise<StoreSnapshot> {
    if (prefix === '') this.snapshots++;
    return super.snapshot(prefix);
  }
}

/** A scheduler that is given what a watch reports, on a clock of its own. */
async function observing(replicas: number): Promise<{
  readonly store: CountingStore;
  /** Takes a turn a second later. @returns how often it read the records */
  readonly turn: (term?: typeof leadership) => Promise<number>;
}> {
  const store = new CountingStore(await overlay(['a', 'b'], { replicas }));
  let now = 0;
  const own = new TaskScheduler(store, { ...context(), clock: () => now });
  let revision = 0;
  const turn = async (term = leadership): Promise<number> => {
    const { records } = await store.snapshot('networks/');
    const changed = [...records, ...(await store.snapshot('services/')).records].filter(
      (one) => one.revision > revision,
    );
    for (const record of changed) own.observe({ kind: 'put', ...record });
    revision = Math.max(revision, ...changed.map((one) => one.revision));
    now += 1000;
    const before = store.snapshots;
    await own.turn(term);
    return store.snapshots - before;
  };
  return { store, turn };
}

test('the records are read when something changed, and not when leases are renewed', async () => {
  const { store, turn } = await observing(2);
  assert.equal(await turn(), 1);
  assert.equal(await placed(store), '1a 2b');
  const reads = [await turn(), await turn(), await turn()];
  assert.deepEqual(reads, [1, 0, 0], 'once more, for what it wrote itself');
  await scaleService(store, 'api', 3, context());
  assert.equal(await turn(), 1);
  assert.equal(await placed(store), '1a 2b 3a');
});

test('a renewal of a lease that is known is no reason to read; a new lease and its end are', async () => {
  const store = new CountingStore(await overlay(['a'], { deploy: 'global' }));
  let now = 0;
  const own = new TaskScheduler(store, { ...context(), clock: () => (now += 100) });
  const value = encodeLease({ duration: 10_000, token: new Uint8Array(16), value: new Uint8Array(4) });
  const readsAfter = async (...changes: Parameters<TaskScheduler['observe']>[0][]): Promise<number> => {
    for (const change of changes) own.observe(change);
    const before = store.snapshots;
    now += 2000;
    await own.turn(leadership);
    return store.snapshots - before;
  };
  const key = `${NODES}b`;
  assert.equal(await readsAfter({ kind: 'put', key, value, revision: 100 }), 1);
  assert.equal(await readsAfter({ kind: 'put', key, value, revision: 101 }), 0);
  assert.equal(await readsAfter({ kind: 'put', key: 'leader', value, revision: 102 }), 0);
  assert.equal(await readsAfter({ kind: 'delete', key, revision: 103 }), 1);
  assert.equal(await readsAfter(), 0);
  assert.equal(await readsAfter({ kind: 'lost' }), 0);
  assert.equal(await readsAfter({ kind: 'resumed' }), 1, 'changes may have been missed');
  now += 30_000;
  assert.equal(await readsAfter(), 1, 'every 30 seconds all the same');
});

test('in a new term nothing is known; a turn that fails is repeated', async () => {
  const { turn } = await observing(1);
  await turn();
  await turn();
  assert.equal(await turn(), 0);
  assert.equal(await turn({ ...leadership }), 1);
  const failing = new CountingStore(await overlay(['a'], { replicas: 1 }));
  const own = new TaskScheduler(failing, { ...context(), clock: () => 0 });
  own.observe({ kind: 'resumed' });
  const over = {
    check: (): void => {
      throw new StoreError('NOT_LEADER', 'over');
    },
  };
  await assert.rejects(own.turn(over));
  const reads = failing.snapshots;
  await own.turn(leadership);
  assert.equal(failing.snapshots, reads + 1);
});

test('a service whose entry is still that of a creation is looked at again, though nothing else changes', async () => {
  const store = await overlay(['a'], { replicas: 1 });
  const ipam = await store.get(IPAM);
  assert.ok(ipam);
  const text = new TextDecoder().decode(ipam.value);
  const inState = (state: string): Uint8Array =>
    new TextEncoder().encode(text.replace(/("name":"api".*?"state":)"ready"/, `$1"${state}"`));
  await store.put(IPAM, inState('creating'));
  let now = 0;
  const own = new TaskScheduler(store, { ...context(), clock: () => now });
  own.observe({ kind: 'resumed' });
  await own.turn(leadership);
  assert.equal(await placed(store), '');
  await store.put(IPAM, inState('ready'));
  now += 1000;
  await own.turn(leadership);
  assert.equal(await placed(store), '1a');
});

test('what is half done is looked at until it is done or old enough to be repaired', async () => {
  const store = await overlay(['a'], { replicas: 1 });
  const counting = new CountingStore(store);
  let now = 0;
  const own = new TaskScheduler(counting, { ...context(), clock: () => now, patience: 5000 });
  own.observe({ kind: 'resumed' });
  await own.turn(leadership);
  // An address of a creator that died: nothing follows it.
  const value = { version: 1, network: 'web', address: '10.0.0.99', owner: { kind: 'endpoint', id: 'gone' } };
  const key = 'networks/web/addresses/10.0.0.99';
  const revision = await store.put(key, new TextEncoder().encode(JSON.stringify(value)));
  own.observe({ kind: 'put', key, value: new Uint8Array(1), revision });
  for (; now < 5000; now += 1000) await own.turn(leadership);
  assert.ok((await store.get(key)) !== undefined);
  for (; now < 8000; now += 1000) await own.turn(leadership);
  assert.equal(await store.get(key), undefined);
  assert.ok(counting.snapshots <= 5, `${counting.snapshots} reads`);
});
