/** A node's services: from records to names and load balancers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Compatibility,
  parseIp,
  type PublishedPort,
  type ServiceNetworkSet,
  type ServiceRecord,
  type ServiceSet,
} from '../../../src/overlay/index.js';
import { parseConfig } from '../../../src/overlay/files.js';
import { formatAddress } from '../../../src/overlay/prefix.js';
import { DnsClient, NodeServices, ResolutionKind, Resolver } from '../../../src/service/index.js';
import { queryOf } from '../dns/messages.js';
import { connect, reconnect, resume } from './frames.js';

const OWN = '10.0.9.7';
const VIP = '10.0.9.2';
const NETWORK: ServiceNetworkSet = {
  ...{ name: 'net', ingress: false, internal: false, dsr: false },
  balancers: { node1: parseIp(OWN) },
};
const INGRESS: ServiceNetworkSet = {
  ...{ name: 'ingress', ingress: true, internal: false, dsr: false },
  balancers: { node1: parseIp('10.0.0.2') },
};

interface TaskFields {
  readonly vip?: string | undefined;
  readonly service?: string;
  readonly id?: string;
  readonly disabled?: boolean;
  readonly network?: string;
  readonly ports?: readonly PublishedPort[];
  readonly aliases?: readonly string[];
}

/** A task of `web` on net, unless the fields say otherwise. */
function task(name: string, address: string, fields: TaskFields = {}): ServiceRecord {
  const { service = 'web', id = `id of ${service}`, network = 'net', ports = [], aliases = [] } = fields;
  const vip = 'vip' in fields ? fields.vip : VIP;
  return {
    ...{ network, endpoint: name, name, node: 'node2', addresses: [parseIp(address)] },
    service: { id, name: service, vip: vip === undefined ? undefined : parseIp(vip), aliases, ports },
    ...(fields.disabled === undefined ? {} : { disabled: fields.disabled }),
  };
}

function container(name: string, address: string): ServiceRecord {
  return { network: 'net', endpoint: name, name, node: 'node1', addresses: [parseIp(address)] };
}

function published(...ports: number[]): PublishedPort[] {
  return ports.map((port) => ({ protocol: 'tcp', target: 80, published: port, mode: 'ingress' }));
}

function setOf(records: readonly ServiceRecord[], networks: readonly ServiceNetworkSet[] = [NETWORK]): ServiceSet {
  return { networks, records, gateway: undefined, compatibility: 'docker' };
}

function nodeWith(records: readonly ServiceRecord[], compatibility: Compatibility = 'docker'): NodeServices {
  const node = new NodeServices({ node: 'node1', compatibility, maxConnections: 1000 });
  node.update(setOf(records));
  return node;
}

/** The backend of each of so many new connections to a VIP. */
function picks(node: NodeServices, count: number, vip = VIP): (string | undefined)[] {
  return Array.from({ length: count }, () => connect(node.balancer('net'), OWN, vip).backend);
}

/** The addresses that a name has for a container on a network. */
function addresses(node: NodeServices, name: string, network = 'net'): string[] {
  const client = new DnsClient(node.names, { networks: [network] });
  const resolution = new Resolver().resolve(client, queryOf(name), 'udp');
  if (resolution.kind !== ResolutionKind.Answer) return [];
  const { answer } = resolution;
  const count = (answer[6] << 8) | answer[7];
  // Each answer ends with its address, and they have one length.
  const question = 12 + name.length + 2 + 4;
  const length = (answer.length - question) / (count || 1);
  return Array.from({ length: count }, (_, i) => {
    const end = question + (i + 1) * length;
    return formatAddress(answer.subarray(end - 4, end));
  }).sort();
}

