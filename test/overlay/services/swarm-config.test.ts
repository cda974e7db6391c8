/** The parts of a config that describe a swarm. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OverlayError, ServiceMode } from '../../../src/overlay/index.js';
import { parseConfig, parseSwarmPlan } from '../../../src/overlay/files.js';
import { formatAddress, formatPrefix } from '../../../src/overlay/prefix.js';

/** A swarm with every field. Line numbers below refer to this text. */
const EXAMPLE = `nodes:
  node1: { vtep: 192.168.50.1, advertise: 10.1.0.1 }
  node2: { advertise: 192.168.50.2, os: linux }
networks:
  ingress: { ingress: true }
  my-network:
    subnet: 10.0.9.0/24
    attachable: true
    labels: { com.example.tier: front }
    options: { com.docker.network.driver.mtu: 1300, encrypted: "" }
services:
  my-web:
    networks: { my-network: { aliases: [www] } }
    aliases: [site]
    ports: ["8080:80/tcp", "published=9090,target=90,mode=host", 53]
    tasks: [{ slot: 3, node: node2 }, { slot: 1, node: node1, state: running }]
  db: { networks: [my-network], mode: dnsrr, replicas: 2 }
endpoints:
  c1: { network: my-network, node: node1 }
  c2: { network: my-network, node: node1, ip: 10.0.9.4 }
ipam: { pools: 10.0.0.0/8, length: 24, order: lowest }
keys: [{ tag: 4, key: 4c6f72656d20697073756d20646f6c6f }]
`;

function changed(from: string, to: string): string {
  assert.ok(EXAMPLE.includes(from), `the example has no ${from}`);
  return EXAMPLE.replace(from, to);
}

