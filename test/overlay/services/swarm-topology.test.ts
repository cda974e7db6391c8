/** What a config's swarm adds to the topology: tasks and load balancers as endpoints, and records. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type Endpoint, EndpointKind, type ServiceRecord, type Topology } from '../../../src/overlay/index.js';
import { parseConfig } from '../../../src/overlay/files.js';
import { formatAddress } from '../../../src/overlay/prefix.js';
import { formatMac } from '../../../src/wire/index.js';
import { fixture } from '../../repository.js';
import { RECORDED } from '../ipam/recorded-swarm.js';

/** What `docker network inspect` shows on a node. */
interface Inspected {
  readonly Name: string;
  readonly Containers: Readonly<Record<string, Readonly<Record<'Name' | 'MacAddress' | 'IPv4Address', string>>>>;
}

function inspected(node: string): Inspected[] {
  return JSON.parse(readFileSync(fixture(`docker/${node}.network-inspect.json`), 'utf8')) as Inspected[];
}

/** The ids of the recorded tasks, by `service.slot`. */
const IDS = new Map(
  ['node1', 'node2'].flatMap((node) =>
    inspected(node).flatMap(({ Containers }) =>
      Object.values(Containers).flatMap(({ Name }): [string, string][] => {
        const [service, slot, id] = Name.split('.') as [string, string?, string?];
        return id === undefined ? [] : [[`${service}.${slot ?? ''}`, id]];
      }),
    ),
  ),
);

/** The recorded swarm as a config, without an address. */
function recordedConfig(): string {
  const { nodes, networks, services } = RECORDED;
  return JSON.stringify({
    nodes: Object.fromEntries(nodes.map(({ name, address }) => [name, { vtep: address }])),
    networks: Object.fromEntries(
      networks.map(({ name, subnet, ingress, attachable, options }) => [
        name,
        ingress ? { ingress } : { subnet, attachable, options },
      ]),
    ),
    services: Object.fromEntries(
      services.map(({ name, mode, networks: own, ports, tasks }) => [
        name,
        {
          ...{ mode, networks: own, ports, netns: '{{.Task.Name}}' },
          tasks: tasks.map(({ slot, node }) => ({ slot, node, id: IDS.get(`${name}.${slot}`) })),
        },
      ]),
    ),
    ipam: { order: 'next' },
    keys: [{ tag: 4, key: '4c6f72656d20697073756d20646f6c6f' }],
  });
}

function endpointsOf({ nodes, networks, endpoints }: Topology, node: string, network: string): Endpoint[] {
  return endpoints.filter((one) => nodes[one.node].name === node && networks[one.network].name === network);
}

function recordsOf({ services }: Topology): readonly ServiceRecord[] {
  return services?.records ?? [];
}

const SWARM = `nodes:
  node1: { vtep: 192.168.50.1 }
  node2: { vtep: 192.168.50.2 }
networks:
  ingress: { ingress: true }
  back: { subnet: 10.0.8.0/24, internal: true, options: { dsr: '' } }
  front: { subnet: 10.0.9.0/24, attachable: true }
services:
  web:
    networks: { front: { aliases: [www] }, back: }
    ports: ['8080:80/tcp', 'published=9090,target=90,mode=host']
    tasks:
      - { node: node1, id: j41qw6u3 }
      - { node: node2, drain: true }
  db: { networks: [back], mode: dnsrr, replicas: 2 }
endpoints:
  c1: { network: front, node: node1, aliases: [client, 604359bea487] }
`;

function changed(from: string, to: string): string {
  assert.ok(SWARM.includes(from), `the swarm has no ${from}`);
  return SWARM.replace(from, to);
}

