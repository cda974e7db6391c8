import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { dockerMac, parseConfig } from '../../src/overlay/files.js';
import { FloodPolicy, OverlayError, Profile } from '../../src/overlay/index.js';
import { formatIp, formatMac } from '../../src/wire/index.js';

const SEED = 20261121;
const KEY = '4c6f72656d20697073756d20646f6c6f';

/** The example of the docs. Line numbers below refer to this text. */
const EXAMPLE = `profile: swarm                      # or strict
nodes:
  node1: { vtep: 192.168.50.1, mac: "02:00:00:00:50:01", mtu: 1500 }
  node2: { vtep: 192.168.50.2, mac: "02:00:00:00:50:02", mtu: 1500 }
networks:
  my-network: { vni: 4097, subnet: 10.0.9.0/24, gateway: 10.0.9.1, encrypted: true }
endpoints:
  c1: { network: my-network, node: node1, ip: 10.0.9.3, mac: "02:42:0a:00:09:03" }
  c2: { network: my-network, node: node2, ip: 10.0.9.4, mac: "02:42:0a:00:09:04" }
keys:                               # as Swarm hands them out: oldest, current, next
  - { tag: 4, key: "${KEY}" }
`;

/** The example with some parts replaced. */
function changed(...changes: readonly (readonly [string, string])[]): string {
  let text = EXAMPLE;
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), `the example has no ${from}`);
    text = text.replace(from, to);
  }
  return text;
}

/** The error of a config, which must be one. */
function errorOf(text: string): OverlayError {
  try {
    parseConfig(text);
  } catch (error) {
    assert.ok(error instanceof OverlayError, String(error));
    assert.equal(error.code, 'BAD_CONFIG');
    return error;
  }
  return assert.fail('it was accepted');
}

function messageOf(text: string): string {
  return errorOf(text).message;
}