describe('a config of a swarm', () => {
  test('is read as written', () => {
    const { swarm, services, waiting } = parseSwarmPlan(EXAMPLE);
    assert.deepEqual(waiting, []);
    assert.deepEqual(
      swarm.nodes.map(({ name, advertise, dataPath, os }) => [
        name,
        formatAddress(advertise),
        formatAddress(dataPath),
        os,
      ]),
      [
        ['node1', '10.1.0.1', '192.168.50.1', 'linux'],
        ['node2', '192.168.50.2', '192.168.50.2', 'linux'],
      ],
    );
    const [, network] = swarm.networks;
    assert.deepEqual(
      [network.attachable, network.internal, network.labels, network.options],
      [
        true,
        false,
        { 'com.example.tier': 'front' },
        { encrypted: true, dsr: false, vnis: [], mtu: 1224, hasMtu: true },
      ],
    );
    const [web, db] = services;
    assert.deepEqual(web.service.networks, [{ network: 'my-network', aliases: ['site', 'www'] }]);
    assert.deepEqual(
      web.ports.map(({ published, target, mode }) => [published, target, mode]),
      [
        [8080, 80, 'ingress'],
        [9090, 90, 'host'],
        [30_000, 53, 'ingress'],
      ],
    );
    assert.equal(db.service.mode, ServiceMode.DnsRr);
    assert.deepEqual(
      db.service.tasks.map(({ slot, node }) => [slot, node]),
      [
        [1, 'node1'],
        [2, 'node2'],
      ],
    );
  });

  test('gives every network of the topology its VNI, subnet and gateway, and containers their addresses', () => {
    const { networks, endpoints } = parseConfig(EXAMPLE);
    assert.deepEqual(
      networks.map(({ name, vni, subnets, gateways, encrypted, mtu }) => [
        ...[name, vni, subnets.map(formatPrefix), gateways.map(formatAddress), encrypted, mtu],
      ]),
      [
        ['ingress', 4096, ['10.0.0.0/24'], ['10.0.0.1'], false, undefined],
        ['my-network', 4097, ['10.0.9.0/24'], ['10.0.9.1'], true, 1224],
      ],
    );
    // .4 was asked for: VIP .2, tasks .3 and .5, load balancers .6 and .7, tasks .8 and .9.
    assert.deepEqual(
      endpoints.filter(({ kind }) => kind === undefined).map(({ name, ip }) => [name, ip && formatAddress(ip)]),
      [
        ['c1', '10.0.9.10'],
        ['c2', '10.0.9.4'],
      ],
    );
  });

  test('leaves a config that names all VNIs and has no services as it is', () => {
    const text = 'nodes: { a: { vtep: 192.0.2.1 } }\nnetworks: { w: { vni: 5, subnet: 10.0.0.0/24 }, v: { vni: 6 } }\n';
    assert.deepEqual(
      parseConfig(text).networks.map(({ vni, subnets, gateways }) => [vni, subnets.length, gateways.length]),
      [
        [5, 1, 0],
        [6, 0, 0],
      ],
    );
    const [w, v] = parseSwarmPlan(text).networks;
    assert.deepEqual(
      [w, v].map(({ allocation }) => allocation.subnets.map(({ vni, subnet }) => [vni, formatPrefix(subnet)])),
      [[[5, '10.0.0.0/24']], [[6, '10.0.1.0/24']]],
    );
  });

  for (const [what, text, line, says] of [
    [
      'an unknown network',
      changed('networks: [my-network]', 'networks: [my-netwrok]'),
      17,
      /no network "my-netwrok"; did you mean my-network\?/,
    ],
    [
      'an unknown node',
      changed('{ slot: 3, node: node2 }', '{ slot: 3, node: node3 }'),
      16,
      /tasks\.0\.node: there is no node "node3"/,
    ],
    ['a slot twice', changed('slot: 1', 'slot: 3'), 16, /another task has slot 3 already/],
    ['replicas that contradict the tasks', changed('aliases: [site]', 'replicas: 1'), 14, /there are 2 tasks/],
    [
      'a wrong port',
      changed('8080:80/tcp', '8080:80/icmp'),
      15,
      /services\.my-web\.ports\.0: .*none of tcp, udp and sctp/,
    ],
    ['a wrong state', changed('state: running', 'state: dead'), 16, /not a state of a task/],
    ['a service name that is no DNS label', changed('my-web:', 'my.web:'), 12, /valid as a DNS name component/],
    [
      'an unknown field of a service',
      changed('mode: dnsrr', 'mod: dnsrr'),
      17,
      /unknown field "mod"; did you mean mode\?/,
    ],
    [
      'an MTU given twice',
      changed('attachable: true', 'mtu: 1400'),
      8,
      /already set by its option com\.docker\.network\.driver\.mtu/,
    ],
    ['an MTU option that is none', changed('1300', '10'), 10, /driver\.mtu is not an MTU/],
    ['an ip-range outside', changed('attachable: true', 'ipRange: 10.0.8.0/25'), 8, /10\.0\.8\.0\/25 is outside/],
    [
      'two IPv4 subnets',
      changed('subnet: 10.0.9.0/24', 'subnet: [10.0.9.0/24, 10.0.10.0/24]'),
      7,
      /one VNI per IPv4 subnet/,
    ],
    ['a bad pool length', changed('length: 24', 'length: 7'), 21, /subnets of \/7 can't be cut/],
    [
      'an endpoint on the ingress network',
      changed('c1: { network: my-network', 'c1: { network: ingress'),
      19,
      /Could not attach to network ingress: rpc error: code = PermissionDenied desc = network ingress not manually attachable/,
    ],
    [
      'an endpoint on a network that is not attachable',
      changed('attachable: true', 'attachable: false'),
      19,
      /network my-network not manually attachable/,
    ],
    [
      'dnsrr with ingress ports',
      changed('mode: dnsrr', 'mode: dnsrr, ports: ["80"]'),
      17,
      /^line \d+, column \d+: services\.db: EndpointSpec: port published with ingress mode can't be used with dnsrr mode$/,
    ],
    [
      'a Windows node on an encrypted network',
      changed('os: linux', 'os: windows'),
      12,
      /"node2" runs Windows, and "my-network" is encrypted/,
    ],
    [
      'two gateways of a subnet',
      changed('attachable: true', 'gateway: [10.0.9.1, 10.0.9.2]'),
      8,
      /a subnet has one gateway/,
    ],
    ['the gateway as an address', changed('ip: 10.0.9.4', 'ip: 10.0.9.1'), 20, /endpoints\.c2: Address already in use/],
  ] as const) {
    test(`refuses ${what} with the line`, () => {
      assert.throws(
        () => parseConfig(text),
        (error) => {
          assert.ok(error instanceof OverlayError);
          assert.equal(error.code, 'BAD_CONFIG');
          assert.equal(error.position?.line, line, error.message);
          assert.match(error.message, says);
          return true;
        },
      );
    });
  }
});

/** The addresses of a plan: `10.0.9.2 vip web`, by network. */
function planOf(text: string): Record<string, string[]> {
  return Object.fromEntries(
    parseSwarmPlan(text).networks.map(({ request, allocation }) => [
      request.name,
      allocation.addresses.map(({ address, use, owner }) => `${formatAddress(address)} ${use} ${owner}`.trim()),
    ]),
  );
}

const PINNED = `nodes:
  node1: { vtep: 192.0.2.1 }
  node2: { vtep: 192.0.2.2 }
networks:
  ingress: { ingress: true, subnet: 10.0.0.0/24, balancers: { node2: 10.0.0.9 } }
  net: { subnet: 10.0.9.0/24, balancers: { node1: 10.0.9.3 } }
services:
  web:
    networks: [net]
    ports: ['8080:80']
    vip: 10.0.9.77
    tasks: [{ node: node1, ip: 10.0.9.5 }, { node: node2, ip: { net: 10.0.9.2, ingress: 10.0.0.2 } }]
`;

describe('pinned addresses', () => {
  test('are given to their owners, and the others get the next free ones', () => {
    assert.deepEqual(planOf(PINNED), {
      ingress: [
        ...['10.0.0.1 gateway', '10.0.0.9 load-balancer node2', '10.0.0.2 task web.2'],
        ...['10.0.0.3 load-balancer node1', '10.0.0.4 vip web', '10.0.0.5 task web.1'],
      ],
      net: [
        ...['10.0.9.1 gateway', '10.0.9.3 load-balancer node1', '10.0.9.77 vip web'],
        ...['10.0.9.5 task web.1', '10.0.9.2 task web.2', '10.0.9.4 load-balancer node2'],
      ],
    });
  });

  for (const [what, from, to, line, says] of [
    [
      'an address for two tasks',
      'net: 10.0.9.2,',
      'net: 10.0.9.5,',
      12,
      /tasks\.1\.ip\.net: Address already in use \(task web\.1\)$/,
    ],
    ['a VIP that a task has', '10.0.9.77', '10.0.9.5', 12, /Address already in use \(VIP of web\)$/],
    ['the gateway as a VIP', '10.0.9.77', '10.0.9.1', 11, /Address already in use \(the gateway\)$/],
    ['an address outside the network', 'node1: 10.0.9.3', 'node1: 10.0.8.3', 6, /requested address is out of range/],
    ['an IPv6 address', '10.0.9.77', '"fd00::1"', 11, /vip: fd00::1 is not an IPv4 address/],
    ['the balancer of an unknown node', 'node1: 10.0.9.3', 'node3: 10.0.9.3', 6, /balancers\.node3: there is no node/],
    [
      'an address on another network',
      'ip: { net',
      'ip: { nte',
      12,
      /there is no network of the service "nte"; did you/,
    ],
    ['one text for two networks', 'networks: [net]', 'networks: [net, ingress]', 11, /the service is on net, ingress/],
    ['a VIP with dnsrr', "ports: ['8080:80']", 'mode: dnsrr', 11, /a service with mode: dnsrr has no virtual IP/],
  ] as const) {
    test(`can't be ${what}, which is refused with the line`, () => {
      assert.ok(PINNED.includes(from));
      assert.throws(
        () => parseConfig(PINNED.replace(from, to)),
        (error) => {
          assert.ok(error instanceof OverlayError);
          assert.match(error.message, says);
          assert.equal(error.position?.line, line, error.message);
          return true;
        },
      );
    });
  }
});

describe('tasks', () => {
  /** Slot and node of each task of a service, with * for one that is draining. */
  function tasksOf(service: string, node2 = '{ vtep: 192.0.2.2 }'): string[] {
    const { services } =
      parseSwarmPlan(`nodes: { node1: { vtep: 192.0.2.1 }, node2: ${node2}, node3: { vtep: 192.0.2.3 } }
networks: { net: {} }
services: { web: { networks: [net], ${service} } }
`);
    return services[0].service.tasks.map(({ slot, node = '-', drain }) => `${slot} ${node}${drain ? ' *' : ''}`);
  }

  test('listed are joined by as many as replicas lacks, on the nodes with the fewest', () => {
    assert.deepEqual(tasksOf('replicas: 5, tasks: [{ node: node1 }, { node: node1, slot: 4 }]'), [
      ...['1 node1', '4 node1', '2 node2', '3 node3', '5 node2'],
    ]);
    assert.deepEqual(tasksOf('replicas: 4'), ['1 node1', '2 node2', '3 node3', '4 node1']);
    assert.deepEqual(tasksOf('replicas: 0'), []);
    assert.deepEqual(tasksOf('tasks: []'), []);
  });

  test('that drain or have ended are replaced, and keep their slots', () => {
    const listed =
      'replicas: 2, tasks: [{ node: node1, drain: true }, { node: node2, state: failed }, { node: node3 }]';
    assert.deepEqual(tasksOf(listed), ['1 node1 *', '2 node2', '3 node3', '4 node1']);
  });

  test('of a drained node drain if they are listed; it gets no others', () => {
    const drained = '{ vtep: 192.0.2.2, availability: drain }';
    assert.deepEqual(tasksOf('tasks: [{ node: node1 }, { node: node2 }]', drained), ['1 node1', '2 node2 *']);
    assert.deepEqual(tasksOf('replicas: 3', drained), ['1 node1', '2 node3', '3 node1']);
    assert.deepEqual(tasksOf('deploy: global', drained), ['node1 node1', 'node3 node3']);
    assert.deepEqual(tasksOf('deploy: global, tasks: [{ node: node2 }]', drained), [
      ...['node2 node2 *', 'node1 node1', 'node3 node3'],
    ]);
  });

  test('of a global service are one per node, named after it', () => {
    assert.deepEqual(tasksOf('deploy: global'), ['node1 node1', 'node2 node2', 'node3 node3']);
    const { services } = parseConfig(
      'nodes: { n1: { vtep: 192.0.2.1 } }\nnetworks: { net: {} }\nservices: { web: { networks: [net], deploy: global } }\n',
    );
    assert.deepEqual(
      services?.records.map(({ name }) => name),
      ['web.n1'],
    );
    assert.throws(() => tasksOf('deploy: global, replicas: 2'), /replicas can only be used with replicated mode/);
    assert.throws(() => tasksOf('deploy: global, tasks: [{ slot: 2, node: node1 }]'), /have no slots/);
    assert.throws(() => tasksOf('deploy: global, tasks: [{}]'), /a task of a global service needs its node/);
    assert.throws(
      () => tasksOf('deploy: global, tasks: [{ node: node1 }, { node: node1 }]'),
      /another task is on node1 already/,
    );
  });

  test('without any node that takes them are not assigned', () => {
    const text = 'nodes: { n1: { vtep: 192.0.2.1, availability: drain } }\nnetworks: { net: {} }\n';
    const { services } = parseSwarmPlan(`${text}services: { web: { networks: [net] } }\n`);
    assert.deepEqual(
      services[0].service.tasks.map(({ node }) => node),
      [undefined],
    );
  });
});
