/** What Docker's commands print about networks, services and engines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readInputs } from '../../../../src/doctor/inputs/read-inputs.js';
import { InputKind, type NodeEvidence } from '../../../../src/doctor/evidence/evidence.js';
import { readFileSync } from 'node:fs';
import { fixture } from '../../../repository.js';
import { output } from '../sources.js';

function read(text: string): {
  readonly node: NodeEvidence;
  readonly kinds: readonly InputKind[];
  readonly warnings: readonly string[];
} {
  const { nodes, inputs } = readInputs([{ name: 'file', text }]);
  return { node: nodes[0], kinds: inputs[0].kinds, warnings: inputs[0].warnings };
}

test('overlay networks have VNIs, options, endpoints, peers and the tasks of all nodes', () => {
  const { node, kinds } = read(readFileSync(fixture('docker/swarm/network-inspect-verbose.node1.json'), 'utf8'));
  assert.deepEqual(kinds, [InputKind.Networks]);
  const network = node.networks.find(({ name }) => name === 'my-network');
  assert.ok(network !== undefined);
  assert.deepEqual(
    [network.vnis, network.subnets, network.encrypted, network.ingress],
    [[4097], ['10.0.9.0/24'], false, false],
  );
  assert.deepEqual(network.peers, ['192.168.50.1', '192.168.50.2']);
  assert.ok(network.endpoints.some(({ ipv4, mac }) => ipv4 === '10.0.9.7' && mac === '02:42:0a:00:09:07'));
  assert.ok(
    network.tasks?.some(
      ({ ip, host, vip, service }) => ip !== '' && host === '192.168.50.2' && vip !== '' && service !== '',
    ),
  );
  const secret = node.networks.find(({ name }) => name === 'my-secret');
  assert.deepEqual([secret?.encrypted, secret?.encryptedOption], [true, '']);
  const small = node.networks.find(({ name }) => name === 'my-mtu');
  assert.equal(small?.driverMtu, 1300);
});

test("a manager's network without containers, an object per line, and two outputs are read, with lines", () => {
  assert.deepEqual(
    read(output('pastes/f09-manager.json')).node.networks.map(({ vnis, endpoints, tasks }) => [vnis, endpoints, tasks]),
    [[[4097], [], undefined]],
  );
  for (const name of ['f13-format-json', 'f13-two-outputs']) {
    const { node } = read(output(`pastes/${name}.json`));
    assert.deepEqual(
      node.networks.map((network) => [network.name, network.vnis, network.place.line]),
      [
        ['my-network', [4097], 1],
        ['ingress', [4096], 2],
      ],
    );
  }
});

test('of a truncated output, the networks before its end are used, and the line is reported', () => {
  const whole = readFileSync(fixture('docker/swarm/network-inspect-verbose.node1.json'), 'utf8');
  const [first] = whole.split(/^\]$/m);
  const twice = `${first.trimEnd()},\n${first.trimStart().slice(1)}`;
  const cut = twice.slice(0, twice.length - 300);
  const { node, warnings } = read(`root@node1:~# docker network inspect -v a b\n${cut}`);
  assert.equal(node.networks.length, 1);
  assert.match(warnings[0], /^line \d+: not JSON: truncated.*: the entry before it is used/);
});

test('odd values are reported or left out, never thrown', () => {
  const { node, warnings } = read(
    JSON.stringify([
      {
        Name: 'n',
        Driver: 'overlay',
        Scope: 'global',
        IPAM: { Config: [{ Subnet: '10.0.9.0/24' }, { Subnet: 5 }, null] },
        Containers: { a: { Name: 'x', MacAddress: 'no', IPv4Address: '1.2.3.4/24' }, b: null },
        Options: {
          encrypted: 'false',
          'com.docker.network.driver.overlay.vxlanid_list': '4097,x',
          'com.docker.network.driver.mtu': '0',
        },
        Peers: [{ IP: 'x' }, 7],
      },
    ]),
  );
  const [network] = node.networks;
  assert.deepEqual([network.vnis, network.subnets, network.endpoints, network.peers], [[], ['10.0.9.0/24'], [], []]);
  assert.deepEqual([network.encryptedOption, network.driverMtu, network.classic], ['false', undefined, true]);
  assert.match(warnings[0], /^line 1: network n: .*not a list of VNIs/);
});

test('services have their mode, virtual IPs and ports', () => {
  const { node, kinds } = read(readFileSync(fixture('docker/swarm/service-inspect.json'), 'utf8'));
  assert.deepEqual(kinds, [InputKind.Services]);
  const web = node.services.find(({ ports }) => ports.length > 0);
  assert.deepEqual(web?.ports, [{ published: 8080, target: 80, protocol: 'tcp', mode: 'ingress' }]);
  assert.ok(web.vips.some(({ address }) => address === '10.0.9.2'));
  assert.equal(node.services.find(({ name }) => name === 'mtu-web')?.endpointMode, 'dnsrr');
});

test('docker info of a node in no swarm, and docker version', () => {
  const { node, kinds } = read(`${output('docker-info.txt')}${output('docker-version.txt')}`);
  assert.deepEqual(kinds, [InputKind.Engine]);
  assert.deepEqual(
    node.engines.map(({ version, kernel, name, swarm }) => [version, kernel, name, swarm]),
    [
      ['20.10.24+dfsg1', '6.1.0-56-amd64', 'node1', 'inactive'],
      ['20.10.24+dfsg1', '', '', ''],
    ],
  );
  const { inputs } = readInputs([{ name: 'info', text: output('docker-info.txt') }]);
  assert.deepEqual([inputs[0].seconds, inputs[0].node], [Date.UTC(2026, 10, 21, 3, 20, 2, 928) / 1000, 'node1']);
});

test('docker info as JSON', () => {
  const { node } = read(
    JSON.stringify({
      Name: 'node2',
      ServerVersion: '29.1.3',
      KernelVersion: '6.12.0',
      SystemTime: '2026-11-21T03:20:02.928317516Z',
      Swarm: {
        LocalNodeState: 'active',
        NodeAddr: '192.168.50.2',
        RemoteManagers: [{ Addr: '192.168.50.1:2377' }],
        Cluster: { DataPathPort: 4777 },
      },
      Warnings: ['WARNING: bridge-nf-call-iptables is disabled'],
    }),
  );
  const [engine] = node.engines;
  assert.deepEqual(
    [
      engine.version,
      engine.kernel,
      engine.name,
      engine.swarm,
      engine.nodeAddress,
      engine.dataPathPort,
      engine.managers,
      engine.warnings.length,
    ],
    ['29.1.3', '6.12.0', 'node2', 'active', '192.168.50.2', 4777, ['192.168.50.1:2377'], 1],
  );
  assert.deepEqual([node.name, node.addresses], ['node2', ['192.168.50.2']]);
});

test('the lines of a log that are about overlay networks are kept, without keys, and date it', () => {
  const { nodes, inputs } = readInputs([
    {
      name: 'log',
      text:
        'time="2026-11-21T03:20:02.100Z" level=info msg="Loading containers: start."\n' +
        'time="2026-11-21T03:20:03.100Z" level=debug msg="memberlist: Stream connection"\n' +
        'time="2026-11-21T03:20:04.100Z" level=warning msg="could not add SA: xfrm key 4c6f72656d20697073756d20646f6c6f invalid argument"\n' +
        '[  100.123456] IPv4: martian source 10.0.9.3 from 10.0.9.4, on dev vxlan0\n' +
        'Nov 21 03:20:05 node2 kernel: nf_conntrack: table full, dropping packet\n',
    },
  ]);
  assert.deepEqual(inputs[0].kinds, [InputKind.Log]);
  assert.equal(inputs[0].seconds, Date.UTC(2026, 10, 21, 3, 20, 4, 100) / 1000);
  assert.deepEqual(
    nodes.flatMap(({ log }) => log.map(({ place }) => place.line)),
    [3, 4, 5],
  );
  assert.ok(!JSON.stringify(nodes).includes('4c6f7265'));
});

test('docker info as JSON is an engine, and no network, though it has a driver and containers', () => {
  const info = {
    ID: '5BT4:FXUC',
    Containers: 2,
    Images: 1,
    Driver: 'overlay2',
    Plugins: { Volume: ['local'], Network: ['bridge', 'overlay'] },
    KernelVersion: '6.1.0',
    Name: 'manager1',
    ServerVersion: '29.1.3',
    Swarm: { NodeAddr: '192.168.90.1', LocalNodeState: 'active', Cluster: { DataPathPort: 4789 } },
  };
  const { nodes, inputs } = readInputs([{ name: 'info.json', text: JSON.stringify(info) }]);
  assert.deepEqual(inputs[0].kinds, [InputKind.Engine]);
  assert.deepEqual(inputs[0].warnings, []);
  const [{ name, engines, networks }] = nodes;
  assert.deepEqual([name, engines[0].version, engines[0].swarm, networks.length], ['manager1', '29.1.3', 'active', 0]);
});

test('of a long line of a log, the error at its end is kept, and no key', () => {
  const key = '2d45edeea81a3a767e7023d0843aad88f704f713';
  const text = `time="2026-11-30T00:57:18Z" level=warning msg="Failed Adding rSA{Dst: 192.168.90.1, Src: 192.168.90.2, Proto: esp, Mode: transport, SPI: 0x471bed95, ReqID: 0xd0c4e3, ReplayWindow: 0, Mark: <nil>, OutputMark: <nil>, Ifid: 0, Auth: <nil>, Crypt: <nil>, Aead: {Name: rfc4106(gcm(aes)), Key: 0x${key}, ICV length: 64}, Encap: <nil>, ESN: false}: function not implemented"\n`;
  const [{ log }] = readInputs([{ name: 'docker.log', text }]).nodes;
  assert.match(log[0].text, /Failed Adding rSA.* function not implemented"$/);
  for (let i = 0; i + 8 <= key.length; i++) assert.ok(!log[0].text.includes(key.slice(i, i + 8)));
});
