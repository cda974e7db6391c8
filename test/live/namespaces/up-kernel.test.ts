/** `vtep up` on one node, the kernel's vxlan driver, configured like Docker's, on the other. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { after, before, describe, test } from 'node:test';
import { scratch } from '../../cli/run.js';
import { iperf3 } from './iperf3.js';
import { kernelBeside, rate } from './kernel-beside.js';
import { CONTAINER_DEVICE, dockerMac, KernelVtep, VNI } from './kernel-vtep.js';
import { linkCounters } from './link-counters.js';
import { NamespaceBench } from './namespace-bench.js';
import { arping, neighbours } from './neighbours.js';
import { type NetworkNamespace } from './network-namespace.js';
import { PacketCapture } from './packet-capture.js';
import { ping } from './ping.js';
import { assertPingsBothWays } from './pings-both-ways.js';
import { requirements } from './requirements.js';
import { RunningPing } from './running-ping.js';
import { tcpTransfer } from './tcp-transfer.js';
import { underlay, UNDERLAY_DEVICE, type UnderlayNode } from './underlay.js';
import { until } from './until.js';
import { assertDropped, UpNode } from './up-node.js';

const IP1 = '10.0.9.3';
const IP2 = '10.0.9.4';
const IP6_1 = 'fd00:9::3';
const IP6_2 = 'fd00:9::4';
const NOBODY = '10.0.9.77';
/** A network that exists only on the kernel's node. */
const OTHER_VNI = 4099;
const OTHER_IP = '10.0.9.200';
const MEGABYTE = 1_000_000;
const IP_AND_ICMP = 28;
const MILLISECONDS = 1000;
/** Upper bound of the containers' spontaneous traffic: neighbour solicitations and multicast reports. */
const SOME = 20;
/** Capture filters. */
const VXLAN = 'udp port 4789';
/** ECT(0) (RFC 3168), in the former TOS byte. */
const ECT0 = 2;

/** The kernel's node with c1, and vtep's node with c2. */
interface Pair {
  readonly n1: UnderlayNode;
  readonly n2: UnderlayNode;
  readonly k1: KernelVtep;
  readonly c1: NetworkNamespace;
  readonly c2: NetworkNamespace;
  readonly up: UpNode;
  readonly bench: NamespaceBench;
}

interface PairOptions {
  /** The family of the nodes' addresses, and that of the containers'. */
  readonly outside?: 4 | 6;
  readonly inside?: 4 | 6;
}

const skip = requirements();
const folder = scratch();
let configs = 0;

