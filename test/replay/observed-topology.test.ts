import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openCaptureFile } from '../../src/capture/index.js';
import { FloodPolicy, NodeTables, Profile, TargetKind, type Topology } from '../../src/overlay/index.js';
import { CaptureFrames } from '../../src/replay/capture-frames.js';
import { CaptureKind, ObservedTopology } from '../../src/replay/observed-topology.js';
import { formatIp, formatMac } from '../../src/wire/index.js';
import { fixture } from '../repository.js';

const OPTIONS = { profile: Profile.Swarm, encrypted: false, mtu: 1500, ring: undefined };

async function observe(path: string): Promise<ObservedTopology> {
  const source = await openCaptureFile(fixture(path));
  const observed = new ObservedTopology();
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) observed.add(batch);
  await source.close();
  return observed;
}

function ipText(ip: Uint8Array | undefined): string {
  return ip === undefined ? 'none' : formatIp(ip.length === 4 ? 4 : 6, ip);
}

/** MAC, IP and VTEP of a network's endpoints, sorted. */
function endpointsOf(topology: Topology, vni: number): string[] {
  const network = topology.networks.findIndex((candidate) => candidate.vni === vni);
  return topology.endpoints
    .filter((endpoint) => endpoint.network === network)
    .map(({ mac, ip, node }) => `${formatMac(mac)} ${ipText(ip)} ${ipText(topology.nodes[node].vtep)}`)
    .sort();
}

function vtepsOf(topology: Topology): string[] {
  return topology.nodes.map(({ vtep }) => ipText(vtep)).sort();
}

/** The node of each address, by Docker's NetworkDB at the time of the recordings. */
const DOCKER_NODES = new Map([
  ...['10.0.9.4', '10.0.9.7', '10.0.9.10', '10.0.10.2', '10.0.10.4'].map((ip) => [ip, '192.168.50.1'] as const),
  ...['10.0.9.3', '10.0.9.5', '10.0.9.6', '10.0.9.9', '10.0.10.3', '10.0.10.5'].map(
    (ip) => [ip, '192.168.50.2'] as const,
  ),
]);

/** The MAC that Docker derives from an address. */
function macOf(ip: string): string {
  return `02:42:${ip
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join(':')}`;
}

describe('the topology of a recording of an underlay', () => {
  test('docker/06: both containers of VNI 4098, each on a different node', async () => {
    const observed = await observe('docker/06-mtu-1300.underlay.pcap');
    assert.equal(observed.kind, CaptureKind.Wire);
    const topology = observed.topology(OPTIONS);
    assert.deepEqual(vtepsOf(topology), ['192.168.50.1', '192.168.50.2']);
    assert.deepEqual(
      topology.networks.map(({ vni, flood, learning, encrypted }) => [vni, flood, learning, encrypted]),
      [[4098, FloodPolicy.Drop, false, false]],
    );
    assert.deepEqual(endpointsOf(topology, 4098), [
      '02:42:0a:00:0a:02 10.0.10.2 192.168.50.1',
      '02:42:0a:00:0a:03 10.0.10.3 192.168.50.2',
    ]);
  });

  test("docker/03: every endpoint of VNI 4097 is on the node that Docker's tables have", async () => {
    const topology = (await observe('docker/03-vip-http.underlay.pcap')).topology(OPTIONS);
    assert.deepEqual(vtepsOf(topology), ['192.168.50.1', '192.168.50.2']);
    const network = topology.networks.findIndex(({ vni }) => vni === 4097);
    const endpoints = topology.endpoints.filter((endpoint) => endpoint.network === network);
    assert.ok(endpoints.length >= 2);
    const vteps = new Set<string>();
    for (const { mac, ip, node } of endpoints) {
      // The address is the packet's, which is not the MAC's if there is a load balancer: the MAC identifies the
      // endpoint.
      const own = [...DOCKER_NODES.keys()].find((known) => macOf(known) === formatMac(mac));
      assert.ok(own !== undefined, `${formatMac(mac)} ${ipText(ip)} is in no table`);
      assert.equal(ipText(topology.nodes[node].vtep), DOCKER_NODES.get(own), formatMac(mac));
      vteps.add(ipText(topology.nodes[node].vtep));
    }
    assert.equal(vteps.size, 2);
  });

  test('vxlan/01: c1 and c2 on VNI 4097', async () => {
    const observed = await observe('vxlan/01-icmp.underlay.pcap');
    assert.equal(observed.kind, CaptureKind.Wire);
    const topology = observed.topology({ ...OPTIONS, mtu: 1400 });
    assert.deepEqual(endpointsOf(topology, 4097), [
      '02:42:0a:00:09:03 10.0.9.3 192.168.50.1',
      '02:42:0a:00:09:04 10.0.9.4 192.168.50.2',
    ]);
    assert.deepEqual(
      topology.nodes.map(({ name, mtu }) => [name, mtu]),
      [
        ['node1', 1400],
        ['node2', 1400],
      ],
    );
    assert.equal(topology.networks.length, 1);
  });

  test('vxlan/50: the same over IPv6', async () => {
    const topology = (await observe('vxlan/50-ipv6-underlay.underlay.pcap')).topology(OPTIONS);
    assert.deepEqual(vtepsOf(topology), ['fd50::1', 'fd50::2']);
    assert.deepEqual(
      endpointsOf(topology, 4097).map((line) => line.replace(/ .* /, ' ')),
      ['02:42:0a:00:09:03 fd50::1', '02:42:0a:00:09:04 fd50::2'],
    );
  });

  test('vxlan/20: a network with broadcast on the wire floods and learns', async () => {
    const topology = (await observe('vxlan/20-learning-arp-icmp.underlay.pcap')).topology(OPTIONS);
    const [network] = topology.networks;
    assert.deepEqual([network.flood, network.learning], [FloodPolicy.Replicate, true]);
  });

  test('gives tables in which every node finds every endpoint on its node', async () => {
    const topology = (await observe('docker/03-vip-http.underlay.pcap')).topology(OPTIONS);
    topology.nodes.forEach(({ name }, index) => {
      const { forwarding } = new NodeTables(topology, name);
      for (const { network, mac, node } of topology.endpoints) {
        assert.ok(forwarding.find(topology.networks[network].vni, mac, 0, 0));
        assert.equal(forwarding.kind, node === index ? TargetKind.Local : TargetKind.Vtep);
      }
    });
  });

  test('has the given profile, keys and encryption', async () => {
    const observed = await observe('vxlan/01-icmp.underlay.pcap');
    const topology = observed.topology({ ...OPTIONS, profile: Profile.Strict, encrypted: true });
    assert.deepEqual(
      [topology.profile, topology.networks[0].encrypted, topology.ring],
      [Profile.Strict, true, undefined],
    );
  });
});

