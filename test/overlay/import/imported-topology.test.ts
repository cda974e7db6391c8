/** A topology from the reports of Docker and the kernel in a real swarm, recorded with fixtures/docker. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { importTopology, type NodeImport, parseSwarmKeys } from '../../../src/overlay/files.js';
import { PathMtu } from '../../../src/overlay/index.js';
import { formatIpv4, formatMac } from '../../../src/wire/index.js';
import { fixture } from '../../repository.js';
import { observe, replay } from '../../replay/run.js';

const text = (name: string): string => readFileSync(fixture(`docker/${name}`), 'utf8');
const { ring } = parseSwarmKeys(text('swarm-keys.txt'));

function node(n: 1 | 2): NodeImport {
  return {
    name: `node${n}`,
    vtep: `192.168.50.${n}`,
    networks: text(`node${n}.network-inspect.json`),
    fdb: text(`node${n}.fdb.txt`),
    neighbours: text(`node${n}.neigh.txt`),
  };
}

describe('a topology imported from docker network inspect, bridge fdb and ip neigh', () => {
  const { topology, warnings } = importTopology([node(1), node(2)], ring);

  test('has the overlay networks with their VNIs, without warnings', () => {
    assert.deepEqual(warnings, []);
    assert.deepEqual(
      topology.networks.map(({ name, vni, encrypted }) => [name, vni, encrypted]),
      [
        ['ingress', 4096, false],
        ['my-mtu', 4098, false],
        ['my-network', 4097, false],
        ['my-secret', 4099, true],
      ],
    );
  });

  test('has the MTUs that Docker set: 1450, 1250 and 1424', () => {
    const pathMtu = new PathMtu(topology, 0);
    assert.deepEqual(
      topology.networks.map((_, network) => pathMtu.inner(network, 1)),
      [1450, 1250, 1450, 1424],
    );
  });

  for (const [recording, keys] of [
    ['06-mtu-1300', undefined],
    ['07-encrypted', '07-encrypted.xfrm.txt'],
  ] as const) {
    test(`sends the frames of docker/${recording} to the same VTEPs as recorded`, async () => {
      const path = fixture(`docker/${recording}.underlay.pcap`);
      const opened = keys === undefined ? undefined : fixture(`docker/${keys}`);
      const seen = (await observe(path, opened)).topology({
        profile: 'swarm',
        encrypted: false,
        mtu: 1500,
        ring: undefined,
      });
      assert.ok(seen.endpoints.length >= 2);
      for (const endpoint of seen.endpoints) {
        const { vni } = seen.networks[endpoint.network];
        const known = topology.endpoints.find(
          ({ mac, network }) => formatMac(mac) === formatMac(endpoint.mac) && topology.networks[network].vni === vni,
        );
        assert.ok(known !== undefined, formatMac(endpoint.mac));
        assert.equal(formatIpv4(topology.nodes[known.node].vtep), formatIpv4(seen.nodes[endpoint.node].vtep));
      }
      const result = await replay(path, {
        topology,
        encrypted: true,
        ...(opened === undefined ? {} : { keys: opened }),
      });
      assert.ok(result.balanced && result.exact > 50);
      assert.deepEqual([result.exact, result.missing, result.changed], [result.frames, 0, 0]);
    });
  }

  test("a single node's FDB and neighbours yield the other node's endpoints", () => {
    const second = { name: 'node2', vtep: '192.168.50.2' };
    const { topology: half, warnings: said } = importTopology([node(1), second], ring);
    assert.match(said.join('\n'), /node2: no docker network inspect/);
    const locations = (of: typeof half): string[] =>
      of.endpoints.map(({ mac, node: home }) => `${formatMac(mac)} ${home}`).sort();
    assert.deepEqual(locations(half), locations(topology));
  });

  test('reports missing keys, and missing neighbours of FDB entries', () => {
    const { neighbours, ...deaf } = node(1);
    assert.notEqual(neighbours, undefined);
    const said = importTopology([deaf, { name: 'node2', vtep: '192.168.50.2' }]).warnings.join('\n');
    assert.match(said, /network my-secret is encrypted, but there are no keys/);
    assert.match(said, /no neighbour entry says which network 02:42:0a:00:/);
  });

  for (const [name, json, message] of [
    ['no JSON', '{', /^n, docker network inspect: line 1: not JSON: truncated: 1 unclosed bracket/],
    ['another command’s', '[{"Id": 1}]', /not output of docker network inspect/],
    [
      'no VNI',
      '[{"Name":"x","Driver":"overlay"}]',
      /network x: it has no com.docker.network.driver.overlay.vxlanid_list/,
    ],
    ['no overlay network', '[{"Name":"x","Driver":"bridge"}]', /no docker network inspect contains an overlay network/],
  ] as const) {
    test(`is rejected with the reason: ${name}`, () => {
      assert.throws(() => importTopology([{ name: 'n', vtep: '192.0.2.1', networks: json }]), {
        code: 'BAD_IMPORT',
        message,
      });
    });
  }
});

const LIST = 'com.docker.network.driver.overlay.vxlanid_list';

interface Inspected {
  readonly name?: string;
  readonly subnets?: readonly string[];
  readonly options?: Record<string, string> | null;
  /** Name, MAC and IPv4 address of containers. */
  readonly containers?: readonly (readonly [string, string, string])[];
  readonly peers?: readonly string[];
  readonly scope?: string;
}

