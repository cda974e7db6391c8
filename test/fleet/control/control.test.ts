/** What operations on networks, services and endpoints do, and what they refuse. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  allocateAddress,
  createEndpoint,
  createNetwork,
  createService,
  IPAM,
  type IpamRecord,
  MAX_VALUE_LENGTH,
  MemoryStore,
  type NetworkRecord,
  NatsStore,
  readOverlay,
  releaseAddress,
  removeEndpoint,
  removeNetwork,
  removeService,
  scaleService,
  updateService,
  type Store,
} from '../../../src/fleet/index.js';
import { parsePrefix, parsePublishedPort } from '../../../src/overlay/index.js';
import { missing } from '../../repository.js';
import { NatsServer } from '../store/nats-server.js';
import { context, faults, network, service, START } from './fixture.js';

const skip = missing('nats-server');
let server: NatsServer;
let overlays = 0;

before(async () => {
  if (skip === false) server = await NatsServer.start();
});
after(async () => {
  if (skip === false) await server.close();
});

/** A test over both stores. */
function onStores(name: string, run: (store: Store) => Promise<void>): void {
  test(`memory: ${name}`, () => run(new MemoryStore()));
  test(`NATS: ${name}`, { skip }, async () => {
    const store = await NatsStore.open(`${server.address}/control${++overlays}`);
    try {
      await run(store);
    } finally {
      await store.close();
    }
  });
}

const owner = (id: string): { kind: 'endpoint'; id: string } => ({ kind: 'endpoint', id });
const refused = (message: string | RegExp) => ({ code: 'REFUSED', message });

async function endpointIn(store: Store, record: NetworkRecord, id: string, more: object = {}): Promise<string> {
  const { ip } = await createEndpoint(store, {
    ...{ id, kind: 'container', name: id, network: record, node: 'node1', created: new Date(START).toISOString() },
    ...more,
  });
  return ip ?? '';
}

onStores(
  'a network gets what Docker gives it: an id, VNI 4096, 10.0.0.0/24, the first address as its gateway',
  async (store) => {
    const first = await createNetwork(store, network('one'), context());
    const { id, ...rest } = first;
    assert.match(id, /^[0-9a-z]{25}$/);
    assert.deepEqual(rest, {
      ...{ version: 1, name: 'one', created: '2026-11-30T04:00:00.000Z', vni: 4096, encrypted: false, dsr: false },
      ...{
        subnets: [{ subnet: '10.0.0.0/24', gateway: '10.0.0.1' }],
        attachable: true,
        internal: false,
        ingress: false,
      },
      ...{ options: {}, labels: {} },
    });
    const options = { encrypted: '', 'com.docker.network.driver.mtu': '1300' };
    const second = await createNetwork(store, network('two', { options }), context());
    assert.deepEqual(
      [second.vni, second.subnets[0].subnet, second.encrypted, second.mtu],
      [4097, '10.0.1.0/24', true, 1224],
    );
    await removeNetwork(store, 'one');
    const third = await createNetwork(store, network('three'), context());
    assert.deepEqual(
      [third.vni, third.subnets[0].subnet],
      [4098, '10.0.0.0/24'],
      'VNIs serially, subnets from the lowest',
    );
    assert.deepEqual(await faults(store), []);
  },
);