describe("a node's services", () => {
  test("pick backends in Docker's order: the record that came last is first", () => {
    const node = nodeWith([task('web.1', '10.0.9.3'), task('web.2', '10.0.9.4'), task('web.3', '10.0.9.5')]);
    assert.deepEqual(node.problems, []);
    assert.deepEqual(picks(node, 4), ['10.0.9.5', '10.0.9.4', '10.0.9.3', '10.0.9.5']);
  });

  test('are found by names: the VIP, the tasks, each task, plain containers', () => {
    const node = nodeWith([
      task('web.1', '10.0.9.3', { aliases: ['www'] }),
      task('web.2', '10.0.9.4'),
      container('c', '10.0.9.9'),
    ]);
    for (const [name, expected] of [
      ['web', [VIP]],
      ['www', [VIP]],
      ['tasks.web', ['10.0.9.3', '10.0.9.4']],
      ['web.2', ['10.0.9.4']],
      ['c', ['10.0.9.9']],
    ] as const) {
      assert.deepEqual(addresses(node, name), expected);
    }
  });

  test('with DNS round-robin have no load balancing', () => {
    const node = nodeWith([
      task('web.1', '10.0.9.3', { vip: undefined }),
      task('web.2', '10.0.9.4', { vip: undefined }),
    ]);
    assert.deepEqual(addresses(node, 'web'), ['10.0.9.3', '10.0.9.4']);
    assert.deepEqual(node.counts()[0].services, []);
  });

  test('give no new connections to a disabled task, which keeps those it has', () => {
    const records = [task('web.1', '10.0.9.3'), task('web.2', '10.0.9.4')];
    const node = nodeWith(records);
    const connection = connect(node.balancer('net'), OWN, VIP);
    assert.equal(connection.backend, '10.0.9.4');
    node.set({ ...records[1], disabled: true });
    assert.deepEqual(picks(node, 3), ['10.0.9.3', '10.0.9.3', '10.0.9.3']);
    assert.equal(resume(node.balancer('net'), OWN, VIP, connection), '10.0.9.4');
    assert.deepEqual(addresses(node, 'tasks.web'), ['10.0.9.3']);
    node.set(records[1]);
    assert.equal(picks(node, 2).includes('10.0.9.4'), true);
  });

  test('go with their last task, VIP and names included', () => {
    const node = nodeWith([task('web.1', '10.0.9.3'), task('web.2', '10.0.9.4')]);
    assert.equal(node.remove('net', 'web.1'), true);
    assert.equal(node.remove('net', 'web.1'), false);
    assert.deepEqual(picks(node, 2), ['10.0.9.4', '10.0.9.4']);
    node.remove('net', 'web.2');
    assert.deepEqual(node.counts()[0].services, []);
    assert.deepEqual([picks(node, 1), addresses(node, 'web'), node.size], [[undefined], [], 0]);
  });

  test('count by service, backend and task', () => {
    const node = nodeWith([task('web.1', '10.0.9.3'), task('web.2', '10.0.9.4', { disabled: true })]);
    picks(node, 3);
    const [{ network, balancer, connections, accounting, services }] = node.counts();
    assert.deepEqual([network, balancer, connections, accounting?.received], ['net', OWN, 3, 3]);
    const [{ name, vip, published: ports, opened, packetsIn, backends }] = services;
    assert.deepEqual([name, vip, ports, opened, packetsIn], ['web', VIP, [], 3, 3]);
    assert.deepEqual(
      backends.map((one) => [one.task, one.node, one.address, one.weight, one.opened]),
      [
        ['web.2', 'node2', '10.0.9.4', 0, 0],
        ['web.1', 'node2', '10.0.9.3', 1, 3],
      ],
    );
  });

  test('with DSR are forwarded directly: the packet keeps the VIP', () => {
    const node = new NodeServices({ node: 'node1', maxConnections: 1000 });
    node.update(setOf([task('web.1', '10.0.9.3')], [{ ...NETWORK, dsr: true }]));
    assert.deepEqual(picks(node, 1), [VIP]);
  });
});