/** A network in the format of `docker network inspect`. */
function inspected(what: Inspected = {}): unknown {
  const {
    name = 'web',
    subnets = ['10.0.9.0/24'],
    options = { [LIST]: '4097' },
    containers = [],
    scope = 'swarm',
  } = what;
  return {
    Name: name,
    Scope: scope,
    Driver: 'overlay',
    IPAM: { Config: subnets.map((Subnet) => ({ Subnet, Gateway: Subnet.replace(/0\/24$/, '1') })) },
    Containers: Object.fromEntries(
      containers.map(([Name, MacAddress, IPv4Address], i) => [
        `id${i}`,
        { Name, MacAddress, IPv4Address, IPv6Address: '' },
      ]),
    ),
    Options: options,
    ...(what.peers === undefined ? {} : { Peers: what.peers.map((IP) => ({ Name: 'x', IP })) }),
  };
}

const FIRST = ['web1', '02:42:0a:00:09:03', '10.0.9.3/24'] as const;
const SECOND = ['web2', '02:42:0a:00:09:04', '10.0.9.4/24'] as const;
const FDB = '02:42:0a:00:09:04 dev vxlan0 dst 192.0.2.2 link-netnsid 0 self permanent\n';
const NEIGH = '10.0.9.4 dev vxlan0 lladdr 02:42:0a:00:09:04 PERMANENT \n';

interface Said {
  readonly first?: readonly Inspected[];
  readonly second?: readonly Inspected[];
  readonly fdb?: string;
  readonly neighbours?: string;
}

/** Two nodes: the first with tables, both with networks. */
function twoNodes({
  first = [{ containers: [FIRST] }],
  second = [{ containers: [SECOND] }],
  ...tables
}: Said): ReturnType<typeof importTopology> {
  return importTopology([
    { name: 'a', vtep: '192.0.2.1', networks: JSON.stringify(first.map(inspected)), ...tables },
    { name: 'b', vtep: '192.0.2.2', networks: JSON.stringify(second.map(inspected)) },
  ]);
}

const said = (what: Said): string => twoNodes(what).warnings.join('\n');

