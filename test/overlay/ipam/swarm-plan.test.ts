import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  AddressUse,
  hasEnded,
  OverlayError,
  parseIp,
  parsePrefix,
  parsePublishedPort,
  planSwarm,
  readDriverOptions,
  type Service,
  type Swarm,
  SwarmAllocator,
  type SwarmNetwork,
  type SwarmNode,
  type SwarmPlan,
} from '../../../src/overlay/index.js';
import { formatAddress } from '../../../src/overlay/prefix.js';
import { askedFor, RECORDED } from './recorded-swarm.js';

function node(name: string, os: SwarmNode['os'] = 'linux'): SwarmNode {
  const address = parseIp('192.0.2.1');
  return { name, advertise: address, dataPath: address, os };
}

function network(name: string, subnet?: string, more: Partial<SwarmNetwork> = {}): SwarmNetwork {
  return {
    name,
    subnets: subnet === undefined ? [] : [{ subnet: parsePrefix(subnet) }],
    options: readDriverOptions({}),
    labels: {},
    attachable: false,
    internal: false,
    ingress: false,
    ...more,
  };
}

/** A service with tasks on nodes n1, n2 in turn. */
function service(name: string, networkName: string, replicas: number, more: Partial<Service> = {}): Service {
  return {
    name,
    mode: 'vip',
    networks: networkName === '' ? [] : [{ network: networkName, aliases: [] }],
    ports: [],
    tasks: Array.from({ length: replicas }, (_, i) => ({ slot: i + 1, node: `n${(i % 2) + 1}`, state: 'running' })),
    ...more,
  };
}

function swarm(parts: Partial<Swarm>): Swarm {
  return { nodes: [node('n1'), node('n2')], networks: [], services: [], containers: [], ...parts };
}

function addressesOf(plan: SwarmPlan, name: string): string[] {
  const planned = plan.networks.find(({ request }) => request.name === name);
  assert.ok(planned !== undefined);
  return planned.allocation.addresses.map(({ address, use, owner }) =>
    `${formatAddress(address)} ${use} ${owner}`.trim(),
  );
}

function refusal(parts: Partial<Swarm>): string {
  try {
    planSwarm(swarm(parts));
  } catch (error) {
    assert.ok(error instanceof OverlayError);
    assert.equal(error.code, 'REFUSED');
    return error.message;
  }
  return assert.fail('it was accepted');
}

describe('the recorded swarm', () => {
  test("gives every network's VNI, subnet and gateway, and every address, from the order of creation", () => {
    const plan = planSwarm(askedFor());
    assert.deepEqual(plan.waiting, []);
    let addresses = 0;
    for (const { name, subnet, gateway, vni } of RECORDED.networks) {
      const planned = plan.networks.find(({ request }) => request.name === name);
      assert.deepEqual(planned?.allocation.subnets, [
        { subnet: parsePrefix(subnet), range: parsePrefix(subnet), gateway: parseIp(gateway), vni },
      ]);
      const expected = new Map([[`${AddressUse.Gateway} `, gateway]]);
      for (const { name: owner, vips, tasks } of RECORDED.services) {
        if (name in vips) expected.set(`${AddressUse.Vip} ${owner}`, vips[name]);
        for (const { slot, addresses: own } of tasks) {
          if (name in own) expected.set(`${AddressUse.Task} ${owner}.${slot}`, own[name]);
        }
      }
      for (const [owner, address] of Object.entries(RECORDED.loadBalancers[name])) {
        expected.set(`${AddressUse.LoadBalancer} ${owner}`, address);
      }
      const given = planned.allocation.addresses;
      assert.deepEqual(
        new Map(given.map(({ use, owner, address }) => [`${use} ${owner}`, formatAddress(address)])),
        expected,
      );
      addresses += given.length;
    }
    assert.deepEqual([RECORDED.networks.length, addresses], [4, 28]);
  });

  test('gives the container attached after scaling up and down the recorded address: none is reused', () => {
    const { services, networks, nodes, pools } = askedFor();
    const allocator = new SwarmAllocator(pools);
    for (const { name } of nodes) allocator.addNode(name);
    for (const one of networks) allocator.addNetwork(one);
    for (const one of services) {
      allocator.addService(one);
      for (const { slot } of one.tasks) allocator.addTask(one.name, slot);
      for (const { slot, node: where = '' } of one.tasks) allocator.assignTask(one.name, slot, where);
    }
    const { service: scaled, slots, container } = RECORDED.afterScaling;
    for (const slot of slots) allocator.addTask(scaled, slot);
    for (const slot of [3, ...slots]) allocator.removeTask(scaled, slot);
    assert.equal(allocator.attach(container.name, container.network, container.node), true);
    const address = allocator.network(container.network).find(AddressUse.Container, container.name);
    assert.equal(address && formatAddress(address), container.address);
  });
});

