import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LiveServices } from '../../../src/live/services/live-services.js';
import { LatestUpdate } from '../../../src/live/services/latest-update.js';
import { localContainers } from '../../../src/live/services/local-containers.js';
import { hostMappings, ingressMappings } from '../../../src/live/services/published-ports.js';
import { serviceSections } from '../../../src/live/status/service-sections.js';
import type { ServicePart } from '../../../src/live/services/service-part.js';
import { type ServiceChange, ServiceChangeKind, type ServiceSet, type Topology } from '../../../src/overlay/index.js';
import { MemoryWire } from '../memory-underlay.js';
import { Running, settle } from '../running-node.js';
import { segmentsToVip, swarm } from './swarm.js';

/** A node with services, over a wire in memory. */
class Served {
  readonly running: Running;
  readonly services: LiveServices;
  readonly told: string[] = [];
  now = 1;

  constructor(topology: Topology) {
    this.running = new Running(withoutBalancers(topology), 'node1', new MemoryWire());
    this.services = new LiveServices({
      node: this.running.node,
      arena: this.running.arena,
      clock: () => this.now,
      random: (bytes) => void bytes.fill(7),
      tell: (text) => this.told.push(text),
    });
    this.update(topology);
  }

  update(topology: Topology): void {
    this.running.node.update(topology);
    this.services.update(topology.services);
  }

  /** Sends the first segments of connections, and returns how many each backend has got. */
  connect(count: number): Record<string, number> {
    this.running.port('busybox').outgoing.push(...segmentsToVip().slice(0, count));
    settle(this.running);
    const [network] = this.services.counts();
    return Object.fromEntries(
      network.services.flatMap(({ backends }) => backends.map(({ task, opened }) => [task, opened])),
    );
  }
}

/** `Running` attaches a list to each endpoint; load balancers come with the first update. */
function withoutBalancers(topology: Topology): Topology {
  return { ...topology, endpoints: topology.endpoints.filter(({ kind }) => kind !== 'balancer') };
}

const TASK1 = { node: 'node1', ip: '10.0.9.3' };
const TASK2 = { node: 'node2', ip: '10.0.9.4' };