describe('a config', () => {
  test('reads acceptUnknownVteps, which must be true or false; no default is set', () => {
    assert.equal(parseConfig(EXAMPLE).acceptUnknownVteps, undefined);
    for (const value of [true, false])
      assert.equal(parseConfig(`${EXAMPLE}acceptUnknownVteps: ${value}\n`).acceptUnknownVteps, value);
    assert.match(messageOf(`${EXAMPLE}acceptUnknownVteps: maybe\n`), /acceptUnknownVteps/);
  });

  test('reads the example of the design as written', () => {
    const topology = parseConfig(EXAMPLE);
    assert.equal(topology.profile, Profile.Swarm);
    assert.equal(topology.port, 4789);
    assert.deepEqual(
      topology.nodes.map(({ name, vtep, mac, mtu }) => [name, formatIp(4, vtep), mac && formatMac(mac), mtu]),
      [
        ['node1', '192.168.50.1', '02:00:00:00:50:01', 1500],
        ['node2', '192.168.50.2', '02:00:00:00:50:02', 1500],
      ],
    );
    assert.deepEqual(topology.networks, [
      {
        name: 'my-network',
        vni: 4097,
        subnets: [{ address: Uint8Array.of(10, 0, 9, 0), length: 24 }],
        gateways: [Uint8Array.of(10, 0, 9, 1)],
        encrypted: true,
        mtu: undefined,
        flood: FloodPolicy.Drop,
        learning: false,
      },
    ]);
    assert.deepEqual(
      topology.endpoints.map(({ name, network, node, ip, mac }) => [
        name,
        network,
        node,
        ip && formatIp(4, ip),
        formatMac(mac),
      ]),
      [
        ['c1', 0, 0, '10.0.9.3', '02:42:0a:00:09:03'],
        ['c2', 0, 1, '10.0.9.4', '02:42:0a:00:09:04'],
      ],
    );
    assert.deepEqual(
      topology.ring?.keys.map((key) => [key.tag, key.use((bytes) => Buffer.from(bytes).toString('hex'))]),
      [[4, KEY]],
    );
  });

  const AS_JSON = {
    nodes: { a: { vtep: 'fd50::1' }, b: { vtep: 'fd50::2', mtu: 1280 } },
    networks: { n: { vni: 0, flood: 'replicate' }, m: { vni: 0xffffff, subnet: ['10.0.0.0/24', 'fd00::/64'] } },
    endpoints: { e: { network: 'm', node: 'b', ip: '10.0.0.7' } },
  };

  for (const indent of [0, 2, '\t']) {
    test(`can be JSON, indented by ${JSON.stringify(indent)}`, () => {
      const topology = parseConfig(JSON.stringify(AS_JSON, undefined, indent));
      assert.deepEqual(
        topology.networks.map(({ vni, subnets }) => [vni, subnets.map(({ length }) => length)]),
        [
          [0, []],
          [0xffffff, [24, 64]],
        ],
      );
      assert.equal(topology.endpoints[0].node, 1);
    });
  }

  test('uses defaults for everything optional', () => {
    const topology = parseConfig(JSON.stringify(AS_JSON));
    assert.deepEqual([topology.profile, topology.port, topology.ring], [Profile.Swarm, 4789, undefined]);
    assert.deepEqual(
      topology.nodes.map(({ mac, mtu }) => [mac, mtu]),
      [
        [undefined, 1500],
        [undefined, 1280],
      ],
    );
    assert.deepEqual(
      topology.networks.map(({ encrypted, mtu, flood, learning }) => [encrypted, mtu, flood, learning]),
      [
        [false, undefined, FloodPolicy.Replicate, true],
        [false, undefined, FloodPolicy.Drop, false],
      ],
    );
    assert.deepEqual(topology.endpoints[0].mac, Uint8Array.of(2, 0x42, 10, 0, 0, 7));
    const none = parseConfig('{ nodes: {}, networks: {} }');
    assert.deepEqual([none.nodes, none.networks, none.endpoints], [[], [], []]);
  });

  test('can set learning independently of its flood policy', () => {
    const text =
      '{ nodes: {}, networks: { a: { vni: 1, flood: replicate, learning: false }, b: { vni: 2, learning: true } } }';
    assert.deepEqual(
      parseConfig(text).networks.map(({ learning }) => learning),
      [false, true],
    );
  });

  test('can have the strict profile, another port, and the same address or MAC in different networks', () => {
    const text = changed(
      ['profile: swarm', 'port: 8472\nprofile: strict'],
      ['endpoints:', '  other: { vni: 4098 }\nendpoints:\n  d1: { network: other, node: node1, ip: 10.0.9.3 }'],
    );
    const topology = parseConfig(text);
    assert.deepEqual([topology.profile, topology.port, topology.endpoints.length], [Profile.Strict, 8472, 3]);
  });

  test("Docker's MAC is derived from IPv4 addresses only", () => {
    assert.deepEqual(dockerMac(Uint8Array.of(10, 0, 1, 35)), Uint8Array.of(0x02, 0x42, 0x0a, 0x00, 0x01, 0x23));
    assert.equal(dockerMac(new Uint8Array(16)), undefined);
    assert.equal(dockerMac(undefined), undefined);
  });
});

interface Mistake {
  readonly what: string;
  readonly text: string;
  readonly line: number;
  /** What the message must contain: the location and the fix. */
  readonly says: RegExp;
}