describe("the topology of a recording of a container's frames", () => {
  for (const path of ['vxlan/01-icmp.c1.pcap', 'vxlan/01-icmp.c2.pcap', 'vxlan/03-http-200k.c1.pcap']) {
    test(`${path}: c1 and c2 on one network, on two invented nodes`, async () => {
      const observed = await observe(path);
      assert.equal(observed.kind, CaptureKind.Frames);
      const topology = observed.topology(OPTIONS);
      assert.deepEqual(vtepsOf(topology), ['192.0.2.1', '192.0.2.2']);
      assert.equal(topology.networks.length, 1);
      assert.deepEqual(topology.endpoints.map(({ mac, ip }) => `${formatMac(mac)} ${ipText(ip)}`).sort(), [
        '02:42:0a:00:09:03 10.0.9.3',
        '02:42:0a:00:09:04 10.0.9.4',
      ]);
      const [one, two] = topology.endpoints;
      assert.notEqual(one.node, two.node, 'who talk to each other are on different nodes');
      assert.notDeepEqual(topology.nodes[0].mac, topology.nodes[1].mac);
    });
  }

  test('of no packets has no endpoints on the invented nodes', () => {
    const observed = new ObservedTopology();
    assert.equal(observed.kind, CaptureKind.Frames);
    const topology = observed.topology(OPTIONS);
    assert.deepEqual([topology.nodes.length, topology.endpoints.length], [2, 0]);
  });
});

describe('the conversations of a recording', () => {
  for (const path of ['docker/03-vip-http.underlay.pcap', 'vxlan/03-http-200k.c1.pcap']) {
    test(`${path}: every frame is in one, by its network and MACs`, async () => {
      const observed = await observe(path);
      const wire = observed.kind === CaptureKind.Wire;
      const expected = new Map<string, [number, number]>();
      const frames = new CaptureFrames(observed.kind);
      const source = await openCaptureFile(fixture(path));
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
        frames.begin(batch);
        while (frames.next()) {
          const { bytes, start, end } = frames;
          const group = (bytes[start] & 1) !== 0;
          const to = group ? 'ff:ff:ff:ff:ff:ff' : formatMac(bytes, start);
          const name = `${wire ? frames.vni : -1} ${formatMac(bytes, start + 6)} ${to}`;
          const [count, sum] = expected.get(name) ?? [0, 0];
          expected.set(name, [count + 1, sum + end - start]);
        }
      }
      assert.ok(expected.size >= 2);
      const found = [...observed.conversations()].map(
        ({ vni, source: from, destination, frames: count, bytes }) =>
          [`${vni} ${formatMac(from)} ${formatMac(destination)}`, [count, bytes]] as const,
      );
      assert.deepEqual(new Map(found), expected);
      assert.equal(found.length, expected.size);
    });
  }
});