describe('the recorded swarm as a topology', () => {
  test('has the recorded tasks and load balancers on each node, with their MACs and addresses', () => {
    const topology = parseConfig(recordedConfig());
    let compared = 0;
    for (const { name: node } of RECORDED.nodes) {
      for (const { Name: network, Containers } of inspected(node)) {
        if (!RECORDED.networks.some(({ name }) => name === network)) continue;
        const expected = Object.values(Containers).map(({ Name, MacAddress, IPv4Address }) => {
          const [service, slot, id] = Name.split('.') as [string, string?, string?];
          const name = id === undefined ? `lb-${network}` : `${service}.${slot ?? ''}`;
          return `${name} ${MacAddress} ${IPv4Address}`;
        });
        const actual = endpointsOf(topology, node, network).map(({ name, mac, ip, network: index }) => {
          const [{ length }] = topology.networks[index].subnets;
          return `${name} ${formatMac(mac)} ${ip === undefined ? '' : formatAddress(ip)}/${length}`;
        });
        assert.deepEqual(actual.sort(), expected.sort());
        compared += expected.length;
      }
    }
    assert.equal(compared, 20);
  });

  test('has a record of each recorded task and network, with the names and VIPs that Docker gives', () => {
    const topology = parseConfig(recordedConfig());
    const expected = RECORDED.services.flatMap(({ name, vips, tasks }) =>
      tasks.flatMap(({ slot, node, addresses }) =>
        Object.entries(addresses).map(([network, address]) => ({
          network,
          name: `${name}.${slot}.${IDS.get(`${name}.${slot}`) ?? ''}`,
          node,
          address,
          service: name,
          vip: vips[network],
          ports: network === 'ingress' ? ['8080:80'] : [],
        })),
      ),
    );
    assert.deepEqual(
      recordsOf(topology).map(({ network, name, node, addresses, service }) => ({
        network,
        name,
        node,
        address: addresses.map(formatAddress).join(),
        service: service?.name,
        vip: service?.vip && formatAddress(service.vip),
        ports: service?.ports?.map(({ published, target }) => `${published}:${target}`),
      })),
      expected,
    );
    assert.equal(expected.length, 12);
    const balancers = topology.services?.networks.map(({ name, balancers: own }) => [
      name,
      Object.fromEntries(Object.entries(own).map(([node, address]) => [node, formatAddress(address)])),
    ]);
    assert.deepEqual(Object.fromEntries(balancers ?? []), RECORDED.loadBalancers);
  });
});

describe('what a swarm adds to a topology', () => {
  test('is an endpoint for each task and load balancer on each network, with an id of its own', () => {
    const { endpoints } = parseConfig(SWARM);
    assert.deepEqual(
      endpoints.map(({ kind, name, id = name }) => `${kind ?? ''} ${id}`),
      [
        ' c1',
        ...['container web.1@ingress', 'container web.1@front', 'container web.1@back'],
        ...['container web.2@ingress', 'container web.2@front', 'container web.2@back'],
        ...['container db.1@back', 'container db.2@back'],
        ...['balancer lb-ingress@node1', 'balancer lb-ingress@node2'],
        ...['balancer lb-back@node1', 'balancer lb-back@node2', 'balancer lb-front@node1', 'balancer lb-front@node2'],
      ],
    );
    assert.equal(new Set(endpoints.map(({ id, name }) => id ?? name)).size, endpoints.length);
  });

  test('is a record for each task and network: ports in ingress mode on ingress, those in host mode elsewhere', () => {
    assert.deepEqual(
      recordsOf(parseConfig(SWARM)).map(({ network, endpoint, name, aliases, disabled, service }) => ({
        ...{ network, endpoint, name, disabled },
        aliases: service === undefined ? aliases : service.aliases,
        vip: service?.vip && formatAddress(service.vip),
        ports: service?.ports?.map(({ published, mode }) => `${published} ${mode}`),
      })),
      [
        ...['web.1', 'web.2'].flatMap((endpoint) => {
          const name = endpoint === 'web.1' ? 'web.1.j41qw6u3' : endpoint;
          const one = { endpoint, name, disabled: endpoint === 'web.2' ? true : undefined };
          return [
            { network: 'ingress', ...one, aliases: [], vip: '10.0.0.4', ports: ['8080 ingress'] },
            { network: 'front', ...one, aliases: ['www'], vip: '10.0.9.2', ports: ['9090 host'] },
            { network: 'back', ...one, aliases: [], vip: '10.0.8.2', ports: ['9090 host'] },
          ];
        }),
        ...['db.1', 'db.2'].map((name) => ({
          ...{ network: 'back', endpoint: name, name, disabled: undefined, aliases: [], vip: undefined, ports: [] },
        })),
        {
          ...{ network: 'front', endpoint: 'c1', name: 'c1', disabled: undefined, vip: undefined, ports: undefined },
          aliases: ['client', '604359bea487'],
        },
      ],
    );
  });

  test('says of each network what its load balancers must know', () => {
    const { services } = parseConfig(SWARM);
    assert.deepEqual(
      services?.networks.map(({ name, ingress, internal, dsr, balancers }) => [
        ...[name, ingress, internal, dsr],
        Object.keys(balancers).sort(),
      ]),
      [
        ['ingress', true, false, false, ['node1', 'node2']],
        ['back', false, true, true, ['node1', 'node2']],
        ['front', false, false, false, ['node1', 'node2']],
      ],
    );
  });

  test('leaves out tasks that have ended or have no node, and records of those that are not running yet', () => {
    const { endpoints, services } = parseConfig(
      changed(
        '- { node: node2, drain: true }',
        '- { node: node2, state: shutdown }\n      - {}\n      - { node: node2, state: starting }',
      ).replace(", 'published=9090,target=90,mode=host'", ''),
    );
    const names = (all: readonly { readonly name: string }[] = []): string[] =>
      [...new Set(all.map(({ name }) => name))].filter((name) => name.startsWith('web'));
    assert.deepEqual(names(endpoints), ['web.1', 'web.4']);
    assert.deepEqual(names(services?.records), ['web.1.j41qw6u3']);
  });

  test('is nothing for a config without a swarm', () => {
    const text = 'nodes: { a: { vtep: 192.0.2.1 } }\nnetworks: { w: { vni: 5, subnet: 10.0.0.0/24 } }\n';
    const topology = parseConfig(text);
    assert.equal(topology.services, undefined);
    assert.deepEqual(topology.endpoints, []);
  });

  test('says whose behaviour is followed', () => {
    assert.equal(parseConfig(SWARM).services?.compatibility, 'docker');
    assert.equal(parseConfig(`${SWARM}compatibility: improved\n`).services?.compatibility, 'improved');
  });
});