const MISTAKES: readonly Mistake[] = [
  {
    what: 'two networks whose subnets overlap',
    text: changed(['endpoints:', '  wide: { vni: 5000, subnet: 10.0.0.0/16 }\nendpoints:']),
    line: 7,
    says: /networks\.wide\.subnet: 10\.0\.0\.0\/16 overlaps a subnet of my-network/,
  },
  {
    what: 'a duplicate MAC in a network',
    text: changed(['"02:42:0a:00:09:04"', '"02:42:0a:00:09:03"']),
    line: 9,
    says: /endpoints\.c2\.mac: c1 of my-network has 02:42:0a:00:09:03 already/,
  },
  {
    what: 'a duplicate MAC in other case',
    text: changed(['"02:42:0a:00:09:04"', '"02-42-0A-00-09-03"']),
    line: 9,
    says: /endpoints\.c2\.mac: c1 of my-network has/,
  },
  {
    what: 'a duplicate IP in a network',
    text: changed(['10.0.9.4', '10.0.9.3']),
    line: 9,
    says: /endpoints\.c2\.ip: c1 of my-network has 10\.0\.9\.3 already/,
  },
  {
    what: 'an endpoint outside its subnet',
    text: changed(['10.0.9.4', '10.0.8.4']),
    line: 9,
    says: /endpoints\.c2\.ip: 10\.0\.8\.4 is outside 10\.0\.9\.0\/24 of my-network/,
  },
  {
    what: 'an unknown node',
    text: changed(['node: node2', 'node: node3']),
    line: 9,
    says: /endpoints\.c2\.node: there is no node node3; did you mean node1 or node2\?$/,
  },
  {
    what: 'an unknown network',
    text: changed(['c2: { network: my-network', 'c2: { network: my-netwrok']),
    line: 9,
    says: /endpoints\.c2\.network: there is no network my-netwrok; did you mean my-network\?$/,
  },
  {
    what: 'an encrypted network without keys',
    text: EXAMPLE.slice(0, EXAMPLE.indexOf('keys:')),
    line: 6,
    says: /networks\.my-network is encrypted but there are no keys; add keys: \[\{ tag: 1, key: "32 hexadecimal digits" \}\]/,
  },
  {
    what: "a node's MTU under 576",
    text: changed(['50:02", mtu: 1500', '50:02", mtu: 575']),
    line: 4,
    says: /nodes\.node2\.mtu: .*576/,
  },
  {
    what: "a node's MTU over 65535",
    text: changed(['50:02", mtu: 1500', '50:02", mtu: 65536']),
    line: 4,
    says: /nodes\.node2\.mtu: .*65535/,
  },
  {
    what: 'an IPv6 MTU under 1280',
    text: changed(['192.168.50.2, mac: "02:00:00:00:50:02", mtu: 1500', 'fd50::2, mtu: 1279']),
    line: 4,
    says: /nodes\.node2\.mtu: IPv6 needs at least 1280, not 1279/,
  },
  {
    what: "a network's MTU under 68",
    text: changed(['encrypted: true', 'encrypted: true, mtu: 67']),
    line: 6,
    says: /networks\.my-network\.mtu: .*68/,
  },
  ...['16777216', '-1', '1.5', '"4097"', '.nan'].map((vni) => ({
    what: `a VNI of ${vni}`,
    text: changed(['vni: 4097', `vni: ${vni}`]),
    line: 6,
    says: /networks\.my-network\.vni: /,
  })),
  {
    what: 'a duplicate VNI',
    text: changed(['endpoints:', '  other: { vni: 4097 }\nendpoints:']),
    line: 7,
    says: /networks\.other\.vni: my-network has VNI 4097 already; give each network its own/,
  },
  {
    what: 'a duplicate VTEP',
    text: changed(['192.168.50.2', '192.168.50.1']),
    line: 4,
    says: /nodes\.node2\.vtep: node1 has 192\.168\.50\.1 already; each node needs its own/,
  },
  {
    what: 'a group MAC',
    text: changed(['"02:42:0a:00:09:04"', '"03:42:0a:00:09:04"']),
    line: 9,
    says: /endpoints\.c2\.mac: 03:42:0a:00:09:04 is a group address/,
  },
  {
    what: 'a gateway outside the subnets',
    text: changed(['gateway: 10.0.9.1', 'gateway: 10.0.8.1']),
    line: 6,
    says: /networks\.my-network\.gateway: 10\.0\.8\.1 is outside the network's subnets/,
  },
  {
    what: 'an endpoint with neither a MAC nor an IPv4 address to derive it from',
    text: changed(
      ['ip: 10.0.9.4, mac: "02:42:0a:00:09:04"', 'ip: fd00::4'],
      ['10.0.9.0/24', '[10.0.9.0/24, fd00::/64]'],
    ),
    line: 9,
    says: /endpoints\.c2: it needs a mac, which can only be derived from an IPv4 address/,
  },
  {
    what: 'an invalid MAC',
    text: changed(['"02:42:0a:00:09:04"', '"02:42:0a:00:09"']),
    line: 9,
    says: /endpoints\.c2\.mac: not a MAC address: "02:42:0a:00:09"/,
  },
  {
    what: 'an invalid VTEP address',
    text: changed(['192.168.50.2', '192.168.50.256']),
    line: 4,
    says: /nodes\.node2\.vtep: not an IPv4 address: "192\.168\.50\.256"/,
  },
  {
    what: 'a subnet with host bits set',
    text: changed(['10.0.9.0/24', '10.0.9.1/24']),
    line: 6,
    says: /networks\.my-network\.subnet: 10\.0\.9\.1\/24 is an address in a subnet, not the subnet itself/,
  },
  {
    what: 'an unknown profile',
    text: changed(['profile: swarm', 'profile: docker']),
    line: 1,
    says: /profile: "docker" is not swarm or strict$/,
  },
  {
    what: 'an unknown flood policy',
    text: changed(['encrypted: true', 'encrypted: true, flood: yes']),
    line: 6,
    says: /networks\.my-network\.flood: "yes" is not drop or replicate$/,
  },
  {
    what: 'a port of 0',
    text: changed(['profile: swarm', 'port: 0']),
    line: 1,
    says: /port: 0 is not a UDP port \(1 to 65535\)$/,
  },
  {
    what: 'text instead of a number',
    text: changed(['50:02", mtu: 1500', '50:02", mtu: big']),
    line: 4,
    says: /nodes\.node2\.mtu: "big" is not an MTU \(576 to 65535\)$/,
  },
  {
    what: 'a number instead of an address',
    text: changed(['192.168.50.2', '3232248322']),
    line: 4,
    says: /nodes\.node2\.vtep: 3232248322 is not an IP address$/,
  },
  {
    what: 'text instead of a boolean',
    text: changed(['encrypted: true', 'encrypted: "yes"']),
    line: 6,
    says: /networks\.my-network\.encrypted: "yes" is not true or false$/,
  },
  {
    what: 'an unknown field',
    text: changed(['50:02", mtu: 1500', '50:02", mut: 1500']),
    line: 4,
    says: /nodes\.node2: unknown field "mut"; did you mean mtu\?$/,
  },
  {
    what: 'a missing field',
    text: changed(['c2: { network: my-network, ', 'c2: { ']),
    line: 9,
    says: /endpoints\.c2\.network: missing; it must be the name of a network$/,
  },
  {
    what: 'broken YAML',
    text: changed(['c2: { network: my-network', 'c2: { network: [my-network']),
    line: 9,
    says: /not valid YAML/,
  },
  {
    what: 'a duplicate name',
    text: changed(['  c2:', '  c1:']),
    line: 9,
    says: /not valid YAML: this name is in its block already$/,
  },
  {
    what: 'a key that is too short',
    text: changed([KEY, KEY.slice(2)]),
    line: 11,
    says: /key with tag 4 has 15 bytes/,
  },
  {
    what: 'a key that is not hexadecimal',
    text: changed([KEY, `${KEY}zz`]),
    line: 11,
    says: /key 1: .*hexadecimal/,
  },
  {
    what: 'a second key without a tag',
    text: `${EXAMPLE}  - { key: "${KEY}" }\n`,
    line: 12,
    says: /key 2 has no numeric tag/,
  },
  {
    what: 'an empty list of keys',
    text: `${EXAMPLE.slice(0, EXAMPLE.indexOf('keys:'))}keys: []\n`,
    line: 10,
    says: /at least one key/,
  },
];