onStores('a whole life: networks, a service, an endpoint, and everything removed again', async (store) => {
  await createNetwork(store, network('ingress', { ingress: true, attachable: false }), context());
  const web = await createNetwork(store, network('web'), context());
  const ports = [...parsePublishedPort('8080:80'), ...parsePublishedPort('81')];
  const made = await createService(store, service('api', ['web'], { ports }), context());
  assert.deepEqual(made.networks, [
    { network: 'ingress', aliases: [], vip: '10.0.0.2' },
    { network: 'web', aliases: [], vip: '10.0.1.2' },
  ]);
  assert.deepEqual(
    made.ports.map(({ published }) => published),
    [8080, 30_000],
  );
  assert.equal(await endpointIn(store, web, 'c1'), '10.0.1.3');
  assert.deepEqual(await faults(store), []);
  await assert.rejects(removeNetwork(store, 'web'), refused('network web is in use by service api'));
  await scaleService(store, 'api', 4, context());
  assert.equal((await readOverlay(store)).services.get('api')?.replicas, 4);
  await removeService(store, 'api');
  await assert.rejects(removeNetwork(store, 'web'), refused('network web has active endpoints (name:"c1" id:"c1")'));
  assert.deepEqual(await faults(store), [], 'what is refused leaves no trace');
  assert.equal(await removeEndpoint(store, web, 'c1'), true);
  assert.equal(await removeEndpoint(store, web, 'c1'), false);
  await removeNetwork(store, 'web');
  await removeNetwork(store, 'ingress');
  const { records } = await store.snapshot('');
  assert.deepEqual(
    records.map(({ key }) => key),
    ['ipam/allocations'],
  );
});

onStores("addresses come in Docker's order, and each once", async (store) => {
  const subnets = [{ subnet: parsePrefix('10.9.0.0/28') }];
  const record = await createNetwork(store, network('web', { subnets }), context());
  const take = (id: string): Promise<string> => allocateAddress(store, record, owner(id));
  assert.equal(await take('a'), '10.9.0.2');
  assert.equal(await take('b'), '10.9.0.3');
  assert.equal(await allocateAddress(store, record, owner('c'), '10.9.0.9'), '10.9.0.9');
  assert.equal(await releaseAddress(store, record, '10.9.0.2', owner('b')), false, 'of another');
  assert.equal(await releaseAddress(store, record, '10.9.0.2', owner('a')), true);
  assert.equal(await take('d'), '10.9.0.4', 'the search does not go back');
  const rest: string[] = [];
  for (let i = 0; i < 10; i++) rest.push(await take(`e${i}`));
  assert.deepEqual(
    rest,
    [5, 6, 7, 8, 10, 11, 12, 13, 14, 2].map((last) => `10.9.0.${last}`),
  );
  await assert.rejects(take('f'), { code: 'NO_ADDRESS', message: 'no available IPv4 addresses on this network' });
});

test('an address that is asked for is refused as Docker refuses it', async () => {
  const store = new MemoryStore();
  const record = await createNetwork(store, network('web'), context());
  const want = (ip: string): Promise<string> => allocateAddress(store, record, owner('x'), ip);
  await allocateAddress(store, record, owner('a'), '10.0.0.9');
  await assert.rejects(want('10.0.0.9'), refused('Address already in use (endpoint a)'));
  await assert.rejects(want('10.0.0.1'), refused('Address already in use (the gateway)'));
  await assert.rejects(want('10.0.0.255'), refused(/^Address already in use/));
  await assert.rejects(want('10.0.1.9'), refused('requested address is out of range'));
});

test('a range is the part that addresses come from, and others may be asked for', async () => {
  const store = new MemoryStore();
  const subnets = [{ subnet: parsePrefix('10.9.0.0/24'), range: parsePrefix('10.9.0.128/30') }];
  const record = await createNetwork(store, network('web', { subnets }), context());
  assert.deepEqual(record.subnets, [{ subnet: '10.9.0.0/24', gateway: '10.9.0.128', range: '10.9.0.128/30' }]);
  const taken: string[] = [];
  for (let i = 0; i < 3; i++) taken.push(await allocateAddress(store, record, owner(`c${i}`)));
  assert.deepEqual(taken, ['10.9.0.129', '10.9.0.130', '10.9.0.131']);
  await assert.rejects(allocateAddress(store, record, owner('c4')), { code: 'NO_ADDRESS' });
  assert.equal(await allocateAddress(store, record, owner('c5'), '10.9.0.5'), '10.9.0.5');
});

