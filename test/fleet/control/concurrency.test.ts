/** Whatever the interleaving of those who create and remove at once, nothing is given twice. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import {
  createEndpoint,
  createNetwork,
  createService,
  MemoryStore,
  NatsStore,
  readOverlay,
  removeEndpoint,
  removeNetwork,
  removeService,
  scaleService,
  type Store,
  TaskScheduler,
} from '../../../src/fleet/index.js';
import { parsePrefix, parsePublishedPort } from '../../../src/overlay/index.js';
import { missing } from '../../repository.js';
import { NatsServer } from '../store/nats-server.js';
import { addNode, context, faults, InterleavingStore, isRefusal, network, seeded, service, START } from './fixture.js';

const skip = missing('nats-server');
const leadership = { check: (): void => undefined };
let server: NatsServer;

before(async () => {
  if (skip === false) server = await NatsServer.start();
});
after(async () => {
  if (skip === false) await server.close();
});

async function endpoint(store: Store, of: string, id: string, ip?: string): Promise<void> {
  const record = (await readOverlay(store)).networks.get(of)?.record;
  if (record === undefined) return;
  const created = new Date(START).toISOString();
  const more = ip === undefined ? {} : { ip };
  await createEndpoint(store, { id, kind: 'container', name: id, network: record, node: 'a', created, ...more });
}

type Step = (store: Store) => Promise<unknown>;

const names = fc.constantFrom('web', 'db');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(names, fc.boolean()).map(([name, own]): Step => {
    const subnets = own ? [{ subnet: parsePrefix('10.0.0.0/29') }] : [];
    return (store) => createNetwork(store, network(name, { subnets }), context());
  }),
  names.map(
    (name): Step =>
      (store) =>
        removeNetwork(store, name),
  ),
  fc.tuple(fc.constantFrom('api', 'www'), names, fc.constantFrom('8080:80', '81')).map(
    ([name, of, port]): Step =>
      (store) =>
        createService(store, service(name, [of], { ports: parsePublishedPort(port), replicas: 2 }), context()),
  ),
  fc.constantFrom('api', 'www').map(
    (name): Step =>
      (store) =>
        removeService(store, name),
  ),
  fc.tuple(fc.constantFrom('api', 'www'), fc.nat(4)).map(
    ([name, replicas]): Step =>
      (store) =>
        scaleService(store, name, replicas, context()),
  ),
  fc.tuple(names, fc.constantFrom('c1', 'c2', 'c3'), fc.constantFrom(undefined, '10.0.0.3')).map(
    ([of, id, ip]): Step =>
      (store) =>
        endpoint(store, of, id, ip),
  ),
  fc.tuple(names, fc.constantFrom('c1', 'c2')).map(
    ([of, id]): Step =>
      (store) =>
        removeEndpoint(store, { name: of }, id),
  ),
  fc.constant<Step>((store) => new TaskScheduler(store, { ...context(), clock: () => 0 }).turn(leadership)),
);

test('any interleaving of creators, removers and schedulers gives no address, VNI, subnet or port twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 6 }),
      fc.nat(),
      async (processes, seed) => {
        const store = new MemoryStore();
        await createNetwork(store, network('in', { ingress: true, attachable: false }), context());
        for (const node of ['a', 'b']) await addNode(store, node);
        const random = seeded(seed);
        await Promise.all(
          processes.map(async (steps) => {
            const own = new InterleavingStore(store, random);
            for (const one of steps) {
              await one(own).catch((error: unknown) => {
                if (!isRefusal(error)) throw error;
              });
            }
          }),
        );
        // Each operation ended, so that all that is left is what races left, which the leader puts right.
        let now = 0;
        const scheduler = new TaskScheduler(store, { ...context(), clock: () => now, patience: 1 });
        for (; now < 8; now++) await scheduler.turn(leadership);
        assert.deepEqual(await faults(store), []);
        const { services, networks } = await readOverlay(store);
        for (const { name, replicas, networks: of } of services.values()) {
          for (const { network: one } of of) {
            const tasks = [...(networks.get(one)?.endpoints.values() ?? [])].filter((each) => each.service === name);
            const slots = new Set(tasks.map(({ slot }) => slot));
            assert.equal(slots.size, tasks.length, 'one task per slot');
            assert.ok(tasks.length === replicas || one === 'web' || one === 'db', 'as many as asked for');
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

async function race(stores: readonly Store[]): Promise<void> {
  const [store] = stores;
  await createNetwork(store, network('in', { ingress: true, attachable: false }), context());
  const results = await Promise.allSettled(
    stores.flatMap((one, i) => [
      createNetwork(one, network('same'), context()),
      createNetwork(one, network(`own-${i}`), context()),
    ]),
  );
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, stores.length + 1);
  const ports = parsePublishedPort('80');
  await Promise.all(stores.map((one, i) => createService(one, service(`api-${i}`, ['same'], { ports }), context())));
  const each = 10;
  await Promise.all(
    stores.map(async (one, i) => {
      for (let n = 0; n < each; n++) await endpoint(one, 'same', `c${i}-${n}`);
    }),
  );
  assert.deepEqual(await faults(store), []);
  const { networks } = await readOverlay(store);
  assert.equal(networks.get('same')?.endpoints.size, each * stores.length);
  assert.equal(networks.get('same')?.addresses.size, (each + 1) * stores.length);
}

test('memory: four who create the same things at once', () => {
  const store = new MemoryStore();
  return race([store, store, store, store]);
});

test('NATS: four who create the same things at once', { skip }, async () => {
  const stores = await Promise.all([1, 2, 3, 4].map(() => NatsStore.open(`${server.address}/race`)));
  try {
    await race(stores);
  } finally {
    for (const store of stores) await store.close();
  }
});