describe("a node's services", () => {
  test('attach a load balancer for each network that the node has one on', () => {
    const served = new Served(swarm());
    assert.deepEqual(
      served.services.balancers.map(({ endpoint, network, front }) => [endpoint, network, front]),
      [['lb-my-network@node1', 'my-network', undefined]],
    );
    assert.deepEqual(served.connect(2), { 'my-web.1': 1, 'my-web.2': 1 });
    assert.deepEqual(served.told, []);
  });

  test('of a network that has left the tables already are looked through without it', () => {
    const served = new Served(swarm());
    served.running.node.update({ ...swarm(), networks: [], endpoints: [], services: undefined });
    served.services.refresh();
    served.services.update(undefined);
    assert.deepEqual(served.services.balancers, []);
    assert.deepEqual(served.told, []);
  });

  test('keep the load balancer and its connections when tasks come and go', () => {
    const served = new Served(swarm());
    served.connect(3);
    const [{ balancer, back }] = served.services.balancers;
    served.update(swarm({ tasks: [TASK1, TASK2, { node: 'node2', ip: '10.0.9.5' }] }));
    served.update(swarm({ tasks: [TASK1, { ...TASK2, drain: true }] }));
    const [now] = served.services.balancers;
    assert.deepEqual([now.balancer === balancer, now.back === back], [true, true]);
    assert.equal(balancer.table.size, 3);
  });

  test('give a task connections once its interface is there, and none when it is gone', () => {
    const served = new Served(swarm({ tasks: [TASK2] }));
    const both = swarm({ tasks: [TASK2, TASK1] });
    served.update(both);
    assert.deepEqual(served.connect(2), { 'my-web.1': 2, 'my-web.2': 0 });
    served.running.attach('my-web.2@my-network');
    served.services.turn();
    const weights = (): Record<string, number> => {
      const [{ services }] = served.services.counts();
      return Object.fromEntries(services.flatMap(({ backends }) => backends.map(({ task, weight }) => [task, weight])));
    };
    assert.deepEqual(weights(), { 'my-web.1': 1, 'my-web.2': 1 });
    served.running.node.detach('my-web.2@my-network');
    served.services.refresh();
    assert.deepEqual(weights(), { 'my-web.1': 1, 'my-web.2': 0 });
    assert.equal(served.running.node.counters.noPort, 0);
  });

  test('detach a load balancer whose endpoint is gone, and attach it again', async () => {
    const served = new Served(swarm());
    const [{ back }] = served.services.balancers;
    const bare = swarm({
      tasks: [],
      more: { services: {}, networks: { 'my-network': { vni: 4097, subnet: '10.0.9.0/24' } } },
    });
    served.update({ ...bare, endpoints: withoutBalancers(bare).endpoints, services: undefined });
    assert.deepEqual(served.services.balancers, []);
    assert.equal(back.counters.refused, 0);
    back.send(new Uint8Array(100), 0, 100);
    assert.deepEqual(back.counters.refusedBy, { DEV_READY: 1 });
    served.update(swarm());
    assert.equal(served.services.balancers.length, 1);
    // Its task here waits for its interface.
    served.running.attach('my-web.1@my-network');
    served.services.turn();
    assert.deepEqual(served.connect(2), { 'my-web.1': 1, 'my-web.2': 1 });
    await served.services.close();
    assert.deepEqual(served.services.balancers, []);
    assert.deepEqual(served.running.arena.holders(), []);
  });

  test('show services and connections in a status', () => {
    const served = new Served(swarm({ tasks: [TASK1, { ...TASK2, drain: true }] }));
    served.connect(3);
    const sections = serviceSections(served.services, () => served.now);
    const rowsOf = (name: string): readonly object[] =>
      [...(sections.get(name)?.().rows ?? [])].filter((row) => row !== undefined);
    const [web] = rowsOf('services') as { opened: number; vip: string; backends: { task: string; weight: number }[] }[];
    assert.deepEqual([web.opened, web.vip], [3, '10.0.9.2']);
    assert.deepEqual(
      web.backends.map(({ task, weight }) => [task, weight]),
      [
        ['my-web.1', 1],
        ['my-web.2', 0],
      ],
    );
    const connections = rowsOf('connections') as { client: string; backend: string; vipPort: number }[];
    assert.equal(connections.length, 3);
    assert.ok(connections.every(({ client, backend }) => client === '10.0.9.10' && backend === '10.0.9.3'));
    assert.equal(sections.get('connections')?.().facts['total'], 3);
  });

  test('end idle connections, also where no packets arrive', () => {
    const served = new Served(swarm());
    served.connect(3);
    const [{ balancer }] = served.services.balancers;
    served.now += 59;
    served.services.check();
    assert.equal(balancer.table.size, 3);
    // IPVS's timeout of a connection that nobody answered.
    served.now += 3;
    served.services.check();
    assert.equal(balancer.table.size, 0);
  });

  test('report a problem of the records once, and again after it was gone', () => {
    const served = new Served(swarm());
    const wrong = swarm();
    const { services } = wrong;
    assert.ok(services);
    const [record] = services.records;
    const doubled = {
      ...wrong,
      services: { ...services, records: [...services.records, { ...record, endpoint: 'x', network: 'absent' }] },
    };
    served.update(doubled);
    served.update(doubled);
    assert.equal(served.told.length, 1);
    served.update(swarm());
    served.update(doubled);
    assert.equal(served.told.length, 2);
  });
});

describe('the containers of a node', () => {
  test('are its endpoints by namespace, with their networks', () => {
    const more = {
      endpoints: {
        a: { network: 'my-network', node: 'node1', ip: '10.0.9.20', netns: 'one' },
        b: { network: 'other', node: 'node1', ip: '10.0.8.20', netns: 'one' },
        c: { network: 'my-network', node: 'node2', ip: '10.0.9.21', netns: 'one' },
        d: { network: 'my-network', node: 'node1', ip: '10.0.9.22' },
      },
      networks: { 'my-network': { vni: 4097, subnet: '10.0.9.0/24' }, other: { vni: 4098, subnet: '10.0.8.0/24' } },
    };
    const found = localContainers(swarm({ tasks: [], more }), 'node1');
    assert.deepEqual(
      found.map(({ netns, networks, endpoints }) => [netns, networks, endpoints.map(({ name }) => name)]),
      [['one', ['my-network', 'other'], ['a', 'b']]],
    );
  });
});