describe('a plan', () => {
  test('gives an attached container its address before its node gets a load balancer, inside the ip-range', () => {
    const ranged = network('net3', undefined, {
      attachable: true,
      subnets: [
        {
          subnet: parsePrefix('10.0.12.0/24'),
          range: parsePrefix('10.0.12.128/25'),
          gateway: parseIp('10.0.12.1'),
        },
      ],
    });
    const plan = planSwarm(swarm({ networks: [ranged], containers: [{ name: 'c', network: 'net3', node: 'n1' }] }));
    assert.deepEqual(addressesOf(plan, 'net3'), [
      '10.0.12.1 gateway',
      '10.0.12.128 container c',
      '10.0.12.129 load-balancer n1',
    ]);
    // The gateway is outside the range, so it takes none of its addresses.
    assert.deepEqual(plan.networks[0].capacity, {
      addresses: 127,
      gateways: 0,
      vips: 0,
      loadBalancers: 2,
      containers: 1,
      replicas: 124,
      tasks: 0,
    });
  });

  test('shows that a /29 carries two replicas on two nodes, and which tasks wait beyond that', () => {
    const small = network('small', '10.0.9.0/29');
    const fits = planSwarm(swarm({ networks: [small], services: [service('web', 'small', 2)] }));
    assert.deepEqual(fits.waiting, []);
    assert.deepEqual(addressesOf(fits, 'small'), [
      '10.0.9.1 gateway',
      '10.0.9.2 vip web',
      '10.0.9.3 task web.1',
      '10.0.9.4 task web.2',
      '10.0.9.5 load-balancer n1',
      '10.0.9.6 load-balancer n2',
    ]);
    assert.deepEqual(fits.networks[0].capacity, {
      addresses: 6,
      gateways: 1,
      vips: 1,
      loadBalancers: 2,
      containers: 0,
      replicas: 2,
      tasks: 2,
    });
    const more = planSwarm(
      swarm({ networks: [small], services: [service('web', 'small', 2), service('db', 'small', 1)] }),
    );
    assert.deepEqual(more.waiting, [
      { use: 'vip', owner: 'db', network: 'small' },
      { use: 'task', owner: 'db.1', network: 'small' },
    ]);
  });

  test('gives a task an address on all of its networks or on none', () => {
    const both = service('web', '', 3, {
      networks: ['wide', 'small'].map((name) => ({ network: name, aliases: [] })),
      tasks: [1, 2, 3].map((slot) => ({ slot, node: undefined, state: 'pending' })),
    });
    const plan = planSwarm(
      swarm({ networks: [network('wide'), network('small', '10.0.9.0/30')], services: [{ ...both, mode: 'dnsrr' }] }),
    );
    assert.deepEqual(plan.waiting, [
      { use: 'task', owner: 'web.2', network: 'small' },
      { use: 'task', owner: 'web.3', network: 'small' },
    ]);
    assert.deepEqual(addressesOf(plan, 'wide'), ['10.0.0.1 gateway', '10.0.0.2 task web.1']);
  });

  test('leaves the addresses of ended tasks free, without giving them to later ones', () => {
    const ended = service('web', 'net', 0, {
      tasks: [
        { slot: 1, node: 'n1', state: 'shutdown' },
        { slot: 2, node: 'n2', state: 'running' },
      ],
    });
    assert.ok(hasEnded('failed') && !hasEnded('running') && !hasEnded('new'));
    const plan = planSwarm(swarm({ networks: [network('net')], services: [ended, service('db', 'net', 0)] }));
    assert.deepEqual(addressesOf(plan, 'net'), [
      '10.0.0.1 gateway',
      '10.0.0.2 vip web',
      '10.0.0.4 task web.2',
      '10.0.0.6 load-balancer n2',
      '10.0.0.7 vip db',
    ]);
  });

  test('gives one VNI per subnet, from 4096 on or as in vxlanid_list, and none twice', () => {
    const list = readDriverOptions({ 'com.docker.network.driver.overlay.vxlanid_list': '4097, 77' });
    const subnets = ['10.1.0.0/24', '10.2.0.0/24'].map((subnet) => ({ subnet: parsePrefix(subnet) }));
    const plan = planSwarm(
      swarm({
        networks: [
          network('a', undefined, { subnets }),
          network('b', undefined, { subnets: [{ subnet: parsePrefix('10.3.0.0/24') }] }),
        ],
      }),
    );
    const vnis = plan.networks.map(({ allocation }) => allocation.subnets.map(({ vni }) => vni));
    assert.deepEqual(vnis, [[4096, 4097], [4098]]);
    assert.equal(
      refusal({ networks: [network('a', undefined, { subnets }), network('b', '10.3.0.0/24', { options: list })] }),
      'requested VNI 4097 is already in use',
    );
  });

  const ingress = network('ingress', undefined, { ingress: true });
  const published = (name: string, text: string, more: Partial<Service> = {}): Service =>
    service(name, '', 0, { ports: parsePublishedPort(text), ...more });
  for (const [what, parts, says] of [
    [
      'a second ingress network',
      { networks: [ingress, network('ingress2', undefined, { ingress: true })] },
      'ingress network (ingress) is already present',
    ],
    [
      'an attachable ingress network',
      { networks: [network('ingress', undefined, { ingress: true, attachable: true })] },
      'ingress network cannot be attachable',
    ],
    [
      'a service on the ingress network',
      { networks: [ingress], services: [service('web', 'ingress', 1)] },
      'Service cannot be explicitly attached to the ingress network "ingress"',
    ],
    [
      'published ports without an ingress network',
      { services: [published('web', '80')] },
      'service needs ingress network, but no ingress network is present',
    ],
    [
      'dnsrr with ingress ports',
      { networks: [ingress], services: [published('web', '80', { mode: 'dnsrr' })] },
      "EndpointSpec: port published with ingress mode can't be used with dnsrr mode",
    ],
    [
      'a port in use as an ingress port',
      { networks: [ingress], services: [published('my-web', '8080:80'), published('web', '8080:81')] },
      "port '8080' is already in use by service 'my-web' as an ingress port",
    ],
    [
      'a port in use in host mode',
      { networks: [ingress], services: [published('a', 'published=80,target=1,mode=host'), published('b', '80:80')] },
      "port '80' is already in use by service 'a' as a host-published port",
    ],
    [
      'a port twice in one service',
      {
        networks: [ingress],
        services: [
          { ...published('a', '80:80'), ports: [...parsePublishedPort('80:80'), ...parsePublishedPort('80:81')] },
        ],
      },
      'EndpointSpec: duplicate published ports provided',
    ],
    [
      'two tasks of a node with one host port',
      {
        services: [service('a', '', 3, { ports: parsePublishedPort('published=80,target=1,mode=host') })],
      },
      'n1 has 80/tcp already: no suitable node (host-mode port already in use on 1 node)',
    ],
    [
      'overlapping pools',
      { networks: [network('a', '10.1.0.0/16'), network('b', '10.1.9.0/24')] },
      'invalid pool request: Pool overlaps with other one on this address space',
    ],
    [
      'a Windows node on an encrypted network, which Docker accepts and breaks',
      {
        nodes: [node('n1', 'windows'), node('n2')],
        networks: [network('secret', undefined, { options: readDriverOptions({ encrypted: '' }) })],
        services: [service('web', 'secret', 1)],
      },
      '"n1" runs Windows, and "secret" is encrypted: Docker on Windows ignores the option, sends VXLAN in the clear, ' +
        "which Linux nodes drop, and can't decrypt theirs",
    ],
    [
      'an address given twice',
      {
        networks: [network('a', '10.1.0.0/24', { attachable: true })],
        containers: ['c', 'd'].map((name) => ({ name, network: 'a', node: 'n1', address: parseIp('10.1.0.9') })),
      },
      'Address already in use (container c)',
    ],
  ] as const) {
    test(`refuses ${what}`, () => {
      assert.equal(refusal(parts), says);
    });
  }

  test('chooses published ports from 30000 on, for each protocol, and host ports not at all', () => {
    const ports = ['53/udp', '80', '81/tcp', 'target=82,mode=host'].flatMap(parsePublishedPort);
    const plan = planSwarm(swarm({ networks: [ingress], services: [service('a', '', 0, { ports })] }));
    assert.deepEqual(
      plan.services[0].ports.map(({ published: port }) => port),
      [30_000, 30_000, 30_001, 0],
    );
  });
});
