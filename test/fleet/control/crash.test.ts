/** What a process leaves that dies between two writes, and what becomes of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createEndpoint,
  createNetwork,
  createService,
  MemoryStore,
  type NetworkRecord,
  readOverlay,
  removeEndpoint,
  removeNetwork,
  removeService,
  type Store,
  TaskScheduler,
} from '../../../src/fleet/index.js';
import { parsePublishedPort } from '../../../src/overlay/index.js';
import { addNode, context, CrashingStore, Crash, faults, network, service, START } from './fixture.js';

const PATIENCE = 30_000;
const leadership = { check: (): void => undefined };

async function webOf(store: Store): Promise<NetworkRecord> {
  const record = (await readOverlay(store)).networks.get('web')?.record;
  assert.ok(record);
  return record;
}

const ports = [...parsePublishedPort('8080:80'), ...parsePublishedPort('9000:90')];

interface Operation {
  readonly prepare: (store: Store) => Promise<unknown>;
  readonly run: (store: Store) => Promise<unknown>;
  /** Whether it has the same effect again once the repair is done: whether it was carried out, or is as if never begun. */
  readonly done: (store: Store) => Promise<boolean>;
}

async function makeNetworks(store: Store): Promise<void> {
  await createNetwork(store, network('ingress', { ingress: true, attachable: false }), context());
  await createNetwork(store, network('web'), context());
}

async function makeService(store: Store): Promise<void> {
  await makeNetworks(store);
  for (const node of ['a', 'b']) await addNode(store, node);
  await createService(store, service('api', ['web'], { ports, replicas: 3 }), context());
  await new TaskScheduler(store, { ...context(), clock: () => 0 }).turn(leadership);
}

async function makeEndpoint(store: Store): Promise<void> {
  await makeNetworks(store);
  await addEndpoint(store);
}

async function addEndpoint(store: Store): Promise<void> {
  const created = new Date(START).toISOString();
  await createEndpoint(store, {
    id: 'c1',
    kind: 'container',
    name: 'c1',
    network: await webOf(store),
    node: 'a',
    created,
  });
}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  'creating a network': {
    prepare: async (store) => createNetwork(store, network('first'), context()),
    run: (store) => createNetwork(store, network('web'), context()),
    done: async (store) => (await readOverlay(store)).networks.has('web'),
  },
  'removing a network': {
    prepare: makeNetworks,
    run: (store) => removeNetwork(store, 'web'),
    done: async (store) => !(await readOverlay(store)).networks.has('web'),
  },
  'creating a service': {
    prepare: makeNetworks,
    run: (store) => createService(store, service('api', ['web'], { ports }), context()),
    done: async (store) => (await readOverlay(store)).services.has('api'),
  },
  'removing a service with tasks': {
    prepare: makeService,
    run: (store) => removeService(store, 'api'),
    done: async (store) => !(await readOverlay(store)).services.has('api'),
  },
  'creating an endpoint': {
    prepare: makeNetworks,
    run: addEndpoint,
    done: async (store) => (await readOverlay(store)).networks.get('web')?.endpoints.has('c1') === true,
  },
  'removing an endpoint': {
    prepare: makeEndpoint,
    run: async (store) => removeEndpoint(store, await webOf(store), 'c1'),
    done: async (store) => (await readOverlay(store)).networks.get('web')?.endpoints.has('c1') === false,
  },
};

/** Turns of the leader, in which nothing else happens, until it has waited long enough. */
async function repair(store: Store): Promise<void> {
  let now = 0;
  const scheduler = new TaskScheduler(store, { ...context(), clock: () => now, patience: PATIENCE });
  for (let turn = 0; turn < 4; turn++) {
    await scheduler.turn(leadership);
    now += PATIENCE;
  }
}