describe('an error in a config has its line and the fix', () => {
  for (const { what, text, line, says } of MISTAKES) {
    test(what, () => {
      const message = messageOf(text);
      const found = /line (\d+)/.exec(message);
      assert.equal(found === null ? message : Number(found[1]), line, message);
      assert.match(message, says);
      assert.ok(!message.includes('\n'), 'more than one line');
      assert.ok(!message.includes(KEY.slice(0, 8)), 'a key shows');
    });
  }

  test("reports an unknown field in a block with its own line, not its neighbours'", () => {
    const text = 'nodes:\n  a:\n    vtep: 10.0.0.1\n    mtu: 1500\n    mut: 1400\nnetworks: {}\n';
    assert.match(messageOf(text), /^line 5, column \d+: .*"mut"/);
  });

  test('reports an unknown field next to nodes and networks with its own line', () => {
    assert.match(messageOf('nodes: {}\nnetworks: {}\n\nendpoint: {}\n'), /^line 4, column \d+: .*"endpoint"/);
  });

  test('reports an error under a numeric name with its own line', () => {
    const text = 'nodes: {}\nnetworks:\n  4097: { vni: 4097 }\n  4098: { vni: 16777216 }\n';
    assert.match(messageOf(text), /^line 4, column \d+: networks\.4098\.vni: /);
  });

  test('reports the second of two keys with the same tag at the keys', () => {
    assert.match(
      messageOf(`${EXAMPLE}  - { tag: 4, key: "${KEY}" }\n`),
      /^line 1[012], column \d+: keys: two keys have the tag 4/,
    );
  });

  test('identifies a file of another kind', () => {
    for (const [text, like] of [
      ['[{"Name": "web", "EnableIPv6": false}]', 'output of docker network inspect'],
      ['02:42:0a:00:09:04 dev vxlan0 dst 192.0.2.2 self permanent', 'output of bridge fdb'],
      ['10.0.9.4 dev vxlan0 lladdr 02:42:0a:00:09:04 PERMANENT', 'output of ip neigh'],
      ['src 192.0.2.1 dst 192.0.2.2\n\tproto esp spi 0x1 reqid 1 mode transport\n', 'output of ip xfrm state'],
      ['Error response from daemon: no such network', 'an error message from docker'],
    ] as const) {
      assert.match(messageOf(text), new RegExp(`; it looks like ${like}$`));
    }
  });

  for (const [text, says] of [
    ['', 'line 1, column 1: the file is empty; a config has nodes, networks and endpoints'],
    ['# nothing\n', 'line 1, column 1: the file is empty; a config has nodes, networks and endpoints'],
    ['null', 'line 1, column 1: the file is empty; a config has nodes, networks and endpoints'],
    ['[]', 'line 1, column 1: a list is not a config; a config has nodes, networks and endpoints'],
    ['\n 17', 'line 2, column 2: 17 is not a config; a config has nodes, networks and endpoints'],
    ['text', 'line 1, column 1: "text" is not a config; a config has nodes, networks and endpoints'],
    ['networks: {}', 'line 1, column 1: nodes: missing; it must be a block of named nodes, each with its vtep'],
    ['nodes:\nnetworks: {}', 'line 1, column 1: nodes: nothing is not a block of named nodes, each with its vtep'],
    ['nodes: { a: 1 }\nnetworks: {}', 'line 1, column 13: nodes.a: 1 is not the fields of a node'],
    ['nodes: { a: {} }\nnetworks: {}', 'line 1, column 10: nodes.a.vtep: missing; it must be an IP address'],
    ['nodes: { "": {} }\nnetworks: {}', 'line 1, column 10: nodes.: a name must not be empty'],
    ['nodes: { a: { vtep: [1.2.3.4] } }\nnetworks: {}', 'line 1, column 15: nodes.a.vtep: a list is not an IP address'],
    ['nodes: {}\nnetworks: { w: { vni: 1.5 } }', 'line 2, column 23: networks.w.vni: 1.5 is not a VNI (0 to 16777215)'],
    ['nodes: {}\nnetworks: { w: { vni: -1 } }', 'line 2, column 23: networks.w.vni: -1 is not a VNI (0 to 16777215)'],
    [
      'nodes: {}\nnetworks: { w: { vni: 1, subnet: [] } }',
      'line 2, column 26: networks.w.subnet: a list is not a subnet, or a list of them',
    ],
    [
      'nodes: {}\nnetworks: { w: { vni: 1, gateway: { a: 1 } } }',
      'line 2, column 26: networks.w.gateway: a block of fields is not an IP address, or a list of them',
    ],
    [
      'nodes: {}\nnetworks: { w: { vni: 1, learning: 1 } }',
      'line 2, column 36: networks.w.learning: 1 is not true or false',
    ],
    ['nodes: {}\nnetworks: {}\nendpoint: {}', 'line 3, column 1: unknown field "endpoint"; did you mean endpoints?'],
    [
      'nodes: {}\nnetworks: {}\ncontainers: {}',
      'line 3, column 1: unknown field "containers"; there are profile, port, nodes, networks, endpoints, ' +
        'services, ipam, gateway, compatibility, mesh, keys, acceptUnknownVteps',
    ],
    [
      'nodes: { a: { vtep: 1.2.3.4 } }\nnetworks: { w: { vni: 1 } }\nendpoints: { c: { network: w, node: a, netns: "" } }',
      'line 3, column 47: endpoints.c.netns: the name of a network namespace must not be empty',
    ],
    [
      'nodes: {}\nnetworks: {}\nkeys: 7',
      'line 3, column 7: keys: not a list of keys such as - { tag: 4, key: "32 hexadecimal digits" }',
    ],
    ['nodes: {\nnetworks: {}', 'line 2, column 1: not valid YAML: the indentation is wrong, or a bracket is unclosed'],
    ['nodes: {}\nnetworks: {}\nnodes: {}', 'line 3, column 1: not valid YAML: this name is in its block already'],
  ] as const) {
    test(`${JSON.stringify(text)}: ${says}`, () => assert.equal(messageOf(text), says));
  }

  test('shows neither a key that is a number nor one that is the name of a field', () => {
    const number = '4382191082886233612345678901234567890';
    for (const text of [
      `nodes: {}\nnetworks: { w: { vni: ${number} } }`,
      `nodes: {}\nnetworks: { w: { vni: "${KEY}" } }`,
      `nodes: {}\nnetworks: { w: { vni: 1, ${KEY}: 1 } }`,
      `nodes: {}\nnetworks: { w: { vni: 1, flood: ${KEY} } }`,
      `nodes: {}\nnetworks: {}\n${KEY}`,
    ]) {
      const message = messageOf(text);
      assert.ok(!message.includes(KEY.slice(4, 12)) && !message.includes('4382191'), message);
    }
  });
});