test('networks are refused as Docker refuses them', async () => {
  const store = new MemoryStore();
  await createNetwork(store, network('web'), context());
  await createNetwork(store, network('in', { ingress: true, attachable: false }), context());
  const create = (name: string, more: object): Promise<unknown> => createNetwork(store, network(name, more), context());
  await assert.rejects(create('web', {}), refused('network with name web already exists'));
  await assert.rejects(
    create('in2', { ingress: true, attachable: false }),
    refused('ingress network (in) is already present'),
  );
  await assert.rejects(create('in2', { ingress: true }), refused('ingress network cannot be attachable'));
  await assert.rejects(
    create('a', { subnets: [{ subnet: parsePrefix('10.0.0.0/16') }] }),
    refused('invalid pool request: Pool overlaps with other one on this address space'),
  );
  const vni = { 'com.docker.network.driver.overlay.vxlanid_list': '4096' };
  await assert.rejects(create('a', { options: vni }), refused('requested VNI 4096 is already in use'));
  for (const name of ['', '-a', 'a.b', 'a b', 'é', 'a'.repeat(64)]) {
    await assert.rejects(create(name, {}), { code: 'REFUSED' }, name);
  }
  await assert.rejects(removeNetwork(store, 'none'), refused('network none not found'));
  assert.deepEqual(await faults(store), []);
});

test('services are refused as Docker refuses them', async () => {
  const store = new MemoryStore();
  await createNetwork(store, network('web'), context());
  const create = (name: string, networks: string[], more: object = {}): Promise<unknown> =>
    createService(store, service(name, networks, more), context());
  const port = parsePublishedPort('8080:80');
  await assert.rejects(
    create('a', ['web'], { ports: port }),
    refused('service needs ingress network, but no ingress network is present'),
  );
  await createNetwork(store, network('in', { ingress: true, attachable: false }), context());
  await create('api', ['web'], { ports: port });
  await assert.rejects(
    create('api', ['web']),
    refused('name conflicts with an existing object: service api already exists'),
  );
  await assert.rejects(
    create('b', ['web'], { ports: port }),
    refused("port '8080' is already in use by service 'api' as an ingress port"),
  );
  await assert.rejects(create('b', ['none']), refused('network none not found'));
  await assert.rejects(
    create('b', ['in']),
    refused('Service cannot be explicitly attached to the ingress network "in"'),
  );
  await assert.rejects(create('b', []), refused(/^service b needs a network/));
  await assert.rejects(create('b', ['web'], { netns: '{{.Nope}}' }), { code: 'BAD_CONFIG' });
  await assert.rejects(
    create('b', ['web'], { mode: 'dnsrr', ports: parsePublishedPort('81:80') }),
    refused("EndpointSpec: port published with ingress mode can't be used with dnsrr mode"),
  );
  await assert.rejects(removeService(store, 'none'), refused('service none not found'));
  await assert.rejects(scaleService(store, 'none', 2, context()), refused('service none not found'));
  await create('all', ['web'], { deploy: 'global' });
  await assert.rejects(
    scaleService(store, 'all', 2, context()),
    refused('scale can only be used with replicated or replicated-job mode'),
  );
  assert.deepEqual(await faults(store), []);
});

test('updates of a service at the same time all take effect, and one without a change writes nothing', async () => {
  const store = new MemoryStore();
  await createNetwork(store, network('web'), context());
  await createService(store, service('api', ['web']), context());
  const later = { ...context(), now: () => START + 5000 };
  const keys = ['a', 'b', 'c', 'd'];
  await Promise.all(keys.map((key) => updateService(store, 'api', { addedLabels: { [key]: '1' } }, later)));
  const { labels, updated } = await updateService(store, 'api', { removedLabels: ['a', 'none'] }, later);
  assert.deepEqual(labels, { b: '1', c: '1', d: '1' });
  assert.equal(Date.parse(updated), START + 5000);
  const before = await store.get('services/api');
  await updateService(store, 'api', { addedLabels: { b: '1' }, removedLabels: ['a'] }, context());
  assert.deepEqual(await store.get('services/api'), before);
  await assert.rejects(updateService(store, 'api', { addedLabels: { bad: 'x'.repeat(1 << 16) } }, later), {
    code: 'BAD_RECORD',
  });
  await assert.rejects(updateService(store, 'none', {}, later), refused('service none not found'));
});