for (const [name, { prepare, run, done }] of Object.entries(OPERATIONS)) {
  test(`${name}: after a crash before any write, the leader leaves nothing half done, and nothing is given twice`, async () => {
    for (let writes = 0; ; writes++) {
      const store = new MemoryStore();
      await prepare(store);
      const process = new CrashingStore(store, writes);
      const crashed = await run(process).then(
        () => false,
        (error: unknown) => {
          assert.ok(error instanceof Crash, String(error));
          return true;
        },
      );
      await repair(store);
      assert.deepEqual(await faults(store), [], `crash before write ${writes + 1}`);
      if (crashed && !(await done(store))) await run(store);
      assert.equal(await done(store), true, `again, after a crash before write ${writes + 1}`);
      assert.deepEqual(await faults(store), []);
      if (!crashed) {
        assert.ok(writes >= 2, 'it has several writes');
        return;
      }
    }
  });

  test(`${name}: after a crash before any write, the same operation can be repeated without waiting for the leader`, async () => {
    for (let writes = 0; writes < 12; writes++) {
      const store = new MemoryStore();
      await prepare(store);
      await run(new CrashingStore(store, writes)).catch(() => undefined);
      if (!(await done(store))) {
        // A creation whose entry is there is refused as existing, and is complete then.
        await run(store).catch((error: unknown) => {
          assert.match(String(error), /already exists|conflicts with an existing/);
        });
      }
      await repair(store);
      assert.equal(await done(store), true, `crash before write ${writes + 1}`);
      assert.deepEqual(await faults(store), [], `crash before write ${writes + 1}`);
    }
  });
}

test('the scheduler that dies between any two writes leaves nothing that the next leader does not put right', async () => {
  for (let writes = 0; ; writes++) {
    const store = new MemoryStore();
    await makeNetworks(store);
    for (const node of ['a', 'b']) await addNode(store, node);
    await createService(store, service('api', ['web'], { ports, replicas: 3 }), context());
    const process = new CrashingStore(store, writes);
    const first = new TaskScheduler(process, { ...context(), clock: () => 0 });
    await first.turn(leadership).catch((error: unknown) => {
      assert.ok(error instanceof Crash, String(error));
    });
    await repair(store);
    assert.deepEqual(await faults(store), [], `crash before write ${writes + 1}`);
    const { networks } = await readOverlay(store);
    assert.deepEqual([networks.get('web')?.endpoints.size, networks.get('ingress')?.endpoints.size], [3, 3]);
    if (!process.crashed) return;
  }
});

test('what is under way is not taken for crashed: nothing is done before the patience is over', async () => {
  const store = new MemoryStore();
  await makeNetworks(store);
  await addEndpoint(new CrashingStore(store, 1)).catch(() => undefined);
  const before = (await readOverlay(store)).networks.get('web')?.addresses.size;
  let now = 0;
  const scheduler = new TaskScheduler(store, { ...context(), clock: () => now, patience: PATIENCE });
  for (const time of [0, PATIENCE / 2, PATIENCE - 1]) {
    now = time;
    await scheduler.turn(leadership);
    assert.equal((await readOverlay(store)).networks.get('web')?.addresses.size, before);
  }
  now = PATIENCE;
  await scheduler.turn(leadership);
  assert.deepEqual(await faults(store), []);
});

test('a creator that is slower than the patience takes its endpoint back', async () => {
  const store = new MemoryStore();
  await makeNetworks(store);
  const slow = new (class extends CrashingStore {
    override async put(key: string, ...rest: [Uint8Array, { revision?: number }?]): Promise<number> {
      if (key.includes('/endpoints/')) await repair(store);
      return super.put(key, ...rest);
    }
  })(store, 100);
  await assert.rejects(addEndpoint(slow), { code: 'REFUSED', message: /^10\.0\.1\.2 was freed meanwhile/ });
  assert.deepEqual(await faults(store), []);
});

test('a network that a creator writes after it was completed and removed by others is taken back', async () => {
  const store = new MemoryStore();
  const slow = new (class extends CrashingStore {
    override async put(key: string, ...rest: [Uint8Array, { revision?: number }?]): Promise<number> {
      if (key === 'networks/web') {
        await repair(store);
        await removeNetwork(store, 'web');
      }
      return super.put(key, ...rest);
    }
  })(store, 100);
  await assert.rejects(createNetwork(slow, network('web'), context()), {
    code: 'REFUSED',
    message: 'network web not found',
  });
  assert.deepEqual(await faults(store), []);
  assert.equal(await store.get('networks/web'), undefined);
});