describe('an untrusted config', () => {
  test("can't have aliases: a few bytes could expand to any amount of memory", () => {
    const text = changed(['c1: {', 'c1: &a {'], [/c2: \{.*\}/.exec(EXAMPLE)?.[0] ?? '', 'c2: *a']);
    assert.match(messageOf(text), /aliases, which are not supported/);
    let bomb = 'a0: &a0 [x, x, x, x, x, x, x, x, x]\n';
    for (let i = 1; i < 20; i++)
      bomb += `a${i}: &a${i} [${Array(9)
        .fill(`*a${i - 1}`)
        .join(', ')}]\n`;
    assert.match(messageOf(bomb), /aliases, which are not supported/);
  });

  test("can't be nested deeply with brackets, inline markers or indentation", () => {
    assert.match(messageOf(`nodes: ${'['.repeat(33)}${']'.repeat(33)}`), /more than 32 levels/);
    assert.match(messageOf(`nodes: ${'['.repeat(50_000)}`), /more than 32 levels/);
    assert.match(messageOf(`${'- '.repeat(30_000)}x`), /more than 32 levels/);
    const stairs = Array.from({ length: 150 }, (_, i) => `${' '.repeat(i < 140 ? i : i + 400)}a:`).join('\n');
    assert.match(messageOf(stairs), /more than 32 levels/);
  });

  test('can have 2^16 characters of YAML; anything longer is parsed only as JSON', () => {
    const fill = (length: number): string => `${EXAMPLE}#${' '.repeat(length - EXAMPLE.length - 1)}`;
    assert.equal(parseConfig(fill(1 << 16)).nodes.length, 2);
    assert.match(messageOf(fill((1 << 16) + 1)), /more than 65536 characters and is not JSON/);
    const endpoints = Object.fromEntries(
      Array.from({ length: 5000 }, (_, i) => [
        `c${i}`,
        { network: 'n', node: 'a', ip: `10.${(i >> 8) & 255}.${i & 255}.9` },
      ]),
    );
    const large = { nodes: { a: { vtep: '192.0.2.1' } }, networks: { n: { vni: 1, subnet: '10.0.0.0/8' } }, endpoints };
    assert.equal(parseConfig(JSON.stringify(large)).endpoints.length, 5000);
  });

  test('never shows a key, whatever is wrong near it or with it', () => {
    const parts = [
      `keys: ${KEY}`,
      `keys: ["${KEY}"]`,
      `keys: { tag: 4, key: "${KEY}" }`,
      `keys: [{ tag: "${KEY}", key: 4 }]`,
      `keys: [{ tag: 4, key: "${KEY}ff" }]`,
      `keys: [{ tag: 4, key: "${KEY} " }]`,
      `keys: [{ tag: 4, key: "${KEY}`,
      `keys: [{ tag: 4, key: *${KEY} }]`,
      `keys: [{ tag: 4, key: !!${KEY} x }]`,
      `keys: [{ tag: 4, tag: 4, key: "${KEY}" }]`,
      `keys: [{ tag: -4, key: "${KEY}" }]`,
      `keys: [{ tag: 4, key: "${KEY}" }, { tag: 4, key: "${KEY}" }]`,
      `keys: [{ tag: 4, key: "${KEY}" }]\nprofile: ${KEY}`,
      `keys: [{ tag: 4, key: "${KEY}" }]\nport: "${KEY}"`,
    ];
    for (const part of parts) {
      const error = errorOf(`nodes: {}\nnetworks: {}\n${part}\n`);
      for (const shown of [error.message, JSON.stringify(error), JSON.stringify(error.message)]) {
        assert.ok(!shown.includes(KEY.slice(0, 8)), `${part}: ${shown}`);
      }
    }
  });

  test('does not show a key in place of a field name', () => {
    assert.ok(!messageOf(`nodes: {}\nnetworks: {}\n${KEY}: 4\n`).includes(KEY));
  });

  test('is rejected within seconds if it is garbage of the maximum length', () => {
    const program = `
      const { parseConfig } = await import(process.argv[1]);
      try { parseConfig('[' + ','.repeat(2 ** 20 - 1)); } catch ({ code }) { process.stdout.write(code); }`;
    const overlay = new URL('../../src/overlay/files.js', import.meta.url).href;
    const args = ['--input-type=module', '-e', program, overlay];
    const { stdout, error } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 15_000 });
    assert.equal(error, undefined, 'it took more than 15 seconds');
    assert.equal(stdout, 'BAD_CONFIG');
  });

  const cpuSeconds = (text: string): number => {
    const before = process.cpuUsage();
    try {
      parseConfig(text);
    } catch (error) {
      assert.ok(error instanceof OverlayError, String(error));
    }
    return process.cpuUsage(before).user / 1e6;
  };
  const many = (count: number, entry: (i: number) => readonly [string, unknown]): Record<string, unknown> =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => entry(i)));
  const bytes = (i: number): string => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
  const COUNT = 20_000;
  const LARGE: readonly (readonly [string, unknown])[] = [
    [
      'networks with a subnet each',
      {
        nodes: { a: { vtep: '192.0.2.1' } },
        networks: many(COUNT, (i) => [`n${i}`, { vni: i, subnet: `10.${i >> 8}.${i & 255}.0/24` }]),
      },
    ],
    ['nodes', { nodes: many(COUNT, (i) => [`n${i}`, { vtep: bytes(i) }]), networks: { w: { vni: 1 } } }],
    [
      'nodes and networks with an endpoint each',
      {
        nodes: many(COUNT / 2, (i) => [`n${i}`, { vtep: bytes(i) }]),
        networks: many(COUNT / 2, (i) => [`w${i}`, { vni: i }]),
        endpoints: many(COUNT / 2, (i) => [`c${i}`, { network: `w${i}`, node: `n${i}`, ip: '10.0.0.2' }]),
      },
    ],
  ];
  for (const [what, config] of LARGE) {
    test(`of ${COUNT} ${what} takes linear time`, () => {
      // Quadratic time would be 20 s and more.
      assert.ok(cpuSeconds(JSON.stringify(config)) < 10);
    });
  }

  test('of YAML with thousands of errors is rejected at the first', () => {
    // Reporting an error takes as long as its line is.
    for (const piece of ['"', '[]', '{}', '\n"']) {
      const text = piece.repeat((1 << 16) / piece.length);
      assert.ok(Math.min(cpuSeconds(text), cpuSeconds(text), cpuSeconds(text)) < 1, JSON.stringify(piece));
    }
  });

  test("can't have a name __proto__, which would vanish, in YAML or JSON", () => {
    const names = ['nodes', 'networks', 'endpoints'] as const;
    for (const name of names) {
      const config = `nodes: {}\nnetworks: {}\n${name === 'endpoints' ? 'endpoints: {}\n' : ''}`;
      const text = config.replace(`${name}: {}`, `${name}:\n  __proto__: { vni: 1 }`);
      assert.match(messageOf(text), new RegExp(`^line \\d, column 3: ${name}\\.__proto__: __proto__ can't be a name`));
    }
    const json = `{"nodes": {"__proto__": {"vtep": "192.0.2.1"}}, "networks": {}}`;
    assert.match(messageOf(json), /^line 1, column \d+: nodes\.__proto__: /);
    assert.match(messageOf(json + ' '.repeat(1 << 16)), /^nodes\.__proto__: /);
    assert.match(messageOf('nodes: {}\nnetworks: {}\n__proto__: {}\n'), /^line 3, column \d+: __proto__: /);
  });

  test("of large JSON can't have duplicate names, and an error in it has its line", () => {
    const fill = ' '.repeat(1 << 16);
    const repeated = `{"nodes": {},\n"networks": {"w": {"vni": 1},\n"w": {"vni": 2}}}${fill}`;
    assert.match(messageOf(repeated), /is not JSON \(line 3: duplicate name "w"\)/);
    assert.match(messageOf(`{"nodes": {},\n"networks": }${fill}`), /\(line 2: unexpected "}" instead of a value\)/);
    assert.match(messageOf(`{"nodes": {${fill}`), /\(line 1: truncated: 2 unclosed brackets\)/);
  });

  test('of any text is accepted, or rejected as BAD_CONFIG', () => {
    const alphabet = fc.constantFrom(
      ...Array.from('{}[]:,-"\'&*!|>%@`#\n\t 0a'),
      'nodes',
      'networks',
      '<<',
      '__proto__',
      '\u0000',
    );
    const noise = fc.array(alphabet, { maxLength: 60 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), noise), (text) => {
        try {
          parseConfig(text);
        } catch (error) {
          assert.ok(
            error instanceof OverlayError && error.code === 'BAD_CONFIG',
            `${JSON.stringify(text)}: ${String(error)}`,
          );
        }
      }),
      { seed: SEED, numRuns: 3000 },
    );
  });

  test('so is the example with any part of it replaced by anything', () => {
    fc.assert(
      fc.property(
        fc.nat(EXAMPLE.length),
        fc.nat(30),
        fc.oneof(fc.string(), fc.constantFrom('null', '[]', '{}', '-1', '1e99', '__proto__', 'constructor', '~', '\n')),
        (at, length, piece) => {
          const text = EXAMPLE.slice(0, at) + piece + EXAMPLE.slice(at + length);
          try {
            parseConfig(text);
          } catch (error) {
            assert.ok(
              error instanceof OverlayError && error.code === 'BAD_CONFIG',
              `${JSON.stringify(text)}: ${String(error)}`,
            );
            assert.ok(!error.message.includes('\n'));
          }
        },
      ),
      { seed: SEED, numRuns: 3000 },
    );
  });
});