describe("a task's interfaces", () => {
  /** Node, namespace and device of each task's interfaces. */
  function interfaces(text: string): string[] {
    return parseConfig(text)
      .endpoints.filter(({ kind }) => kind === EndpointKind.Container)
      .map(({ id, netns = '-', device = '-' }) => `${id ?? ''} ${netns} ${device}`);
  }

  test('are eth0 for ingress, then one per network in order, in a namespace', () => {
    const text = changed('    tasks:', "    netns: '{{.Task.Name}}-{{ .Node.Hostname }}'\n    tasks:");
    assert.deepEqual(interfaces(text).slice(0, 3), [
      'web.1@ingress web.1-node1 eth0',
      'web.1@front web.1-node1 eth1',
      'web.1@back web.1-node1 eth2',
    ]);
  });

  test('have names made of that of the task on a host, which a task with one keeps', () => {
    assert.deepEqual(interfaces(SWARM).slice(4), [
      'web.2@front - web.2-1',
      'web.2@back - web.2-2',
      'db.1@back - -',
      'db.2@back - -',
    ]);
  });

  test('have the names that are given', () => {
    const text = changed('{ node: node1, id', '{ node: node1, netns: w1, device: { front: web0, ingress: in0 }, id');
    assert.deepEqual(interfaces(text).slice(0, 3), [
      'web.1@ingress w1 in0',
      'web.1@front w1 web0',
      'web.1@back w1 eth2',
    ]);
  });

  for (const [what, text, line, says] of [
    [
      'the name of a task for an endpoint of its node',
      changed('  c1: { network: front', '  web.1: { network: front, ip: 10.0.9.77'),
      13,
      /web\.1 of node1 has the name web\.1 already/,
    ],
    [
      'the name of a load balancer',
      changed('  c1:', '  lb-front:'),
      7,
      /lb-front of node1 has the name lb-front already/,
    ],
    [
      'the id of a task for an endpoint',
      changed('  c1:', '  web.1@back:'),
      13,
      /web\.1@back of the endpoints has the id web\.1@back already/,
    ],
    [
      'one namespace for two tasks of a node',
      changed('mode: dnsrr, replicas: 2', 'mode: dnsrr, replicas: 3, netns: db'),
      15,
      /db\.1 of node1 in db has eth0 already/,
    ],
    [
      "a MAC that is a task's",
      changed('node: node1, aliases', 'node: node1, ip: 10.0.9.50, mac: "02:42:0a:00:09:03", aliases'),
      13,
      /c1 of front has 02:42:0a:00:09:03 already/,
    ],
    [
      'the name of an interface that is none',
      changed('{ node: node1, id', '{ node: node1, device: { front: a/b }, id'),
      13,
      /tasks\.0\.device\.front: an interface name has 1 to 15 characters/,
    ],
  ] as const) {
    test(`refuses ${what} with the line`, () => {
      assert.throws(
        () => parseConfig(text),
        (error: { position?: { line: number } } & Error) => {
          assert.match(error.message, says);
          assert.equal(error.position?.line, line, error.message);
          return true;
        },
      );
    });
  }
});
