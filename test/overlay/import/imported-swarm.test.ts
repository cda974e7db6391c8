/** A swarm with its services from the output of Docker's inspect commands, recorded with fixtures/docker. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type DumpFile, importSwarm } from '../../../src/overlay/files.js';
import {
  EndpointKind,
  formatPublishedPort,
  formatPrefix,
  NodeTables,
  OverlayError,
  parsePublishedPort,
} from '../../../src/overlay/index.js';
import { formatIp, formatMac, macOfIpv4 } from '../../../src/wire/index.js';
import { fixture } from '../../repository.js';

const FILES = [
  'swarm/network-inspect-verbose.node1.json',
  'swarm/service-inspect.json',
  'swarm/task-inspect.json',
  'swarm/node-inspect.json',
  'swarm/container-inspect.node1.json',
  'swarm/container-inspect.node2.json',
  'node1.network-inspect.json',
  'node2.network-inspect.json',
] as const;

function file(name: (typeof FILES)[number]): DumpFile {
  return { name, text: readFileSync(fixture(`docker/${name}`), 'utf8') };
}

/** What the swarm had, written down by hand from its tables. */
interface Recorded {
  readonly nodes: readonly { readonly name: string; readonly address: string }[];
  readonly networks: readonly {
    readonly name: string;
    readonly subnet: string;
    readonly vni: number;
    readonly ingress: boolean;
  }[];
  readonly services: readonly {
    readonly name: string;
    readonly networks: readonly string[];
    readonly ports: readonly string[];
    readonly vips: Readonly<Record<string, string>>;
    readonly tasks: readonly {
      readonly slot: number;
      readonly node: string;
      readonly addresses: Readonly<Record<string, string>>;
    }[];
  }[];
  readonly loadBalancers: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const recorded = JSON.parse(readFileSync(fixture('services/20.10-swarm.json'), 'utf8')) as Recorded;
const all = FILES.map(file);
const ipText = (ip: Uint8Array | undefined): string => (ip === undefined ? '' : formatIp(ip.length === 4 ? 4 : 6, ip));

/** The kind of the error that a text gives, and its message. */
function refusal(...files: readonly DumpFile[]): string {
  try {
    importSwarm(files);
  } catch (error) {
    assert.ok(error instanceof OverlayError, String(error));
    assert.equal(error.code, 'BAD_IMPORT');
    return error.message;
  }
  return assert.fail('nothing was refused');
}

/** A file with one document changed. */
function changed(name: (typeof FILES)[number], change: (document: never, index: number) => void): DumpFile {
  const documents = JSON.parse(file(name).text) as never[];
  documents.forEach(change);
  return { name, text: JSON.stringify(documents) };
}

describe('a swarm imported from the output of inspect commands', () => {
  const { topology, warnings, former } = importSwarm(all);
  const services = topology.services ?? assert.fail('no services');

  test('has the nodes, networks and load balancers of the recorded swarm', () => {
    assert.deepEqual(warnings, ['network my-secret is encrypted, but there are no keys']);
    assert.deepEqual(former, []);
    assert.deepEqual(
      topology.nodes.map(({ name, vtep }) => ({ name, address: ipText(vtep) })),
      recorded.nodes,
    );
    assert.deepEqual(
      topology.networks.map(({ name, vni, subnets }) => [name, vni, formatPrefix(subnets[0])]),
      recorded.networks.map(({ name, vni, subnet }) => [name, vni, subnet]),
    );
    assert.deepEqual(
      services.networks.map(({ name, ingress }) => [name, ingress]),
      recorded.networks.map(({ name, ingress }) => [name, ingress]),
    );
    const balancers = services.networks.map(({ name, balancers: found }) => [
      name,
      Object.fromEntries(Object.entries(found).map(([node, ip]) => [node, ipText(ip)])),
    ]);
    assert.deepEqual(Object.fromEntries(balancers), recorded.loadBalancers);
  });

  test('has a record of each task on each network, with its virtual IP, node, ports and short container id', () => {
    const expected = recorded.services.flatMap(({ name, vips, tasks, ports }) =>
      tasks.flatMap(({ slot, node, addresses }) =>
        Object.entries(addresses).map(([network, ip]) => ({
          task: `${name}.${slot}`,
          network,
          node,
          ip,
          vip: vips[network] ?? '',
          ports: network === 'ingress' ? ports.flatMap(parsePublishedPort).map(formatPublishedPort) : [],
        })),
      ),
    );
    const found = services.records.map(({ name, network, node, addresses, service }) => ({
      task: name.slice(0, name.lastIndexOf('.')),
      network,
      node,
      ip: ipText(addresses[0]),
      vip: ipText(service?.vip),
      ports: (service?.ports ?? []).map(formatPublishedPort),
    }));
    const key = ({ network, ip }: { network: string; ip: string }): string => `${network} ${ip}`;
    const byKey = (a: { network: string; ip: string }, b: { network: string; ip: string }): number =>
      key(a) < key(b) ? -1 : 1;
    assert.deepEqual(found.sort(byKey), expected.sort(byKey));
    const web = services.records.find(({ name }) => name === 'my-web.3.y2gci1cjm3eatro16fwxn5iaj');
    assert.deepEqual(web?.aliases, ['3cac2caa9985']);
    assert.match(web.endpoint, /^cf915d80cf44/);
  });

  test('has the settings of docker_gwbridge', () => {
    const { gateway } = services;
    assert.ok(gateway !== undefined);
    assert.deepEqual(
      { ...gateway, subnet: formatPrefix(gateway.subnet), gateway: ipText(gateway.gateway) },
      {
        name: 'docker_gwbridge',
        subnet: '172.18.0.0/16',
        gateway: '172.18.0.1',
        mtu: 1500,
        icc: false,
        masquerade: true,
      },
    );
  });

  test("has every task and load balancer as an endpoint with Docker's MAC, and works as a node's tables", () => {
    assert.equal(topology.endpoints.length, services.records.length + 8);
    for (const { ip, mac } of topology.endpoints) {
      assert.equal(formatMac(mac), formatMac(macOfIpv4(ip ?? assert.fail('no address'))));
    }
    const balancers = topology.endpoints.filter(({ kind }) => kind === EndpointKind.Balancer);
    assert.deepEqual(
      balancers.filter(({ network }) => network < 2).map(({ id, ip }) => `${id ?? ''} ${ipText(ip)}`),
      [
        'lb-ingress@node1 10.0.0.2',
        'lb-ingress@node2 10.0.0.3',
        'lb-my-network@node2 10.0.9.6',
        'lb-my-network@node1 10.0.9.7',
      ],
    );
    const clear = { ...topology, networks: topology.networks.map((one) => ({ ...one, encrypted: false })) };
    assert.equal(new NodeTables(clear, 'node1').node, 0);
  });

  test('is the same in any order, from one file, and with everything twice', () => {
    const same = (files: readonly DumpFile[]): void => {
      const again = importSwarm(files);
      assert.deepEqual(again.topology, topology);
      assert.deepEqual(again.warnings, warnings);
    };
    same([...all].reverse());
    same([...all, ...all]);
    // Without the files' borders, containers still say which node each network is of.
    same([{ name: 'all', text: all.map(({ text }) => text).join('') }]);
  });

  test('takes what docker inspect of tasks shows where no docker network inspect is given', () => {
    const files = (['swarm/service-inspect.json', 'swarm/task-inspect.json', 'swarm/node-inspect.json'] as const).map(
      file,
    );
    const half = importSwarm(files);
    assert.deepEqual(half.topology.networks, topology.networks);
    const names = (of: Pick<typeof half, 'topology'>): string[] =>
      (of.topology.services?.records ?? []).map(({ name, network, node, service, addresses }) =>
        [name, network, node, ipText(addresses[0]), ipText(service?.vip)].join(' '),
      );
    assert.deepEqual(names(half), names({ topology }));
    assert.match(half.warnings.join('\n'), /the load balancer of my-network on node1 is unknown/);
    assert.match(half.warnings.join('\n'), /no output shows docker_gwbridge/);
  });

  test('names nodes by their address where no docker node inspect is given, or as docker service ps does', () => {
    const networks = file('swarm/network-inspect-verbose.node1.json');
    const alone = importSwarm([networks]);
    assert.deepEqual(
      alone.topology.nodes.map(({ name }) => name),
      ['192.168.50.1', '192.168.50.2'],
    );
    assert.match(alone.warnings.join('\n'), /protocol of its ports isn't shown/);
    const line = { ID: 'y2gci1cjm3ea', Name: 'my-web.3', Node: 'node2', CurrentState: 'Running 2 hours ago' };
    const named = importSwarm([networks, { name: 'ps', text: JSON.stringify(line) }]);
    assert.deepEqual(
      named.topology.nodes.map(({ name }) => name),
      ['192.168.50.1', 'node2'],
    );
  });

  test("says that other nodes' tasks are missing without --verbose and docker inspect of tasks", () => {
    const files = (
      ['node1.network-inspect.json', 'swarm/container-inspect.node1.json', 'swarm/node-inspect.json'] as const
    ).map(file);
    const { warnings: said, topology: half } = importSwarm(files);
    assert.match(
      said.join('\n'),
      /only the tasks of the inspected nodes are known: give docker network inspect --verbose/,
    );
    assert.ok(half.endpoints.length > 0 && half.endpoints.every(({ node }) => node === 0));
    const whose = importSwarm([file('node1.network-inspect.json'), file('swarm/node-inspect.json')]);
    assert.match(whose.warnings.join('\n'), /nothing says which node's docker network inspect of my-network this is/);
  });
});

describe('tasks and nodes that are gone', () => {
  type Task = { ID: string; Status: { State: string }; DesiredState: string; Slot: number };
  type NodeEntry = { ID: string; Status: { State: string; Addr: string } };

  test('a task that has ended has no record, and its address is remembered', () => {
    const tasks = changed('swarm/task-inspect.json', (task: Task) => {
      if (task.ID === '32c81zgcrusx1zkzb5cermub4') task.Status.State = 'shutdown';
    });
    const { topology, former } = importSwarm([
      tasks,
      file('swarm/service-inspect.json'),
      file('swarm/node-inspect.json'),
    ]);
    const found = topology.services?.records.filter(({ service }) => service?.name === 'my-web') ?? [];
    assert.deepEqual(
      found.map(({ name }) => name.slice(0, 8)),
      ['my-web.3', 'my-web.1', 'my-web.3', 'my-web.1'],
    );
    assert.deepEqual(
      former.map(({ name, network, ip }) => `${name} ${network} ${ipText(ip)}`),
      ['my-web.2 ingress 10.0.0.7', 'my-web.2 my-network 10.0.9.5'],
    );
  });

  test('a task that is shutting down has a disabled record, and one that is starting none', () => {
    const tasks = changed('swarm/task-inspect.json', (task: Task) => {
      if (task.ID.startsWith('32c8')) task.DesiredState = 'shutdown';
      if (task.ID.startsWith('y2gc')) task.Status.State = 'preparing';
    });
    const { topology } = importSwarm([tasks, file('swarm/service-inspect.json'), file('swarm/node-inspect.json')]);
    const found = topology.services?.records.filter(({ network, name }) => network === 'ingress' && name !== '') ?? [];
    assert.deepEqual(
      found.map(({ name, disabled }) => [name.slice(0, 8), disabled ?? false]),
      [
        ['my-web.1', false],
        ['my-web.2', true],
      ],
    );
  });

  test('labels of services come with the TCP ports that they publish, and their networks without the ingress network', () => {
    assert.equal(importSwarm(all).topology.services?.labels, undefined);
    const labels = { 'com.docker.lb.hosts': 'app.example.org' };
    const services = changed('swarm/service-inspect.json', (service: { Spec: { Name: string; Labels?: object } }) => {
      if (service.Spec.Name === 'my-web') service.Spec.Labels = labels;
    });
    const files = all.map((one) => (one.name === 'swarm/service-inspect.json' ? services : one));
    assert.deepEqual(importSwarm(files).topology.services?.labels, [
      { service: 'my-web', labels, ports: [80], networks: ['my-network'], isImported: true },
    ]);
  });

  test('a node that left and joined again under its old address counts once', () => {
    const nodes = changed('swarm/node-inspect.json', () => undefined);
    const [first] = JSON.parse(nodes.text) as NodeEntry[];
    const old = { ...first, ID: 'old', Status: { ...first.Status, State: 'down' } };
    const { topology, warnings } = importSwarm([{ name: 'old', text: JSON.stringify(old) }, ...all]);
    assert.equal(topology.nodes.length, 2);
    assert.equal(warnings.length, 1);
  });

  test('the data-path address that tasks are behind is the VTEP, not the advertised one', () => {
    const nodes = changed('swarm/node-inspect.json', (node: NodeEntry) => {
      if (node.Status.Addr === '192.168.50.2') node.Status.Addr = '10.9.9.9';
    });
    const { topology } = importSwarm([nodes, ...all.filter(({ name }) => name !== nodes.name)]);
    assert.deepEqual(
      topology.nodes.map(({ vtep }) => ipText(vtep)),
      ['192.168.50.1', '192.168.50.2'],
    );
  });
});

describe('contradictions and bad input', () => {
  test('an address that two tasks claim belongs to the first, with a warning', () => {
    const verbose = file('swarm/network-inspect-verbose.node1.json');
    const text = verbose.text.replace('"EndpointIP": "10.0.9.5"', '"EndpointIP": "10.0.9.4"');
    const { warnings } = importSwarm([...all.filter(({ name }) => name !== verbose.name), { ...verbose, text }]);
    assert.match(warnings.join('\n'), /10\.0\.9\.4 of my-network belongs to my-web\.1\.\S+ and to my-web\.2/);
  });

  test('two versions of a service: the newer one counts; the same version twice is reported', () => {
    type Entry = { Version: { Index: number }; Endpoint: { VirtualIPs?: { Addr: string }[] } };
    const change = (by: number): DumpFile =>
      changed('swarm/service-inspect.json', (entry: Entry) => {
        entry.Version.Index += by;
        for (const vip of entry.Endpoint.VirtualIPs ?? []) vip.Addr = vip.Addr.replace(/\.2\//, '.99/');
      });
    const vip = (files: readonly DumpFile[]): string =>
      ipText(
        importSwarm(files).topology.services?.records.find(({ network }) => network === 'my-network')?.service?.vip,
      );
    assert.equal(vip([change(1), ...all]), '10.0.9.99');
    assert.equal(vip([change(-1), ...all]), '10.0.9.2');
    assert.match(importSwarm([...all, change(0)]).warnings.join('\n'), /appears twice, with different values/);
  });

  for (const [what, text, message] of [
    ['text that is no JSON', '[\n{"ID": x}]', /^bad: line 2: not JSON: unexpected/],
    [
      'an empty file',
      '',
      /^bad: no output of docker network, service, task, node or container inspect; .* an empty file/,
    ],
    ['a foreign document', '{"hello": 1}', /^bad: no output of docker network/],
    [
      'a name that is a number',
      '{"ID":"a","Spec":{"Name":5,"TaskTemplate":{}}}',
      /^bad: line 1: .*service inspect \(Spec\.Name/,
    ],
    [
      'a port out of range',
      '{"ID":"a","Spec":{"Name":"b","TaskTemplate":{}},"Endpoint":{"Ports":[{"TargetPort":70000}]}}',
      /TargetPort/,
    ],
    ['a slot of 1e300', '{"ID":"a","ServiceID":"b","Slot":1e300}', /Slot/],
    [
      'an address of a node that is none',
      '{"ID":"a","Description":{"Hostname":"n"},"Status":{"Addr":"x"}}',
      /^node n: /,
    ],
    [
      'a task on an address that is none',
      file('swarm/task-inspect.json').text.replace('10.0.10.2/24', '10.0.10.2.1/24'),
      /^task \w+: /,
    ],
    [
      'a network without an address',
      '[{"Name":"n","Driver":"overlay","IPAM":{"Config":[{"Subnet":"10.0.0.0/99"}]}}]',
      /network n: not a subnet/,
    ],
    ['nesting without end', '['.repeat(100_000), /nested more than/],
  ] as const) {
    test(`refuses ${what}`, () => {
      assert.match(refusal({ name: 'bad', text }, file('swarm/node-inspect.json')), message);
    });
  }

  test('refuses dumps without a node or without an overlay network', () => {
    assert.match(
      refusal(file('swarm/service-inspect.json')),
      /no output shows a node's address: give docker node inspect/,
    );
    assert.match(refusal(file('swarm/node-inspect.json')), /no output shows an overlay network with its VNI/);
  });

  test('names what it skips, without control characters', () => {
    const odd = { name: 'odd', text: '{"\\u001b[31m": 1}\n' + file('swarm/node-inspect.json').text };
    const { warnings } = importSwarm([odd, ...all]);
    const said = warnings.find((line) => line.startsWith('odd')) ?? '';
    assert.match(said, /^odd: line 1: not output of a known inspect command \(it has .*u001b.*\): skipped/);
    // eslint-disable-next-line no-control-regex -- what must not be there
    assert.doesNotMatch(said, /\u001b/);
  });

  test('survives any value in the place of another', () => {
    const values: unknown[] = [];
    const walk = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, member] of Object.entries(value)) {
        values.push([value, key]);
        walk(member);
      }
    };
    const names = [
      'swarm/network-inspect-verbose.node1.json',
      'swarm/service-inspect.json',
      'swarm/task-inspect.json',
      'swarm/node-inspect.json',
    ] as const;
    const documents = names.map(file).map(({ text }) => {
      // Several arrays, one after another.
      return JSON.parse(`[${text.replace(/\n\]\s*\n\[/g, '\n],\n[')}]`) as unknown;
    });
    documents.forEach(walk);
    fc.assert(
      fc.property(fc.nat(values.length - 1), fc.jsonValue(), (at, value) => {
        const [owner, key] = values[at] as [Record<string, unknown>, string];
        const before = owner[key];
        owner[key] = value;
        const files = documents.map((document, i) => ({
          name: names[i],
          text: (document as unknown[]).map((one) => JSON.stringify(one)).join('\n'),
        }));
        owner[key] = before;
        try {
          importSwarm(files);
        } catch (error) {
          assert.ok(error instanceof OverlayError, String((error as Error).stack));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('reads 20,000 tasks in a few seconds', () => {
    const [template] = JSON.parse(file('swarm/task-inspect.json').text) as Record<string, unknown>[];
    const attachment = (template['NetworksAttachments'] as Record<string, unknown>[])[0];
    const tasks = Array.from({ length: 20_000 }, (_, i) => ({
      ...template,
      ID: `task${i}`,
      NetworksAttachments: [{ ...attachment, Addresses: [`10.0.${10 + (i >> 8)}.${i & 255}/16`] }],
    }));
    const started = performance.now();
    const { topology } = importSwarm([{ name: 'many', text: JSON.stringify(tasks) }, ...all]);
    assert.ok(topology.endpoints.length > 19_000);
    assert.ok(performance.now() - started < 10_000, `${performance.now() - started} ms`);
  });
});