test('a service whose network has no address for its VIP is not made', async () => {
  const store = new MemoryStore();
  const subnets = [{ subnet: parsePrefix('10.9.0.0/30') }];
  const record = await createNetwork(store, network('tiny', { subnets }), context());
  await allocateAddress(store, record, { kind: 'gateway', id: 'kept' });
  await assert.rejects(createService(store, service('api', ['tiny']), context()), { code: 'NO_ADDRESS' });
  const { services, ipam } = await readOverlay(store);
  assert.deepEqual([services.size, ipam.services], [0, []]);
});

test('an endpoint has the MAC of its address, unless it has its own, and a name once', async () => {
  const store = new MemoryStore();
  const record = await createNetwork(store, network('web'), context());
  await endpointIn(store, record, 'c1', { aliases: ['front'], device: 'web0', netns: 'c1' });
  await endpointIn(store, record, 'c2', { mac: '02:00:00:00:00:01', ip: '10.0.0.77' });
  const view = await readOverlay(store);
  const endpoints = view.networks.get('web')?.endpoints;
  assert.equal(endpoints?.get('c1')?.mac, '02:42:0a:00:00:02');
  assert.deepEqual([endpoints.get('c2')?.mac, endpoints.get('c2')?.ip], ['02:00:00:00:00:01', '10.0.0.77']);
  await assert.rejects(endpointIn(store, record, 'c1'), refused('endpoint with name c1 already exists in network web'));
  assert.deepEqual(await faults(store), []);
  const gone = { ...record, id: 'a'.repeat(25) };
  await assert.rejects(endpointIn(store, gone, 'c3'), refused('network web not found'));
  assert.deepEqual(await faults(store), [], 'its address is free again');
});

test('what another program wrote counts: its VNI and subnet are not given to another', async () => {
  const store = new MemoryStore();
  const other = new MemoryStore();
  await createNetwork(other, network('theirs'), context());
  const found = await other.get('networks/theirs');
  assert.ok(found);
  await store.put(found.key, found.value);
  await assert.rejects(createNetwork(store, network('theirs'), context()), refused(/already exists$/));
  const mine = await createNetwork(store, network('mine'), context());
  assert.deepEqual([mine.vni, mine.subnets[0].subnet], [4097, '10.0.1.0/24']);
  assert.deepEqual(await faults(store), []);
  await removeNetwork(store, 'theirs');
  assert.equal(await store.get(found.key), undefined);
});

test('an overlay that is full says so: what is there stays, and what is removed makes room', async () => {
  const store = new MemoryStore();
  const [first] = (await createNetwork(store, network('n-0'), context())).subnets;
  assert.equal(first.subnet, '10.0.0.0/24');
  const ipam = await store.get(IPAM);
  assert.ok(ipam);
  const record = JSON.parse(new TextDecoder().decode(ipam.value)) as IpamRecord;
  const [entry] = record.networks;
  // As many as make the record nearly full, without writing each of them.
  for (let i = 1; JSON.stringify(record).length < MAX_VALUE_LENGTH - 1600; i++) {
    const [third, second] = [i % 256, Math.floor(i / 256)];
    const subnets = [{ subnet: `10.${second}.${third}.0/24`, shared: false }];
    record.networks.push({ ...entry, id: String(i).padStart(25, '0'), name: `n-${i}`, vni: 4096 + i, subnets });
  }
  const { length } = record.networks;
  assert.ok(length > 400, `room for ${length}`);
  await store.put(IPAM, new TextEncoder().encode(JSON.stringify(record)));
  const full = { code: 'FULL', message: /no room for another network or service: .* with \d+ networks and 0 services/ };
  let more = 0;
  await assert.rejects(async () => {
    for (; more < 20; more++) await createNetwork(store, network(`more-${more}`), context());
  }, full);
  assert.ok(more > 0);
  await assert.rejects(createService(store, service('api', ['n-0']), context()), full);
  assert.equal((await store.snapshot('services/')).records.length, 0, 'nothing is left of it');
  await removeNetwork(store, 'more-0');
  await createNetwork(store, network('again'), context());
});