describe('published ports', () => {
  const more = {
    networks: {
      ingress: { vni: 4096, subnet: '10.0.0.0/24', ingress: true },
      'my-network': { vni: 4097, subnet: '10.0.9.0/24' },
    },
    services: {
      web: {
        networks: ['my-network'],
        ports: ['8080:80', '53:53/udp', 'published=9090,target=90,mode=host'],
        tasks: [{ node: 'node1' }, { node: 'node2' }],
      },
    },
  };

  test('in ingress mode lead to the service on every node', () => {
    const { services } = swarm({ more });
    assert.ok(services);
    assert.deepEqual(ingressMappings(services), [
      { protocol: 'tcp', published: 8080 },
      { protocol: 'udp', published: 53 },
    ]);
  });

  test('in host mode lead to the task on this node', () => {
    const { services } = swarm({ more });
    assert.ok(services);
    const own = { protocol: 'tcp', published: 9090, target: 90, network: 'my-network' };
    assert.deepEqual(hostMappings(services, 'node1'), [{ ...own, endpoint: 'web.1' }]);
    assert.deepEqual(hostMappings(services, 'node2'), [{ ...own, endpoint: 'web.2' }]);
    assert.deepEqual(hostMappings(services, 'node3'), []);
  });
});

describe('updates one at a time', () => {
  test('skip those that a later one replaces, and go on after a failure', async () => {
    const followed: number[] = [];
    const failures: unknown[] = [];
    let release = (): void => undefined;
    const updates = new LatestUpdate<number>(
      async (value) => {
        followed.push(value);
        if (value === 1) await new Promise<void>((done) => (release = done));
        if (value === 3) throw new Error('no');
      },
      (error) => failures.push(error),
    );
    for (const value of [1, 2, 3]) updates.set(value);
    release();
    await updates.settled();
    updates.set(4);
    await updates.settled();
    assert.deepEqual([followed, failures.length], [[1, 3, 4], 1]);
  });

  test('end with the one that runs when they are closed', async () => {
    const followed: number[] = [];
    let release = (): void => undefined;
    const updates = new LatestUpdate<number>(
      async (value) => {
        followed.push(value);
        await new Promise<void>((done) => (release = done));
      },
      () => undefined,
    );
    updates.set(1);
    updates.set(2);
    const closed = updates.close();
    release();
    await closed;
    assert.deepEqual(followed, [1]);
  });
});