/** The config of both nodes: c2's device is created in its namespace. */
function configFile({ outside = 4, inside = 4 }: PairOptions, c2: NetworkNamespace): string {
  const [vtep1, vtep2] = outside === 4 ? ['192.168.50.1', '192.168.50.2'] : ['fd50::1', 'fd50::2'];
  const [ip1, ip2] = inside === 4 ? [IP1, IP2] : [IP6_1, IP6_2];
  const path = join(folder, `config-${configs++}.json`);
  const config = {
    nodes: { node1: { vtep: vtep1 }, node2: { vtep: vtep2 } },
    networks: { net: { vni: VNI, subnet: ['10.0.9.0/24', 'fd00:9::/64'], gateway: '10.0.9.1' } },
    endpoints: {
      c1: { network: 'net', node: 'node1', ip: ip1, mac: dockerMac(IP1) },
      c2: { network: 'net', node: 'node2', ip: ip2, mac: dockerMac(IP2), device: CONTAINER_DEVICE, netns: c2.name },
    },
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

/** Runs tests within a pair, whose bench and `vtep up` exist only during them. */
function besideTheKernel(title: string, options: PairOptions, body: (pair: () => Pair) => void): void {
  describe(title, { skip }, () => {
    let bench: NamespaceBench | undefined;
    let pair: Pair | undefined;
    before(async () => {
      const { outside = 4, inside = 4 } = options;
      bench = new NamespaceBench();
      const [n1, n2] = underlay(bench, { offloads: false });
      const k1 = new KernelVtep(bench, n1.namespace, 'o1', {
        family: outside,
        mtu: outside === 4 ? 1450 : 1430,
      });
      const vtep = outside === 4 ? n2.ipv4 : n2.ipv6;
      k1.add({ ip: inside === 4 ? IP2 : IP6_2, mac: dockerMac(IP2), vtep });
      const c1 = k1.attach('c1', IP1, inside === 4 ? {} : { ipv6: IP6_1 });
      const c2 = bench.namespace('c2');
      if (inside === 6) c2.write('/proc/sys/net/ipv6/conf/default/disable_ipv6', '0');
      const up = new UpNode(n2.namespace, { config: configFile(options, c2), node: 'node2' });
      await up.start();
      pair = { n1, n2, k1, c1, c2, up, bench };
    });
    after(() => bench?.close());
    body(() => {
      assert.ok(pair);
      return pair;
    });
  });
}

besideTheKernel('vtep up beside the kernel', {}, (pair) => {
  test('pings of every size that fits are answered, both ways', async () => {
    const { c1, c2 } = pair();
    await assertPingsBothWays({ container: c1, ip: IP1 }, { container: c2, ip: IP2 }, [56, 512, 1000, 1400, 1422]);
  });

  test('the device in the container has the MAC, the address and the MTU of the config', () => {
    const { c2 } = pair();
    const shown = c2.ip(`address show dev ${CONTAINER_DEVICE}`);
    assert.match(shown, new RegExp(`mtu 1450 [^]*link/ether ${dockerMac(IP2)} [^]*inet ${IP2}/24 `));
  });

  test('the node answers ARP for known neighbours only, and no ARP crosses', async () => {
    const { n2, c2 } = pair();
    const capture = await PacketCapture.start(n2.namespace, UNDERLAY_DEVICE, join(folder, 'arp.pcap'), VXLAN);
    assert.deepEqual(await arping(c2, IP1), [dockerMac(IP1)]);
    assert.deepEqual(await arping(c2, NOBODY), []);
    assert.equal(await capture.stop(), 0);
  });

  test('fragments from a container are reassembled on the other side, both ways', async () => {
    const { c1, c2 } = pair();
    for (const [from, to] of [
      [c1, IP2],
      [c2, IP1],
    ] as const) {
      const { sent, received } = await ping(from, to, { size: 3000, doNotFragment: false });
      assert.deepEqual([sent, received], [5, 5]);
    }
  });

  test('copies ECN from the container’s packets to those on the wire, both ways', async () => {
    const { n2, c1, c2 } = pair();
    const file = join(folder, 'ecn.pcap');
    for (const [from, to] of [
      [c1, IP2],
      [c2, IP1],
    ] as const) {
      const capture = await PacketCapture.start(n2.namespace, UNDERLAY_DEVICE, file, `${VXLAN} and ip[1] = ${ECT0}`);
      assert.equal((await ping(from, to, { typeOfService: ECT0 })).received, 5);
      assert.equal(await capture.stop(), 10);
    }
  });

  describe('if a container’s device has a larger MTU than the tunnel', () => {
    const setMtu = (mtu: number): string => pair().c2.ip(`link set ${CONTAINER_DEVICE} mtu ${mtu}`);
    before(() => void setMtu(1500));
    after(() => {
      setMtu(1450);
      pair().c2.ip('route flush cache');
    });

    test('inner-fragments packets without DF, and the kernel reassembles them', async () => {
      const { n2, c2 } = pair();
      const size = 1500 - IP_AND_ICMP;
      const file = join(folder, 'cut.pcap');
      // The other direction: the kernel's container fragments its answers itself.
      const capture = await PacketCapture.start(
        n2.namespace,
        UNDERLAY_DEVICE,
        file,
        `${VXLAN} and src host ${n2.ipv4}`,
      );
      const { sent, received } = await ping(c2, IP1, { size, doNotFragment: false });
      assert.deepEqual([sent, received], [5, 5]);
      assert.equal(await capture.stop(), 10);
    });

    test('answers packets with DF with the MTU that fits, by ICMP', async () => {
      const { c2 } = pair();
      const size = 1500 - IP_AND_ICMP;
      const { received, errors } = await ping(c2, IP1, { size, count: 2, doNotFragment: true, patience: 0.2 });
      assert.equal(received, 0);
      assert.match(errors.join(), /Frag needed and DF set \(mtu = 1450\)/);
      assert.equal((await ping(c2, IP1, { size: 1450 - IP_AND_ICMP, doNotFragment: true })).lost, 0);
    });
  });

  test('drops packets with a VNI that the node lacks', async () => {
    const { bench, n1, n2, c2 } = pair();
    const k3 = new KernelVtep(bench, n1.namespace, 'o3', { vni: OTHER_VNI });
    k3.add({ ip: IP2, mac: dockerMac(IP2), vtep: n2.ipv4 });
    const c3 = k3.attach('c3', OTHER_IP);
    const before = linkCounters(c2, CONTAINER_DEVICE).received.packets;
    assert.equal((await ping(c3, IP2, { count: 3, patience: 0.2 })).received, 0);
    assert.equal(linkCounters(c2, CONTAINER_DEVICE).received.packets, before);
  });

  test('TCP streams arrive unchanged, both ways', async () => {
    const { c1, c2 } = pair();
    for (const [server, client, address] of [
      [c2, c1, IP2],
      [c1, c2, IP1],
    ] as const) {
      const { sent, received } = await tcpTransfer(server, client, { address, bytes: 5 * MEGABYTE });
      assert.equal(sent.bytes, 5 * MEGABYTE);
      assert.deepEqual(received, sent);
    }
  });

  test('transfers 100 MB of TCP, both ways', async (t) => {
    const { bench, n1, n2, c1, c2 } = pair();
    const mixed = { c1, c2, ip2: IP2 };
    const [toVtep, fromVtep] = [await rate(mixed), await rate(mixed, true)];
    const kernel = kernelBeside(bench, [n1, n2]);
    const [there, back] = [await rate(kernel), await rate(kernel, true)];
    t.diagnostic(
      `kernel and vtep, 100 MB: ${toVtep} to vtep, ${fromVtep} from it; kernel to kernel: ${there}, ${back}`,
    );
  });

  test('its final report balances, with only the expected drops', async () => {
    assertDropped(
      await pair().up.stop(),
      { NEIGH_ANSWERED: [1, SOME], NEIGH_UNKNOWN: [1, 2], PKT_TOO_BIG: [1, 2] },
      { VXLAN_VNI_NOT_FOUND: 3 },
    );
  });
});

besideTheKernel('vtep up beside the kernel, killed and started again', {}, (pair) => {
  const INTERVAL = 0.01;
  /** Pings that may be in flight when it is killed, and those before the first answer. */
  const ON_THE_WAY = 20;

  test('pings resume after a kill and restart, and only those in between are lost', async (t) => {
    const { up, c1, c2 } = pair();
    const pings = await RunningPing.start(c1, IP2, { interval: INTERVAL });
    await pings.answers(20);
    const began = performance.now();
    await up.kill();
    assert.throws(() => c2.ip(`link show dev ${CONTAINER_DEVICE}`), /does not exist/);
    const leaving = (): number => linkCounters(c1, CONTAINER_DEVICE).sent.packets;
    const before = leaving();
    await until(() => leaving() >= before + 20, 'pings without a node');
    await up.start();
    await pings.answers(1);
    const pause = (performance.now() - began) / MILLISECONDS;
    await pings.answers(20);
    const { missing, sent, received } = await pings.stop();
    t.diagnostic(`${missing.length} of ${sent} pings lost in a pause of ${pause.toFixed(2)} s`);
    assert.equal(sent, received + missing.length);
    assert.ok(missing.length >= 15 && missing.length <= pause / INTERVAL + ON_THE_WAY, missing.join());
    // Answers to the last ones may be on the way when the pings end.
    const lost = missing.filter((number) => missing.filter((other) => other >= number).length <= sent - number);
    const [first = 0] = lost;
    assert.deepEqual(
      lost,
      Array.from(lost, (_, i) => first + i),
    );
    assert.equal((await ping(c2, IP1)).lost, 0);
  });

  test('a TCP transfer survives it', async () => {
    const { up, c1, c2 } = pair();
    const transfer = iperf3(c2, c1, { address: IP2, seconds: 3, bitrate: 50e6 });
    const sent = (): number => linkCounters(c1, CONTAINER_DEVICE).sent.bytes;
    const before = sent();
    await until(() => sent() >= before + MEGABYTE, 'a megabyte');
    await up.kill();
    await up.start();
    const { received } = await transfer;
    assert.ok(received > MEGABYTE, `${received} bytes came`);
    const report = await up.stop();
    assert.ok(report.ingress.out > 0, JSON.stringify(report));
    assertDropped(report, { NEIGH_ANSWERED: [0, SOME] }, {});
  });
});

besideTheKernel('vtep up beside the kernel over IPv6', { outside: 6 }, (pair) => {
  test('pings of every size that fits are answered, both ways', async () => {
    const { c1, c2 } = pair();
    await assertPingsBothWays({ container: c1, ip: IP1 }, { container: c2, ip: IP2 }, [56, 1402]);
  });

  test('TCP streams arrive unchanged', async () => {
    const { c1, c2 } = pair();
    const { sent, received } = await tcpTransfer(c2, c1, { address: IP2, bytes: 5 * MEGABYTE });
    assert.deepEqual(received, sent);
  });

  test('its final report balances, without drops', async () => {
    assertDropped(await pair().up.stop(), { NEIGH_ANSWERED: [0, SOME] }, {});
  });
});

besideTheKernel('vtep up beside the kernel, with IPv6 inside', { inside: 6 }, (pair) => {
  test('pings of every size that fits are answered, both ways', async () => {
    const { c1, c2 } = pair();
    await assertPingsBothWays({ container: c1, ip: IP6_1 }, { container: c2, ip: IP6_2 }, [56, 1402]);
  });

  test('the node answers neighbour discovery, which does not cross', async () => {
    const { n2, c2 } = pair();
    c2.ip(`neighbour flush dev ${CONTAINER_DEVICE}`);
    const capture = await PacketCapture.start(n2.namespace, UNDERLAY_DEVICE, join(folder, 'nd.pcap'), VXLAN);
    assert.equal((await ping(c2, IP6_1)).lost, 0);
    assert.equal(await capture.stop(), 10);
    const entry = neighbours(c2).find(({ ip }) => ip === IP6_1);
    assert.deepEqual([entry?.mac, entry?.device], [dockerMac(IP1), CONTAINER_DEVICE]);
  });

  test('its final report balances, with no drops but multicast without a listener', async () => {
    assertDropped(await pair().up.stop(), { NEIGH_ANSWERED: [1, SOME], VXLAN_NO_REMOTE: [0, SOME] }, {});
  });
});