describe('the ingress network', () => {
  const records = [task('web.1', '10.0.0.5', { network: 'ingress', vip: '10.0.0.4', ports: published(8080) })];

  test("balances published ports on the load balancer's addresses, and the VIP, and has no names", () => {
    const node = new NodeServices({ node: 'node1', maxConnections: 1000 });
    node.update(setOf(records, [INGRESS]), '172.18.0.2');
    const balancer = node.balancer('ingress');
    assert.equal(connect(balancer, '172.18.0.2', '172.18.0.2', 8080).backend, '10.0.0.5');
    assert.equal(connect(balancer, '10.0.0.2', '10.0.0.2', 8080).backend, '10.0.0.5');
    assert.equal(connect(balancer, '10.0.0.2', '10.0.0.4', 8080).backend, '10.0.0.5');
    assert.equal(connect(balancer, '172.18.0.2', '172.18.0.2', 8081).backend, undefined);
    assert.deepEqual(addresses(node, 'web', 'ingress'), []);
    assert.deepEqual(node.counts()[0].services[0].published, ['8080/tcp']);
  });

  test('follows a change of the ports, without an effect on connections', () => {
    const node = new NodeServices({ node: 'node1', maxConnections: 1000 });
    node.update(setOf(records, [INGRESS]));
    const balancer = node.balancer('ingress');
    const connection = connect(balancer, '10.0.0.2', '10.0.0.2', 8080);
    node.set(task('web.1', '10.0.0.5', { network: 'ingress', vip: '10.0.0.4', ports: published(9090) }));
    assert.equal(connect(balancer, '10.0.0.2', '10.0.0.2', 8080).backend, undefined);
    assert.equal(connect(balancer, '10.0.0.2', '10.0.0.2', 9090).backend, '10.0.0.5');
    assert.equal(resume(balancer, '10.0.0.2', '10.0.0.2', connection, 8080), '10.0.0.5');
  });
});

describe('an update', () => {
  test('touches only what changed', () => {
    const records = [task('web.1', '10.0.9.3'), task('db.1', '10.0.9.5', { service: 'db', vip: '10.0.9.8' })];
    const node = nodeWith(records);
    const balancer = node.balancer('net');
    const connection = connect(balancer, OWN, '10.0.9.8');
    node.update(setOf([...records.map((one) => ({ ...one })), task('web.2', '10.0.9.4')]));
    assert.equal(node.balancer('net'), balancer);
    assert.equal(node.record('net', 'db.1'), records[1]);
    assert.equal(resume(balancer, OWN, '10.0.9.8', connection), '10.0.9.5');
    assert.deepEqual(picks(node, 2), ['10.0.9.4', '10.0.9.3']);
    node.update(setOf([records[1]]));
    assert.deepEqual([picks(node, 1), node.size], [[undefined], 1]);
    node.update(undefined);
    assert.deepEqual([node.balancer('net'), node.size, node.names.size], [undefined, 0, 0]);
  });

  test('creates the load balancer when the node gets an address, and replaces it when that changes', () => {
    const node = new NodeServices({ node: 'node1', maxConnections: 1000 });
    const records = [task('web.1', '10.0.9.3'), task('web.2', '10.0.9.4')];
    node.update(setOf(records, [{ ...NETWORK, balancers: {} }]));
    assert.equal(node.balancer('net'), undefined);
    assert.deepEqual(addresses(node, 'web'), [VIP]);
    node.update(setOf(records));
    const first = node.balancer('net');
    assert.deepEqual(picks(node, 3), ['10.0.9.4', '10.0.9.3', '10.0.9.4']);
    node.update(setOf(records, [{ ...NETWORK, balancers: { node1: parseIp('10.0.9.70') } }]));
    assert.notEqual(node.balancer('net'), first);
    assert.equal(connect(node.balancer('net'), '10.0.9.70', VIP).backend, '10.0.9.4');
    node.update(setOf(records, [{ ...NETWORK, balancers: {} }]));
    assert.deepEqual([node.balancer('net'), [...node.balancers]], [undefined, []]);
  });

  test('rebuilds a network that is now of another kind, with its records', () => {
    const node = nodeWith([task('web.1', '10.0.9.3')]);
    node.setNetwork({ ...NETWORK, internal: true });
    assert.deepEqual([picks(node, 1), addresses(node, 'web'), node.size], [['10.0.9.3'], [VIP], 1]);
  });

  test('from a config gives what the config says', () => {
    const { services } = parseConfig(`nodes: { node1: { vtep: 192.0.2.1 }, node2: { vtep: 192.0.2.2 } }
networks: { net: { subnet: 10.0.9.0/24 } }
services: { web: { networks: [net], tasks: [{ node: node1 }, { node: node2, drain: true }, { node: node2 }] } }
`);
    const node = new NodeServices({ node: 'node1', maxConnections: 1000 });
    assert.deepEqual(node.update(services), []);
    const own = node.counts()[0].balancer ?? '';
    const chosen = [1, 2, 3].map(() => connect(node.balancer('net'), own, VIP).backend);
    assert.deepEqual(chosen, ['10.0.9.5', '10.0.9.3', '10.0.9.5']);
  });
});