describe('imports that contradict each other', () => {
  test('that agree cause no warning', () => {
    assert.equal(said({ fdb: FDB, neighbours: NEIGH }), '');
  });

  test('on encryption are an error in either order, by name and by VNI', () => {
    const secret = { options: { [LIST]: '4097', encrypted: '' }, containers: [SECOND] };
    const message = /network \S+ is encrypted on b and not on a: the outputs contradict each other/;
    assert.throws(() => twoNodes({ second: [secret] }), { code: 'BAD_IMPORT', message });
    assert.throws(() => twoNodes({ first: [secret], second: [{}] }), { message: /encrypted on a and not on b/ });
    assert.throws(() => twoNodes({ second: [{ ...secret, options: { [LIST]: '5000', encrypted: '' } }] }), { message });
    assert.throws(() => twoNodes({ second: [{ ...secret, name: 'other' }] }), { message });
  });

  test('on encryption are also an error if a manager without tasks lists no VNI', () => {
    const taskless = { options: { encrypted: '' } };
    const message = /network web is encrypted on b and not on a: the outputs contradict each other/;
    assert.throws(() => twoNodes({ second: [taskless] }), { code: 'BAD_IMPORT', message });
    assert.throws(() => twoNodes({ first: [taskless], second: [{ containers: [SECOND] }] }), {
      code: 'BAD_IMPORT',
      message: /network web is encrypted on a and not on b/,
    });
    const secret = { options: { [LIST]: '4097', encrypted: '' }, containers: [SECOND] };
    assert.throws(() => twoNodes({ first: [{ options: null }], second: [secret] }), { message: /on b and not on a/ });
    assert.equal(said({ first: [taskless], second: [secret] }), 'network web is encrypted, but there are no keys');
  });

  test('on the VNI are detected despite a manager that lists none', () => {
    const other = { options: { [LIST]: '5000' } };
    assert.match(
      said({ first: [{ options: null }, { containers: [FIRST] }], second: [other] }),
      /web has VNI 4097 on a and 5000 on b/,
    );
    assert.doesNotMatch(said({ second: [{ options: null }] }), /has VNI/);
  });

  test('on the MTU: the smallest is used', () => {
    const small = { options: { [LIST]: '4097', 'com.docker.network.driver.mtu': '1400' }, containers: [SECOND] };
    const { topology, warnings } = twoNodes({ second: [small] });
    assert.equal(topology.networks[0].mtu, 1350);
    assert.match(warnings.join(), /web has an MTU of 1450 on a and of 1350 on b: 1350 is used/);
  });

  test('rejects an inner MTU below the minimum of interfaces', () => {
    const mtu = 'com.docker.network.driver.mtu';
    for (const [options, left] of [
      [{ [LIST]: '4097', [mtu]: '117' }, 67],
      [{ [LIST]: '4097', [mtu]: '68', encrypted: '' }, -8],
    ] as const) {
      assert.throws(() => twoNodes({ second: [{ options }] }), {
        code: 'BAD_IMPORT',
        message: new RegExp(`driver\\.mtu leaves ${left} bytes, below the minimum MTU of 68`),
      });
    }
    assert.equal(twoNodes({ first: [{ options: { [LIST]: '4097', [mtu]: '118' } }] }).topology.networks[0].mtu, 68);
  });

  test('on the VNI: both networks exist, separately, in either order', () => {
    const { topology, warnings } = twoNodes({ second: [{ options: { [LIST]: '5000' }, containers: [SECOND] }] });
    assert.deepEqual(
      topology.networks.map(({ name, vni }) => [name, vni]),
      [
        ['web', 4097],
        ['web (VNI 5000)', 5000],
      ],
    );
    assert.deepEqual(
      topology.endpoints.map(({ network }) => network),
      [0, 1],
    );
    assert.match(warnings.join(), /web has VNI 4097 on a and 5000 on b: no traffic passes between them/);
  });

  test('on names and subnets of one VNI', () => {
    assert.match(said({ second: [{ name: 'other' }] }), /VNI 4097 is web on a and other on b/);
    assert.match(
      said({ second: [{ subnets: ['10.0.8.0/24'] }] }),
      /web has different subnets on a and b: a's are used/,
    );
  });

  for (const [what, fdb, warning] of [
    [
      'a wrong VTEP that is a node',
      FDB.replace('.2.2', '.2.1'),
      /a: bridge fdb has 02:42:0a:00:09:04 of web \(web2\) on 192\.0\.2\.1 \(a\), but docker network inspect has it on b, which is used/,
    ],
    [
      'a wrong VTEP that is not a node',
      FDB.replace('.2.2', '.2.9'),
      /02:42:0a:00:09:04 of web \(web2\) on 192\.0\.2\.9, but/,
    ],
    [
      'a row of the bridge only',
      '02:42:0a:00:09:04 dev vxlan0 master br0\n',
      /no self row with a dst for 02:42:0a:00:09:04 of web \(web2 on b\): its kernel drops frames to it \(the bridge has one/,
    ],
    ['no row', '33:33:00:00:00:01 dev br0 self permanent\n', /no self row with a dst for 02:42:0a:00:09:04/],
    ['two rows', FDB + FDB.replace('.2.2', '.2.9'), /02:42:0a:00:09:04 of web at several VTEPs: the first is used/],
    [
      'a row for its own container',
      FDB + FDB.replace(':04', ':03'),
      /02:42:0a:00:09:03 .*on 192\.0\.2\.2 \(b\), but .* has it on this node itself/,
    ],
  ] as const) {
    test(`on the forwarding table: ${what}; Docker's report is used`, () => {
      const { topology, warnings } = twoNodes({ fdb, neighbours: NEIGH });
      assert.match(warnings.join('\n'), warning);
      assert.equal(warnings.length, 1, warnings.join('\n'));
      assert.deepEqual(
        topology.endpoints.map(({ name, node }) => [name, node]),
        [
          ['web1', 0],
          ['web2', 1],
        ],
      );
    });
  }

  test('on the forwarding table: the listed node does not have the endpoint', () => {
    const stale = FDB + FDB.replace(':04', ':07');
    const { topology, warnings } = twoNodes({
      fdb: stale,
      neighbours: NEIGH + NEIGH.replace('9.4', '9.7').replace(':04', ':07'),
    });
    assert.match(
      warnings.join('\n'),
      /^a: bridge fdb has 02:42:0a:00:09:07 of web on b, whose docker network inspect doesn't list it$/,
    );
    assert.equal(topology.endpoints.length, 3);
  });

  test('on neighbours: none, or another MAC', () => {
    assert.match(said({ neighbours: NEIGH.replace('9.4', '9.5') }), /ip neigh has no entry for 10\.0\.9\.4 of web/);
    assert.match(
      said({ neighbours: NEIGH.replace(':04', ':05') }),
      /ip neigh has 10\.0\.9\.4 of web at 02:42:0a:00:09:05, but docker network inspect at 02:42:0a:00:09:04/,
    );
  });

  test('on all rows of a network: one warning, not one each', () => {
    const many = Array.from(
      { length: 30 },
      (_, i) => [`c${i}`, `02:42:0a:00:09:${10 + i}`, `10.0.9.${100 + i}/24`] as const,
    );
    const row = '33:33:00:00:00:01 dev br0 self permanent\n';
    assert.match(
      said({ second: [{ containers: many }], fdb: row }),
      /^a: bridge fdb has no row for any of the 30 endpoints that other nodes have in web: [^\n]*$/,
    );
    const others = many.map(([, mac]) => `${mac} dev vxlan0 dst 192.0.2.9 self\n`).join('');
    assert.match(said({ second: [{ containers: many }], fdb: others }), /(?:.*\n){20}10 more like the line above$/);
  });

  test('on peers: one that is not a node, and a node that is not a peer', () => {
    const peers = (list: readonly string[]): string => said({ first: [{ containers: [FIRST], peers: list }] });
    assert.equal(peers(['192.0.2.1', '192.0.2.2']), '');
    assert.match(
      peers(['192.0.2.1', '192.0.2.9']),
      /^a: network web has the peer 192\.0\.2\.9, which is not a node's VTEP$/,
    );
    assert.match(peers(['192.0.2.2']), /^a: its VTEP 192\.0\.2\.1 isn't among the peers of web/);
  });

  test('on an address or a MAC', () => {
    const copy = ['web3', '02:42:0a:00:09:05', '10.0.9.3/24'] as const;
    assert.match(said({ second: [{ containers: [copy] }] }), /^10\.0\.9\.3 of web belongs to web1 and to web3$/);
    assert.match(
      said({ second: [{ containers: [FIRST] }] }),
      /02:42:0a:00:09:03 of web is on a \(web1\) and on b \(web1\)/,
    );
  });

  test('two nodes with the same VTEP address are an error', () => {
    const node = (name: string): NodeImport => ({ name, vtep: '192.0.2.1', networks: JSON.stringify([inspected()]) });
    assert.throws(() => importTopology([node('a'), node('b')]), {
      message: /^b: a has the VTEP address 192\.0\.2\.1 already/,
    });
  });
});

describe('networks with several subnets', () => {
  const several: Inspected = {
    subnets: ['10.0.9.0/24', '10.1.9.0/24', 'fd00::/64'],
    options: { [LIST]: '4097,4098,4099' },
    containers: [FIRST, ['web2', '02:42:0a:01:09:04', '10.1.9.4/24']],
  };

  test('are one network per VNI: the i-th VNI belongs to the i-th IPv4 subnet', () => {
    const { topology } = twoNodes({ first: [several], second: [{ ...several, containers: [] }] });
    assert.deepEqual(
      topology.networks.map(({ name, vni, subnets, gateways }) => [name, vni, subnets.length, gateways.length]),
      [
        ['web (VNI 4097)', 4097, 2, 2],
        ['web (VNI 4098)', 4098, 1, 1],
      ],
    );
    assert.deepEqual(
      topology.endpoints.map(({ network }) => network),
      [0, 1],
    );
  });

  test('are found by neighbours in either subnet', () => {
    const fdb = '02:42:0a:01:09:07 dst 192.0.2.2 self permanent\n';
    const neighbours = '10.1.9.7 lladdr 02:42:0a:01:09:07 PERMANENT\n';
    const { topology } = twoNodes({ first: [several], second: [{ ...several, containers: [] }], fdb, neighbours });
    assert.deepEqual(
      topology.endpoints.map(({ network, node }) => [network, node]),
      [
        [0, 0],
        [1, 0],
        [1, 1],
      ],
    );
  });

  test('with too few VNIs are an error', () => {
    const short = { ...several, options: { [LIST]: '4097' } };
    assert.throws(() => twoNodes({ first: [short] }), { message: /network web: it has 2 IPv4 subnets but 1 VNIs/ });
  });
});

describe('real-world outputs of Docker', () => {
  const good = inspected({ containers: [FIRST] });
  const load = (networks: string, more: Partial<NodeImport> = {}): ReturnType<typeof importTopology> =>
    importTopology([{ name: 'a', vtep: '192.0.2.1', networks, ...more }]);

  for (const [what, text] of [
    [
      'two concatenated outputs',
      `${JSON.stringify([good])}\n${JSON.stringify([inspected({ name: 'x', options: { [LIST]: '5' } })])}\n`,
    ],
    [
      'one object per line',
      `${JSON.stringify(good)}\n${JSON.stringify(inspected({ name: 'x', options: { [LIST]: '5' } }))}\n`,
    ],
    [
      'prompts before and between them',
      `[root@a ~]# docker network inspect web\n${JSON.stringify([good], null, 4)}\n$ docker network inspect x\n${JSON.stringify([inspected({ name: 'x', options: { [LIST]: '5' } })])}\n[root@a ~]# \n`,
    ],
    [
      'colour, other white space, CRLF',
      `\ufeff\u001b[32m${JSON.stringify([good, inspected({ name: 'x', options: { [LIST]: '5' } })], null, 2)
        .replaceAll('\n', '\r\n')
        .replaceAll('  ', '\u00a0\u00a0')}\u001b[0m`,
    ],
  ] as const) {
    test(`are parsed: ${what}`, () => {
      assert.deepEqual(
        load(text).topology.networks.map(({ vni }) => vni),
        [4097, 5],
      );
    });
  }

  test('a network that the node does not use is skipped, and reported unless another node knows it', () => {
    const unused = inspected({ name: 'idle', subnets: [], options: null });
    const { topology, warnings } = load(JSON.stringify([good, unused]));
    assert.deepEqual(
      topology.networks.map(({ name }) => name),
      ['web'],
    );
    assert.match(warnings.join(), /^a: no task of idle runs there, so Docker doesn't know the VNI: skipped$/);
    assert.doesNotMatch(
      said({
        first: [{ containers: [FIRST] }, { name: 'idle', options: null }],
        second: [{ name: 'idle', options: { [LIST]: '6' }, subnets: [] }],
      }),
      /idle/,
    );
    assert.throws(() => load(JSON.stringify([unused])), {
      message: /network idle: it has no .*vxlanid_list; inspect it on a node that runs one of its tasks/,
    });
    const classic = inspected({ scope: 'global', options: {} });
    assert.throws(() => load(JSON.stringify([classic])), {
      message: /a network of scope global keeps its VNI in a key-value store; find the VNI in a capture/,
    });
  });

  test('without an endpoint: reported with what to add', () => {
    assert.match(
      load(JSON.stringify([inspected()])).warnings.join(),
      /no import has an endpoint: .* run it on the nodes that run the tasks/,
    );
  });

  test('containers can have any id, including __proto__', () => {
    const text = JSON.stringify([good]).replace('id0', '__proto__');
    assert.equal(load(text).topology.endpoints.length, 1);
  });

  for (const [what, text, message] of [
    [
      'cut off',
      JSON.stringify([good], null, 1).slice(0, -20),
      /^inspect\.json: line \d+: not JSON: truncated inside a string/,
    ],
    [
      'redacted',
      JSON.stringify([good], null, 1).replace('"10.0.9.0/24"', '...'),
      /^inspect\.json: line 9: not JSON: unexpected "\.\.\.," instead of a value \(is the output complete and unedited\?\)$/,
    ],
    [
      'a damaged address',
      JSON.stringify([good]).replace('10.0.9.3/24', '10.0.9/24'),
      /^inspect\.json: network web: container web1: not an IPv4 address: "10\.0\.9"$/,
    ],
    [
      'an error message',
      'Error response from daemon: network x not found',
      /^inspect\.json: not output of docker network inspect: it contains no JSON; it looks like an error message from docker$/,
    ],
    ['a container', '[{"Id": "x", "HostConfig": {}}]', /it looks like output of docker inspect of a container$/],
    ['bridge -j fdb', '[{"mac":"02:42:0a:00:09:04","flags":[]}]', /it looks like output of bridge -j fdb$/],
  ] as const) {
    test(`are rejected with the file and the location or what they look like: ${what}`, () => {
      assert.throws(() => load(text, { files: { networks: 'inspect.json' } }), { code: 'BAD_IMPORT', message });
    });
  }

  test('reports invalid addresses in tables and of VTEPs with file and line', () => {
    const tables = (more: Partial<NodeImport>): unknown =>
      load(JSON.stringify([good]), { files: { fdb: 'fdb.txt', neighbours: 'neigh.txt' }, ...more });
    assert.throws(() => tables({ fdb: FDB + FDB.replace('.2.2', '.2.') }), {
      message: /^fdb\.txt: line 2: not an IPv4 address: "192\.0\.2\."$/,
    });
    assert.throws(() => tables({ neighbours: NEIGH.replace('10.0.9.4', '10.0.9') }), {
      message: /^neigh\.txt: line 1: /,
    });
    assert.throws(() => tables({ vtep: '192.0.2.1/24' }), {
      message: /^a: its VTEP address is not an IPv4 address: "192\.0\.2\.1\/24"; omit the prefix length$/,
    });
  });

  test('IPv4 and IPv6 neighbours of one MAC, in either order: the endpoint is in the network of its IPv4 address', () => {
    const six = 'fe80::42:aff:fe00:904 dev br0 lladdr 02:42:0a:00:09:04 STALE\n';
    for (const neighbours of [NEIGH + six, six + NEIGH]) {
      const { topology } = importTopology([
        { name: 'a', vtep: '192.0.2.1', networks: JSON.stringify([good]), fdb: FDB, neighbours },
        { name: 'b', vtep: '192.0.2.2' },
      ]);
      assert.deepEqual(
        topology.endpoints.map(({ name }) => name),
        ['web1', 'web/10.0.9.4'],
      );
    }
  });

  test('many networks, endpoints and rows take linear time', () => {
    const count = 20_000;
    const address = (i: number): string => `10.${i >> 8}.${i & 255}`;
    const mac = (i: number): string =>
      `02:42:0a:${[i >> 8, i & 255, 2].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
    const all = Array.from({ length: count }, (_, i) => i);
    const networks = JSON.stringify(
      all.map((i) => inspected({ name: `n${i}`, subnets: [`${address(i)}.0/24`], options: { [LIST]: String(i) } })),
    );
    const fdb = all.map((i) => `${mac(i)} dst 192.0.2.2 self permanent\n`).join('');
    const neighbours = all.map((i) => `${address(i)}.2 lladdr ${mac(i)} PERMANENT\n`).join('');
    const before = process.cpuUsage();
    const { topology } = importTopology([
      { name: 'a', vtep: '192.0.2.1', networks, fdb, neighbours },
      { name: 'b', vtep: '192.0.2.2' },
    ]);
    assert.equal(topology.endpoints.length, count);
    assert.ok(process.cpuUsage(before).user < 20e6);
  });
});
