/** Texts of any kind, as operators paste them, become the facts of nodes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputKind } from '../../../src/doctor/evidence/evidence.js';
import { readInputs } from '../../../src/doctor/inputs/read-inputs.js';
import { output } from './sources.js';

const STATE =
  'src 192.168.50.2 dst 192.168.50.1\n\tproto esp spi 0x1 reqid 0 mode transport\n\tanti-replay context: seq 0x5, oseq 0x0, bitmap 0x0\n';
const FDB = '02:42:0a:00:09:04 dev vxlan0 dst 192.168.50.2 self permanent\n';
const NEIGHBOUR = '10.0.9.4 dev vxlan0 lladdr 02:42:0a:00:09:04 PERMANENT \n';
const LINK =
  '2: eth0: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP\n    link/ether 02:00:00:00:50:01 brd ff:ff:ff:ff:ff:ff\n    inet 192.168.50.1/24 scope global eth0\n';

test('a dump of a whole node under headings gives every kind, with lines of the file', () => {
  const { nodes, inputs } = readInputs([{ name: 'host.txt', node: 'node1', text: output('node1.host.txt') }]);
  assert.equal(nodes.length, 1);
  const [node] = nodes;
  assert.deepEqual(
    [...node.has].sort(),
    [
      InputKind.Fdb,
      InputKind.Firewall,
      InputKind.Ipvs,
      InputKind.Link,
      InputKind.Neighbours,
      InputKind.XfrmPolicy,
      InputKind.XfrmState,
    ].sort(),
  );
  assert.ok(inputs[0].kinds.includes(InputKind.Keys));
  assert.deepEqual([node.sas.length, node.policies.length, node.virtualServers.length], [4, 1, 0]);
  const text = output('node1.host.txt').split('\n');
  for (const { place } of [...node.sas, ...node.policies]) assert.match(text[(place.line ?? 0) - 1], /^src /);
  for (const { place, mac } of node.fdb) assert.ok(text[(place.line ?? 0) - 1].startsWith(mac));
  for (const { place, address } of node.neighbours) assert.ok(text[(place.line ?? 0) - 1].startsWith(address));
  for (const { place, name } of node.links) assert.match(text[(place.line ?? 0) - 1], new RegExp(`^\\d+: ${name}[@:]`));
  for (const { place, isPolicy } of node.rules) assert.match(text[(place.line ?? 0) - 1], isPolicy ? /^:/ : /-A /);
  assert.deepEqual(node.addresses, ['192.168.50.1']);
  const eth0 = node.links.find(({ name }) => name === 'eth0');
  assert.deepEqual([eth0?.kind, eth0?.addresses], ['veth', ['192.168.50.1/24', 'fe80::ff:fe00:5001/64']]);
});

test('outputs of several commands pasted one after another are told apart, with and without prompts', () => {
  const bare = `${STATE}${FDB}${NEIGHBOUR}${LINK}`;
  const prompted = `root@node1:~# ip xfrm state\n${STATE}root@node1:~# bridge fdb\n${FDB}root@node1:~# ip neigh\n${NEIGHBOUR}root@node1:~# ip addr\n${LINK}root@node1:~# \n`;
  const quoted = bare.replace(/^/gm, '> ').replaceAll('\n', '\r\n');
  for (const [text, name] of [
    [bare, ''],
    [prompted, 'node1'],
    [`\ufeff${quoted}`, ''],
    [bare.replace(/^/gm, '        '), ''],
  ]) {
    const { nodes, inputs } = readInputs([{ name: 'paste', text }]);
    assert.equal(nodes.length, 1);
    const [{ sas, fdb, neighbours, links }] = nodes;
    assert.deepEqual([sas.length, fdb.length, neighbours.length, links.length], [1, 1, 1, 1], text);
    assert.deepEqual([nodes[0].name, inputs[0].node], [name, name]);
    assert.deepEqual(inputs[0].warnings, []);
  }
});

test('a command that printed nothing was run all the same', () => {
  const { nodes } = readInputs([{ name: 'paste', text: '# ip xfrm state\n# ip xfrm policy\n# bridge fdb\n' + FDB }]);
  assert.deepEqual([...nodes[0].has].sort(), [InputKind.Fdb, InputKind.XfrmPolicy, InputKind.XfrmState].sort());
  assert.equal(nodes[0].sas.length, 0);
});

test('an error message in place of an output is reported, and the output is missing', () => {
  const { nodes, inputs } = readInputs([
    {
      name: 'paste',
      text: `$ bridge fdb\n${FDB}$ ipvsadm -Ln\nbash: ipvsadm: command not found\n$ ip netns exec x bridge fdb\nCannot open network namespace "x": No such file or directory\n`,
    },
  ]);
  assert.ok(!nodes[0].has.has(InputKind.Ipvs));
  assert.deepEqual(inputs[0].warnings, [
    'line 4: it is an error message from a shell',
    'line 6: it is an error message from ip',
  ]);
});

test('one file with outputs of two nodes, as in headings, gives two nodes', () => {
  const { nodes, inputs } = readInputs([
    {
      name: 'both.txt',
      text: `## node1: ip -d xfrm state\n${STATE}## node2: ip -d xfrm state\n${STATE}${STATE.replace('0x1', '0x2')}## node2 xfrm_stat\nXfrmInError 3\n`,
    },
  ]);
  assert.deepEqual(
    nodes.map(({ name, sas, xfrmCounters }) => [name, sas.length, xfrmCounters.length]),
    [
      ['node1', 1, 0],
      ['node2', 2, 1],
    ],
  );
  assert.deepEqual(
    inputs.map(({ node }) => node),
    ['node1', 'node2'],
  );
});

test('the name that the user gives counts for the whole file', () => {
  const { nodes } = readInputs([{ name: 'f', node: 'a', text: `root@node1:~# ip xfrm state\n${STATE}` }]);
  assert.deepEqual(
    nodes.map(({ name }) => name),
    ['a'],
  );
});

test('of two outputs of xfrm_stat of a node, the second is the later one', () => {
  const { nodes } = readInputs([
    { name: 'one', node: 'a', text: 'XfrmInNoStates 4\nXfrmInError 0\n' },
    { name: 'two', node: 'a', text: 'XfrmInNoStates 9\nXfrmInError 0\n' },
    { name: 'three', node: 'b', text: 'XfrmInNoStates 7\n' },
  ]);
  assert.deepEqual(
    nodes.map(({ xfrmCounters }) => xfrmCounters.map(({ name, count, later }) => [name, count, later])),
    [
      [
        ['XfrmInNoStates', 4, 9],
        ['XfrmInError', 0, 0],
      ],
      [['XfrmInNoStates', 7, undefined]],
    ],
  );
});

test('a file without a name is matched to the node that has its addresses', () => {
  const { nodes, inputs } = readInputs([
    { name: 'l1', node: 'node1', text: LINK },
    { name: 'l2', node: 'node2', text: LINK.replaceAll('192.168.50.1', '192.168.50.2') },
    { name: 'sas', text: STATE },
    { name: 'fdb', text: FDB },
  ]);
  assert.deepEqual(
    nodes.map(({ name, sas, fdb }) => [name, sas.length, fdb.length]),
    [
      ['node1', 1, 0],
      ['node2', 0, 0],
      ['', 0, 1],
    ],
  );
  assert.deepEqual(
    inputs.map(({ node }) => node),
    ['node1', 'node2', 'node1', ''],
  );
});

test('files of the same beginning of a name are of one node', () => {
  const { nodes } = readInputs([
    { name: 'x/node1.fdb.txt', text: FDB },
    { name: 'x/node1.neigh.txt', text: NEIGHBOUR },
    { name: 'x/node2.fdb.txt', text: FDB },
  ]);
  assert.deepEqual(
    nodes.map(({ name, fdb, neighbours }) => [name, fdb.length, neighbours.length]),
    [
      ['node1', 1, 1],
      ['node2', 1, 0],
    ],
  );
});

test("a file that is called like a node is that node's, wherever the name is", () => {
  const { inputs } = readInputs([
    { name: 'a', node: 'node1', text: STATE },
    { name: 'dumps/network-inspect.node1.json', text: output('pastes/f09-manager.json') },
    { name: 'fdb_node1', text: FDB },
    { name: 'fdb_node2', text: FDB },
  ]);
  assert.deepEqual(
    inputs.map(({ node }) => node),
    ['node1', 'node1', 'node1', ''],
  );
});

test('different outputs without any name are taken as one node, the same output twice as two', () => {
  assert.equal(
    readInputs([
      { name: 'a', text: FDB },
      { name: 'b', text: NEIGHBOUR },
    ]).nodes.length,
    1,
  );
  assert.equal(
    readInputs([
      { name: 'a', text: FDB },
      { name: 'b', text: FDB },
    ]).nodes.length,
    2,
  );
  const other = LINK.replaceAll('192.168.50.1', '192.168.50.7');
  assert.equal(
    readInputs([
      { name: 'a', text: STATE },
      { name: 'b', text: other },
    ]).nodes.length,
    2,
  );
});

test('an address of a container or of a bridge that every node has is not an address of the node', () => {
  const bridge =
    '3: docker0: <UP> mtu 1500 state UP\n    inet 172.17.0.1/16 scope global docker0\n4: lo: <UP> mtu 65536\n    inet 127.0.0.1/8 scope host lo\n';
  const { nodes } = readInputs([{ name: 'a', node: 'a', text: `${LINK}${bridge}` }]);
  assert.deepEqual(nodes[0].addresses, ['192.168.50.1']);
});

test('SAs without a packet show their own end by what they have in common', () => {
  let spi = 0;
  const sa = (from: string, to: string): string =>
    `src ${from} dst ${to}\n\tproto esp spi 0x${(++spi).toString(16)} reqid 0 mode transport\n`;
  const [own, peer] = ['10.1.0.1', '10.1.0.2'];
  const addressesOf = (...dumps: readonly string[]): readonly string[] =>
    readInputs([{ name: 'a', text: dumps.join('') }]).nodes[0].addresses;
  assert.deepEqual(addressesOf(sa(peer, own), sa(own, '10.1.0.3')), [own]);
  assert.deepEqual(addressesOf(sa(peer, own), sa(peer, own), sa(peer, own), sa(own, peer)), [own]);
  assert.deepEqual(addressesOf(sa(peer, own), sa(own, peer)), []);
  const outbound = sa(own, peer);
  assert.deepEqual(addressesOf(outbound, outbound), []);
  assert.deepEqual(addressesOf(sa('0.0.0.0', peer)), []);
});

test('key files are recognised, and nothing of them is kept', () => {
  for (const text of [
    'networking:ipsec lamport 4 key 4c6f72656d20697073756d20646f6c6f\n',
    '"IPv4","10.0.0.1","10.0.0.2","0x1","AES-GCM [RFC4106]","0x4c6f72656d20697073756d20646f6c6f00000001","NULL",""\n',
    'keys:\n  - { tag: 4, key: "4c6f72656d20697073756d20646f6c6f" }\n',
    '[{"tag": 4, "key": "4c6f72656d20697073756d20646f6c6f"}]',
  ]) {
    const { nodes, inputs } = readInputs([{ name: 'keys', text }]);
    assert.deepEqual(inputs[0].kinds, [InputKind.Keys], text);
    assert.ok(!JSON.stringify({ nodes, inputs }).includes('4c6f72656d'));
  }
});

test('what is not understood is named, with what doctor takes', () => {
  for (const [text, what] of [
    ['', /^it is empty/],
    ['default via 10.0.0.1 dev eth0\n', /^it looks like output of ip route or route: give ip -d addr$/],
    ['hello\n', /^it is not understood$/],
    ['{"nftables": []}', /^output of nft -j: give nft list ruleset without -j/],
  ] as const) {
    const { nodes, inputs } = readInputs([{ name: 'x', text }]);
    assert.deepEqual(inputs[0].kinds, [InputKind.Unknown]);
    assert.match(inputs[0].warnings[0], what);
    assert.match(inputs[0].warnings[1], /^doctor takes captures/);
    assert.equal(nodes.length, 0);
  }
});

test('warnings have a limit, and no control characters', () => {
  const rows = Array.from(
    { length: 100 },
    (_, i) => `02:42:0a:00:09:${(i + 16).toString(16)} dev vxlan0 dst 1.2.3 self\n`,
  ).join('');
  const { inputs } = readInputs([{ name: 'x', text: `${rows}10.0.9.4 dev \u001b[31mx\u0007 lladdr zz STALE\n` }]);
  assert.equal(inputs[0].warnings.length, 21);
  assert.match(inputs[0].warnings[20], /^and \d+ more warnings$/);
});

test('what doctor takes is said once', () => {
  const { inputs } = readInputs(['a', 'b'].map((name) => ({ name, text: 'hello' })));
  assert.deepEqual(
    inputs.map(({ warnings }) => warnings.length),
    [2, 1],
  );
});

test('two dumps of the same SAs are one, with what each shows', () => {
  const head = 'src 192.168.50.2 dst 192.168.50.1\n\tproto esp spi 0x1 reqid 0 mode transport\n';
  const key = '\taead rfc4106(gcm(aes)) 0x2d45edeea81a3a767e7023d0843aad8800000001 64\n';
  const statistics = '\tlifetime current:\n\t  10(bytes), 1(packets)\n\t  add 2026-11-21 03:27:22 use -\n';
  const read = (text: string) => readInputs([{ name: 'x', text }]).nodes[0].sas;
  const [sa, ...others] = read(head + key + head + statistics);
  assert.deepEqual([others.length, sa.packets, sa.keyId?.length, sa.added], [0, 1, 8, '2026-11-21 03:27:22']);
  // The same SPI with another key is another SA.
  assert.equal(read(head + key + head + key.replace('2d45', '2d46')).length, 2);
});

test('rows have the VNI of their device, also where all namespaces have a device of that name', () => {
  const device = (vni: number): string =>
    `4: vxlan0: <UP> mtu 1450 state UP\n    link/ether 02:00:00:00:00:0${vni - 4096} brd ff:ff:ff:ff:ff:ff\n    vxlan id ${vni} dstport 4789\n`;
  const vnisOf = (files: readonly string[]): readonly (number | undefined)[] => {
    const { nodes } = readInputs(files.map((text, i) => ({ name: `f${i}`, node: 'a', text })));
    return nodes[0].fdb.map(({ vni }) => vni);
  };
  // Each namespace in a file of its own, in one file, and the devices in another file than the rows.
  assert.deepEqual(vnisOf([device(4097) + FDB, device(4098) + FDB]), [4097, 4098]);
  assert.deepEqual(vnisOf([device(4097) + FDB + device(4098) + FDB]), [4097, 4098]);
  assert.deepEqual(vnisOf([device(4097), FDB]), [4097]);
  assert.deepEqual(vnisOf([device(4097) + device(4098), FDB]), [undefined]);
  const prompted = [4097, 4098].map(
    (vni) => `# nsenter --net=/var/run/docker/netns/1-${vni} ip -d link\n${device(vni)}`,
  );
  const rows = [4098, 4097].map((vni) => `# ip netns exec 1-${vni} bridge fdb\n${FDB}`);
  assert.deepEqual(vnisOf([prompted.join(''), rows.join('')]), [4098, 4097]);
});

test('headings that are names alone tell nodes apart', () => {
  const { nodes } = readInputs([
    { name: 'x', text: `## node1\n${FDB}\n=== node2 ===\n${FDB}${FDB}\n==> node3.txt <==\nnothing\n` },
  ]);
  assert.deepEqual(
    nodes.map(({ name, fdb }) => [name, fdb.length]),
    [
      ['node1', 1],
      ['node2', 2],
    ],
  );
});

test('hosts of the same name are told apart by their addresses', () => {
  const collected = (address: string): string =>
    `#= 2026-11-21T03:28:43Z vtep doctor --collect, node localhost\n\n#= 2026-11-21T03:28:43Z docker info\n Server Version: 29.1.3\n Node Address: ${address}\n`;
  const read = (...addresses: readonly string[]): readonly string[] =>
    readInputs(addresses.map((address, i) => ({ name: `f${i}.txt`, text: collected(address) }))).nodes.map(
      ({ name }) => name,
    );
  assert.deepEqual(read('10.1.0.1', '10.1.0.2', '10.1.0.1'), ['localhost', 'localhost (f1.txt)']);
});

test('a name that the user gives counts more than those of prompts and docker info', () => {
  const info = ' Server Version: 29.1.3\n Name: web1\n Node Address: 192.168.50.1\n';
  const { nodes, inputs } = readInputs([
    { name: 'info', node: 'node1', text: info },
    { name: 'fdb', text: `root@web1:~# bridge fdb\n${FDB}` },
    { name: 'link', text: `root@other:~# ip addr\n${LINK}` },
  ]);
  assert.deepEqual(
    nodes.map(({ name, fdb, links }) => [name, fdb.length, links.length]),
    [['node1', 1, 1]],
  );
  assert.deepEqual(
    inputs.map(({ node }) => node),
    ['node1', 'node1', 'node1'],
  );
});

test('quoted JSON is read, with the lines of the file', () => {
  const text = `On Monday, she wrote:\n${output('pastes/f09-manager.json').replace(/^/gm, '> ')}`;
  const { nodes } = readInputs([{ name: 'mail', text }]);
  assert.deepEqual(
    nodes[0].networks.map(({ name, place }) => [name, place.line]),
    [['my-network', 3]],
  );
});