describe('single changes of services', () => {
  const weightsOf = ({ services }: Served): Record<string, number> =>
    Object.fromEntries(
      services
        .counts()
        .flatMap((network) => network.services.flatMap(({ backends }) => backends))
        .map(({ task, weight }) => [task, weight]),
    );
  const setOf = (topology: Topology): ServiceSet => {
    assert.ok(topology.services);
    return topology.services;
  };
  const changesTo = ({ networks, records }: ServiceSet): ServiceChange[] => [
    ...networks.map((network) => ({ kind: ServiceChangeKind.SetNetwork, network })),
    ...records.map((record) => ({ kind: ServiceChangeKind.SetRecord, record })),
  ];

  test('of a node without services give it the same as a whole set', () => {
    const served = new Served({ ...swarm(), services: undefined });
    assert.equal(served.services.set, undefined);
    served.services.applyServices(changesTo(setOf(swarm())));
    const whole = new Served(swarm());
    assert.deepEqual(served.services.set, whole.services.set);
    assert.deepEqual(served.connect(2), { 'my-web.1': 1, 'my-web.2': 1 });
    assert.deepEqual(served.told, []);
  });

  test('set labels of services, and remove them; the mesh of a set stays', () => {
    const topology = swarm({ more: { mesh: { http: [8080] } } });
    const served = new Served(topology);
    assert.deepEqual(served.services.set?.mesh, topology.services?.mesh);
    assert.deepEqual(served.services.set?.labels, []);
    const labels = { service: 'my-web', labels: { a: 'b' }, ports: [80], networks: ['my-network'] };
    served.services.applyServices([{ kind: ServiceChangeKind.SetLabels, labels }]);
    assert.deepEqual(served.services.set?.labels, [labels]);
    served.services.applyServices([{ kind: ServiceChangeKind.RemoveLabels, service: 'my-web' }]);
    assert.deepEqual(served.services.set?.labels, []);
    assert.equal(served.services.set?.mesh?.http[0], 8080);
    served.update(swarm());
    assert.equal(served.services.set?.mesh, undefined);
  });

  test('give parts the labels and the mesh of the topology that they read', () => {
    const topology = swarm({ more: { mesh: {} } });
    assert.ok(topology.services);
    const labels = [{ service: 'my-web', labels: { a: 'b' }, ports: [], networks: ['my-network'] }];
    const served = new Served({ ...topology, services: { ...topology.services, labels } });
    const seen: (ServiceSet | undefined)[] = [];
    served.services.add({
      name: 'part',
      lines: [],
      update: ({ topology: now }) => void seen.push(now.services),
      settled: () => Promise.resolve(),
      check: () => undefined,
      status: () => ({ facts: {} }),
      addMetrics: () => undefined,
      close: () => Promise.resolve(),
    });
    assert.deepEqual(seen[0]?.labels, labels);
    assert.deepEqual(seen[0].mesh, topology.services.mesh);
  });

  test('keep the connections of other tasks, and take records and networks away again', () => {
    const served = new Served(swarm());
    served.connect(3);
    const [{ balancer }] = served.services.balancers;
    const { records } = setOf(swarm());
    const remote = records.find(({ node }) => node === 'node2');
    assert.ok(remote);
    const { network, endpoint } = remote;
    served.services.applyServices([{ kind: ServiceChangeKind.SetRecord, record: { ...remote, disabled: true } }]);
    assert.deepEqual(weightsOf(served), { 'my-web.1': 1, 'my-web.2': 0 });
    served.services.applyServices([{ kind: ServiceChangeKind.RemoveRecord, network, endpoint }]);
    assert.deepEqual(weightsOf(served), { 'my-web.1': 1 });
    assert.equal(served.services.balancers[0].balancer, balancer);
    assert.ok(balancer.table.size > 0);
    served.services.applyServices([{ kind: ServiceChangeKind.RemoveNetwork, name: network }]);
    assert.deepEqual([served.services.balancers, served.services.set?.records], [[], []]);
  });

  test('of a task without its interface wait for it', () => {
    const served = new Served(swarm({ tasks: [TASK2] }));
    const both = swarm({ tasks: [TASK2, TASK1] });
    served.running.node.update(both);
    served.services.refresh();
    served.services.applyServices(changesTo(setOf(both)));
    assert.deepEqual(weightsOf(served), { 'my-web.1': 1, 'my-web.2': 0 });
    served.running.attach('my-web.2@my-network');
    served.services.turn();
    assert.deepEqual(weightsOf(served), { 'my-web.1': 1, 'my-web.2': 1 });
  });

  test('reach parts that follow them at once, and the others together within 50 ms', () => {
    const served = new Served(swarm());
    const wholes: string[] = [];
    const singles: ServiceChange[] = [];
    const part = (name: string): ServicePart => ({
      name,
      lines: [],
      update: ({ topology }) => void wholes.push(`${name} ${topology.services?.records.length}`),
      settled: () => Promise.resolve(),
      check: () => undefined,
      status: () => ({ facts: {} }),
      addMetrics: () => undefined,
      close: () => Promise.resolve(),
    });
    served.services.add(part('whole'));
    served.services.add({ ...part('single'), applyServices: (changes) => void singles.push(...changes) });
    wholes.length = 0;
    const [record] = setOf(swarm()).records;
    for (const endpoint of ['x', 'y', 'z']) {
      const added = { ...record, node: 'node2', endpoint, addresses: [Uint8Array.of(10, 0, 9, 50 + singles.length)] };
      served.services.applyServices([{ kind: ServiceChangeKind.SetRecord, record: added }]);
    }
    assert.equal(singles.length, 3);
    served.now += 0.04;
    served.services.turn();
    assert.deepEqual(wholes, []);
    served.now += 0.02;
    served.services.turn();
    served.services.turn();
    assert.deepEqual(wholes, [`whole ${setOf(swarm()).records.length + 3}`]);
  });

  test('on a network that is unknown are reported once and leave nothing behind', () => {
    const served = new Served(swarm());
    const [record] = setOf(swarm()).records;
    const before = served.services.set;
    const change = { kind: ServiceChangeKind.SetRecord, record: { ...record, network: 'absent', endpoint: 'x' } };
    served.services.applyServices([change, change]);
    served.now += 1;
    served.services.turn();
    served.services.applyServices([change]);
    served.now += 1;
    served.services.turn();
    assert.equal(served.told.length, 1);
    assert.deepEqual(served.services.set, before);
  });
});
