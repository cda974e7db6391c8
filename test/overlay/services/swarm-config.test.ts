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
      /option com\.docker\.network\.driver\.mtu says this already/,
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