describe('churn', () => {
  test('of one task leaves the others and other services as they are: state, counters and connections', () => {
    const services = Array.from({ length: 200 }, (_, i) => {
      const fields = { service: `s${i}`, vip: `10.0.${20 + (i >> 7)}.${i & 127}` };
      return [1, 2, 3].map((slot) => task(`s${i}.${slot}`, `10.1.${i}.${slot}`, fields));
    });
    const node = nodeWith(services.flat());
    const vips = services.map(([one]) => (one.service?.vip === undefined ? '' : formatAddress(one.service.vip)));
    const connections = vips.map((vip) => connect(node.balancer('net'), OWN, vip));
    const others = (): unknown => node.counts()[0].services.filter(({ name }) => name !== 's7');
    const before = others();
    for (let round = 0; round < 50; round++) {
      assert.equal(node.set(task('s7.4', '10.1.7.4', { service: 's7', vip: vips[7] })), true);
      node.set({ ...task('s7.4', '10.1.7.4', { service: 's7', vip: vips[7] }), disabled: true });
      node.remove('net', 's7.4');
    }
    assert.deepEqual(others(), before);
    for (const [i, connection] of connections.entries()) {
      assert.equal(resume(node.balancer('net'), OWN, vips[i], connection), `10.1.${i}.3`);
    }
    // The next connection of each goes on in the scheduler's order.
    for (const [i, vip] of vips.entries()) assert.equal(picks(node, 1, vip)[0], `10.1.${i}.2`);
  });
});

describe('records that contradict each other', () => {
  const other = { service: 'api' };

  test('claim one VIP: in Docker the service that came last has it, and the other again after it', () => {
    const node = nodeWith([task('web.1', '10.0.9.3'), task('api.1', '10.0.9.4', other)]);
    assert.deepEqual(node.problems, ['10.0.9.2 on "net" is the VIP of "web" and of "api": "api" has it']);
    assert.deepEqual(
      [picks(node, 2), addresses(node, 'web'), addresses(node, 'api')],
      [...[['10.0.9.4', '10.0.9.4'], [VIP], [VIP]]],
    );
    node.remove('net', 'api.1');
    assert.deepEqual([picks(node, 1), node.problems], [['10.0.9.3'], []]);
  });

  test('claim one VIP: improved, the first keeps it, and the other is found by its tasks until it is free', () => {
    const node = nodeWith([task('web.1', '10.0.9.3'), task('api.1', '10.0.9.4', other)], 'improved');
    assert.deepEqual(node.problems, ['10.0.9.2 on "net" is the VIP of "web" and of "api": "web" has it']);
    const connection = connect(node.balancer('net'), OWN, VIP);
    assert.equal(connection.backend, '10.0.9.3');
    assert.deepEqual([addresses(node, 'web'), addresses(node, 'api')], [[VIP], ['10.0.9.4']]);
    node.remove('net', 'web.1');
    assert.deepEqual([picks(node, 1), addresses(node, 'api'), node.problems], [['10.0.9.4'], [VIP], []]);
  });

  test('change hands without an effect on connections', () => {
    const node = nodeWith([task('web.1', '10.0.9.3')]);
    const connection = connect(node.balancer('net'), OWN, VIP);
    node.set(task('api.1', '10.0.9.4', other));
    assert.equal(resume(node.balancer('net'), OWN, VIP, connection), '10.0.9.3');
    assert.deepEqual(picks(node, 1), ['10.0.9.4']);
  });

  test('give a VIP to a task as well (moby 41668): in Docker both have it', () => {
    const node = nodeWith([task('web.1', '10.0.9.3'), container('c', VIP)]);
    assert.deepEqual(node.problems, ['10.0.9.2 on "net" is the VIP of "web" and the address of "c"']);
    assert.deepEqual([picks(node, 1), addresses(node, 'c')], [['10.0.9.3'], [VIP]]);
    node.remove('net', 'c');
    assert.deepEqual(node.problems, []);
  });

  test('give a VIP to a task as well: improved, whoever came first has it until it goes', () => {
    const vipFirst = nodeWith([task('web.1', '10.0.9.3'), container('c', VIP)], 'improved');
    assert.deepEqual(vipFirst.problems, [
      '10.0.9.2 on "net" is the VIP of "web" and the address of "c": "c" is left out',
    ]);
    assert.deepEqual([picks(vipFirst, 1), addresses(vipFirst, 'c')], [['10.0.9.3'], []]);
    vipFirst.remove('net', 'web.1');
    assert.deepEqual([addresses(vipFirst, 'c'), vipFirst.problems], [[VIP], []]);

    const taskFirst = nodeWith([container('c', VIP), task('web.1', '10.0.9.3')], 'improved');
    assert.deepEqual(taskFirst.problems, [
      '10.0.9.2 on "net" is the VIP of "web" and the address of "c": "web" has none',
    ]);
    assert.deepEqual(
      [picks(taskFirst, 1), addresses(taskFirst, 'web'), addresses(taskFirst, 'c')],
      [...[[undefined], ['10.0.9.3'], [VIP]]],
    );
    taskFirst.remove('net', 'c');
    assert.deepEqual([picks(taskFirst, 1), addresses(taskFirst, 'web')], [['10.0.9.3'], [VIP]]);
  });

  for (const [compatibility, winner, backend] of [
    ['docker', 'api', '10.0.0.6'],
    ['improved', 'web', '10.0.0.5'],
  ] as const) {
    test(`publish one port: ${compatibility}, ${winner} has it`, () => {
      const node = new NodeServices({ node: 'node1', compatibility, maxConnections: 1000 });
      const fields = { network: 'ingress', ports: published(8080) };
      const problems = node.update(
        setOf(
          [
            task('web.1', '10.0.0.5', { ...fields, vip: '10.0.0.4' }),
            task('api.1', '10.0.0.6', { ...fields, ...other, vip: '10.0.0.9' }),
          ],
          [INGRESS],
        ),
      );
      assert.deepEqual(problems, [`port 8080/tcp is published by "web" and "api": "${winner}" has it`]);
      assert.equal(connect(node.balancer('ingress'), '10.0.0.2', '10.0.0.2', 8080).backend, backend);
      node.remove('ingress', `${winner}.1`);
      assert.deepEqual(node.problems, []);
      assert.equal(
        connect(node.balancer('ingress'), '10.0.0.2', '10.0.0.2', 8080).backend,
        winner === 'web' ? '10.0.0.6' : '10.0.0.5',
      );
    });
  }

  test('leave it to the compatibility whether a client that reuses its port gets a backend that is leaving', () => {
    for (const [compatibility, expected] of [
      ['docker', true],
      ['improved', false],
    ] as const) {
      const records = [task('web.1', '10.0.9.3'), task('web.2', '10.0.9.4')];
      const node = nodeWith(records, compatibility);
      const first = connect(node.balancer('net'), OWN, VIP);
      const leaving = records.find(({ addresses: [address] }) => formatAddress(address) === first.backend);
      assert.ok(leaving !== undefined);
      node.set({ ...leaving, disabled: true });
      assert.equal(reconnect(node.balancer('net'), OWN, VIP, first) === first.backend, expected, compatibility);
    }
  });

  test('give two tasks of a service one address: it stays a backend until both are gone', () => {
    const node = nodeWith([task('web.1', '10.0.9.3'), task('web.2', '10.0.9.3', { disabled: true })]);
    assert.deepEqual(picks(node, 2), ['10.0.9.3', '10.0.9.3']);
    node.remove('net', 'web.1');
    assert.deepEqual(picks(node, 1), [undefined]);
    node.set(task('web.2', '10.0.9.3'));
    assert.deepEqual(picks(node, 1), ['10.0.9.3']);
  });

  test('change the VIP of a service: Docker keeps the first, improved follows', () => {
    const moved = task('web.2', '10.0.9.4', { vip: '10.0.9.22' });
    const docker = nodeWith([task('web.1', '10.0.9.3'), moved]);
    assert.deepEqual([picks(docker, 2), picks(docker, 1, '10.0.9.22')], [['10.0.9.4', '10.0.9.3'], [undefined]]);
    const improved = nodeWith([task('web.1', '10.0.9.3'), moved], 'improved');
    assert.deepEqual([picks(improved, 2), picks(improved, 1, '10.0.9.22')], [['10.0.9.3', '10.0.9.3'], ['10.0.9.4']]);
    assert.deepEqual(addresses(improved, 'web'), [VIP, '10.0.9.22']);
  });
});

describe('records that are wrong', () => {
  test('are refused, counted and named, and never throw', () => {
    const bad: readonly [ServiceRecord, string][] = [
      [{ ...task('a', '10.0.9.3'), network: 'nowhere' }, '"a" on "nowhere": its network is unknown'],
      [
        { ...task('b', '10.0.9.3'), addresses: [new Uint8Array(3)] },
        '"b" on "net": an address has neither 4 nor 16 bytes',
      ],
      [
        { ...task('c', '10.0.9.3'), addresses: [1, 2, 3].map(() => parseIp('10.0.9.3')) },
        '"c" on "net": it has 3 addresses',
      ],
      [task('d', '10.0.9.3', { ports: published(70_000) }), '"d" on "net": 70000 is not a port'],
      [
        { ...task('e\n', '10.0.9.3'), service: { id: 's', name: 's', vip: new Uint8Array(5) } },
        '"e\\n" on "net": its VIP has neither 4 nor 16 bytes',
      ],
    ];
    const node = nodeWith(bad.map(([record]) => record));
    assert.deepEqual([...node.problems].sort(), bad.map(([, text]) => text).sort());
    assert.deepEqual([node.refused, node.size, node.counts()[0].services], [bad.length, 0, []]);
    node.update(setOf([]));
    assert.deepEqual([node.problems, node.refused], [[], bad.length]);
  });

  test('replace a good one by nothing', () => {
    const node = nodeWith([task('web.1', '10.0.9.3')]);
    assert.equal(node.set({ ...task('web.1', '10.0.9.3'), addresses: [new Uint8Array(1)] }), false);
    assert.deepEqual([picks(node, 1), node.size, addresses(node, 'web')], [[undefined], 0, []]);
    assert.equal(node.set(task('web.1', '10.0.9.3')), true);
    assert.deepEqual([picks(node, 1), node.problems], [['10.0.9.3'], []]);
  });

  test('are bounded: records over the limit are refused, and at most 1,024 are named', () => {
    const node = new NodeServices({ node: 'node1', maxConnections: 1000, maxRecords: 2 });
    node.setNetwork(NETWORK);
    for (let i = 0; i < 3000; i++) node.set(task(`web.${i}`, '10.0.9.3'));
    assert.deepEqual([node.size, node.refused, node.problems.length], [2, 2998, 1024]);
    assert.equal(node.problems[0], '"web.2" on "net": there are too many records');
  });

  test('without a usable address have names only', () => {
    const node = nodeWith([{ ...task('web.1', '10.0.9.3'), addresses: [parseIp('fd00::3')] }]);
    assert.deepEqual([picks(node, 1), node.problems], [[undefined], []]);
  });
});
