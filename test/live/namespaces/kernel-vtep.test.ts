/** The kernel's vxlan driver on both sides, configured like Docker's: the reference for `vtep` on one side. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { LinkType, openCaptureFile } from '../../../src/capture/index.js';
import { UnderlayDecoder, Verdict } from '../../../src/dataplane/index.js';
import { checksum, pseudoHeaderSum } from '../../../src/wire/checksum.js';
import { scratch } from '../../cli/run.js';
import { iperf3, type Iperf3Result } from './iperf3.js';
import { CONTAINER_DEVICE, dockerMac, KernelVtep, type KernelVtepOptions, OVERLAY_MTU } from './kernel-vtep.js';
import { linkCounters } from './link-counters.js';
import { NamespaceBench } from './namespace-bench.js';
import { type NetworkNamespace } from './network-namespace.js';
import { arping, neighbours } from './neighbours.js';
import { PacketCapture } from './packet-capture.js';
import { ping } from './ping.js';
import { requirements } from './requirements.js';
import { RunningPing } from './running-ping.js';
import { tcpTransfer } from './tcp-transfer.js';
import { underlay, UNDERLAY_DEVICE, type UnderlayNode, type UnderlayOptions } from './underlay.js';

const IP1 = '10.0.9.3';
const IP2 = '10.0.9.4';
const IP6_1 = 'fd00:9::3';
const IP6_2 = 'fd00:9::4';
/** An address that both nodes know but no container has. */
const NOBODY = '10.0.9.99';
const OVER_THE_MTU = 1423;
/** The overlay's end of the link to the first container. */
const CONTAINER_LINK = 'veth0';
/** Offset of a container's frame in a packet of an IPv4 underlay. */
const FRAME_AT = 14 + 20 + 8 + 8;
const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const TCP = 6;
const MEGABYTE = 1_000_000;
/** TCP MSS in the overlay, without options. */
const SEGMENT = OVERLAY_MTU - 40;

/** Two nodes with a container each. */
interface Pair {
  readonly n1: UnderlayNode;
  readonly n2: UnderlayNode;
  readonly k1: KernelVtep;
  readonly k2: KernelVtep;
  readonly c1: NetworkNamespace;
  readonly c2: NetworkNamespace;
}

const skip = requirements();

/** Runs tests within an overlay, whose bench exists only during them. */
function overlay(
  title: string,
  options: KernelVtepOptions,
  wire: UnderlayOptions,
  body: (pair: () => Pair) => void,
): void {
  describe(title, { skip }, () => {
    let bench: NamespaceBench | undefined;
    let pair: Pair | undefined;
    before(() => {
      bench = new NamespaceBench();
      const [n1, n2] = underlay(bench, wire);
      const k1 = new KernelVtep(bench, n1.namespace, 'o1', options);
      const k2 = new KernelVtep(bench, n2.namespace, 'o2', options);
      const address = options.family === 6 ? 'ipv6' : 'ipv4';
      k1.add({ ip: IP2, ipv6: IP6_2, mac: dockerMac(IP2), vtep: n2[address] });
      k1.add({ ip: NOBODY, mac: dockerMac(NOBODY), vtep: n2[address] });
      k2.add({ ip: IP1, ipv6: IP6_1, mac: dockerMac(IP1), vtep: n1[address] });
      pair = { n1, n2, k1, k2, c1: k1.attach('c1', IP1, { ipv6: IP6_1 }), c2: k2.attach('c2', IP2, { ipv6: IP6_2 }) };
    });
    after(() => bench?.close());
    body(() => {
      assert.ok(pair);
      return pair;
    });
  });
}

/** Sends 100 MB from one container to the other, reports the rate, and counts what crossed. */
async function transfer(
  t: TestContext,
  what: string,
  { namespace }: UnderlayNode,
  client: NetworkNamespace,
  server: NetworkNamespace,
): Promise<Iperf3Result & { packets: number }> {
  const before = linkCounters(namespace, UNDERLAY_DEVICE).sent.packets;
  const result = await iperf3(server, client, { address: IP2, bytes: 100 * MEGABYTE });
  const packets = linkCounters(namespace, UNDERLAY_DEVICE).sent.packets - before;
  const rate = (result.bitsPerSecond / 1e9).toFixed(2);
  t.diagnostic(`${what}: ${rate} Gbit/s, ${packets} packets, ${result.retransmits} segments again`);
  return { ...result, packets };
}

/** What crossed a node's device during an action. vtep must decapsulate every packet. */
async function watched(
  { namespace }: UnderlayNode,
  act: () => Promise<unknown>,
): Promise<{ packets: number; tcp: number; unfinished: number; longest: number }> {
  const file = join(scratch(), 'wire.pcap');
  const capture = await PacketCapture.start(namespace, UNDERLAY_DEVICE, file, 'udp port 4789');
  await act();
  const packets = await capture.stop();
  const source = await openCaptureFile(file);
  const seen = { packets: 0, tcp: 0, unfinished: 0, longest: 0 };
  const ingress = new UnderlayDecoder();
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) {
      const at: number = batch.offset[i];
      const end: number = at + batch.originalLength[i];
      assert.equal(ingress.receive(LinkType.Ethernet, batch.bytes, at, end, end, 0), Verdict.Frame);
      seen.packets++;
      seen.longest = Math.max(seen.longest, end - at);
      const ip = at + FRAME_AT + ETHERNET_BYTES;
      if (batch.bytes[ip + 9] !== TCP) continue;
      seen.tcp++;
      const pseudo = pseudoHeaderSum(4, batch.bytes, ip + 12, TCP, end - ip - IPV4_BYTES);
      if (checksum(batch.bytes, ip + IPV4_BYTES, end, pseudo) !== 0) seen.unfinished++;
    }
  }
  await source.close();
  assert.equal(seen.packets, packets);
  return seen;
}

overlay('kernel vxlan to kernel vxlan', {}, {}, (pair) => {
  test('pings of every size that fits are answered, both ways', async () => {
    const { c1, c2 } = pair();
    for (const size of [56, 512, 1000, 1400, OVER_THE_MTU - 1]) {
      for (const [from, to] of [
        [c1, IP2],
        [c2, IP1],
      ] as const) {
        const { sent, received, lost, errors } = await ping(from, to, { size, doNotFragment: true });
        assert.deepEqual(
          { size, to, sent, received, lost, errors },
          { size, to, sent: 5, received: 5, lost: 0, errors: [] },
        );
      }
    }
  });

  test('a ping too big for the container’s device fails with DF, and is fragmented without', async () => {
    const { c1 } = pair();
    const refused = await ping(c1, IP2, { size: OVER_THE_MTU, count: 2, doNotFragment: true, patience: 0.2 });
    assert.equal(refused.received, 0);
    assert.match(refused.errors.join(), /message too long, mtu=1450/i);
    const { lost } = await ping(c1, IP2, { size: 3000, doNotFragment: false });
    assert.equal(lost, 0);
  });

  test('the proxy answers ARP for known neighbours only, and no ARP crosses', async () => {
    const { n1, c1 } = pair();
    const file = join(scratch(), 'arp.pcap');
    const capture = await PacketCapture.start(n1.namespace, UNDERLAY_DEVICE, file, 'udp port 4789');
    assert.deepEqual(await arping(c1, NOBODY), [dockerMac(NOBODY)]);
    assert.deepEqual(await arping(c1, '10.0.9.77'), []);
    assert.equal(await capture.stop(), 0);
  });

  for (const address of [IP2, IP6_2]) {
    test(`a container gets the MAC of ${address} from the proxy`, async () => {
      const { c1 } = pair();
      assert.equal((await ping(c1, address)).lost, 0);
      const entry = neighbours(c1).find(({ ip }) => ip === address);
      assert.deepEqual([entry?.mac, entry?.device], [dockerMac(IP2), CONTAINER_DEVICE]);
    });
  }

  test('vtep decapsulates every packet on the wire', async () => {
    const { n1, c1 } = pair();
    const wire = await watched(n1, () => ping(c1, IP2, { count: 20, size: 1400 }));
    assert.deepEqual(wire, { packets: 40, tcp: 0, unfinished: 0, longest: FRAME_AT + ETHERNET_BYTES + 1428 });
  });

  test('a node can’t reach a removed endpoint until it is added again', async () => {
    const { k1, n2, c1 } = pair();
    const endpoint = { ip: IP2, ipv6: IP6_2, mac: dockerMac(IP2), vtep: n2.ipv4 };
    k1.remove(endpoint);
    assert.equal((await ping(c1, IP2, { count: 3, patience: 0.1 })).received, 0);
    k1.add(endpoint);
    assert.equal((await ping(c1, IP2)).lost, 0);
  });

  test('continuous pings lose none normally, and all while a link is down', async () => {
    const { k2, c1 } = pair();
    const whole = await RunningPing.start(c1, IP2);
    await whole.answers(20);
    const totals = await whole.stop();
    assert.deepEqual([totals.missing, totals.lost, totals.received], [[], 0, totals.sent]);

    const broken = await RunningPing.start(c1, IP2);
    k2.overlay.ip(`link set ${CONTAINER_LINK} down`);
    assert.equal((await ping(c1, IP2, { count: 20, interval: 0.01, patience: 0.1 })).received, 0);
    k2.overlay.ip(`link set ${CONTAINER_LINK} up`);
    await broken.answers(20);
    const { sent, received, lost, missing } = await broken.stop();
    assert.ok(lost >= 15, `${lost} of ${sent} were lost`);
    assert.equal(sent, received + lost);
    const [first = 0] = missing;
    assert.deepEqual(
      missing,
      Array.from(missing, (_, i) => first + i),
    );
  });

  test('a TCP stream arrives unchanged', async () => {
    const { c1, c2 } = pair();
    const { sent, received } = await tcpTransfer(c2, c1, { address: IP2, bytes: 20 * MEGABYTE });
    assert.equal(sent.bytes, 20 * MEGABYTE);
    assert.deepEqual(received, sent);
  });

  test('a wire with offloads carries partial TCP checksums and oversized packets', async () => {
    const { n2, c1, c2 } = pair();
    const wire = await watched(n2, () => tcpTransfer(c2, c1, { address: IP2, bytes: MEGABYTE }));
    assert.ok(wire.unfinished > 0 && wire.longest > ETHERNET_BYTES + 1500, JSON.stringify(wire));
  });

  test('a TCP transfer of 100 MB completes, with many segments per packet', async (t) => {
    const { n1, c1, c2 } = pair();
    const { sent, packets } = await transfer(t, 'kernel vxlan', n1, c1, c2);
    assert.ok(sent >= 100 * MEGABYTE, `${sent} bytes were sent`);
    assert.ok(packets < sent / SEGMENT / 2, `${packets} packets crossed`);
  });

  test('a flood of pings is answered', async () => {
    const { c1 } = pair();
    const { sent, received } = await ping(c1, IP2, { count: 500, flood: true });
    assert.deepEqual([sent, received], [500, 500]);
  });

  test('a transfer also works in the other direction, at the requested rate', async () => {
    const { c1, c2 } = pair();
    const { received } = await iperf3(c2, c1, { address: IP2, seconds: 1, bitrate: 20e6, reverse: true });
    assert.ok(received > 1e6 && received < 5e6, `${received} bytes came`);
  });

  test('a transfer without a server fails with iperf3’s message', async () => {
    const { c1, c2 } = pair();
    await assert.rejects(iperf3(c2, c1, { address: '127.0.0.1', bytes: 1 }), /iperf3: unable to connect.*refused/);
  });

  test('datagrams are sent at the requested rate, and losses are counted', async (t) => {
    const { c1, c2 } = pair();
    const bitrate = 20e6;
    const result = await iperf3(c2, c1, { address: IP2, seconds: 1, udp: true, bitrate, length: 1400 });
    t.diagnostic(`kernel vxlan, UDP: ${result.lost} of ${result.datagrams} datagrams lost`);
    assert.ok(result.datagrams > 1500, `${result.datagrams} datagrams were sent`);
    assert.ok(result.lost < result.datagrams / 2, `${result.lost} of ${result.datagrams} were lost`);
  });
});

overlay('kernel vxlan to kernel vxlan, packet by packet', { offloads: false }, {}, (pair) => {
  test('a TCP transfer of 100 MB completes, with one segment per packet', async (t) => {
    const { n1, c1, c2 } = pair();
    const before = linkCounters(c2, CONTAINER_DEVICE).received.packets;
    const { sent, received, packets } = await transfer(t, 'kernel vxlan, packet by packet', n1, c1, c2);
    assert.ok(sent >= 100 * MEGABYTE, `${sent} bytes were sent`);
    assert.ok(packets >= received / SEGMENT, `${packets} packets crossed`);
    const handedUp = linkCounters(c2, CONTAINER_DEVICE).received.packets - before;
    assert.ok(handedUp >= received / SEGMENT, `${handedUp} packets came to the container`);
  });
});

overlay(
  'kernel vxlan to kernel vxlan, as it would be without a network card’s help',
  {},
  { offloads: false },
  (pair) => {
    test('every packet fits the wire, with a complete TCP checksum', async () => {
      const { n2, c1, c2 } = pair();
      const wire = await watched(n2, () => tcpTransfer(c2, c1, { address: IP2, bytes: MEGABYTE }));
      assert.ok(wire.tcp > MEGABYTE / SEGMENT, `${wire.tcp} packets with TCP crossed`);
      assert.deepEqual([wire.unfinished, wire.longest], [0, 14 + 1500]);
    });

    test('a TCP transfer of 100 MB completes', async (t) => {
      const { n1, c1, c2 } = pair();
      const { received, packets } = await transfer(t, 'kernel vxlan on a plain wire', n1, c1, c2);
      assert.ok(packets >= received / SEGMENT, `${packets} packets crossed`);
    });
  },
);

overlay('kernel vxlan to kernel vxlan over a small underlay', {}, { mtu: 1400 }, (pair) => {
  test('a ping that is too big for the underlay is answered with the MTU that fits', async () => {
    const { c1 } = pair();
    const { received, errors } = await ping(c1, IP2, { size: 1400, count: 2, doNotFragment: true, patience: 0.2 });
    assert.equal(received, 0);
    assert.match(errors.join(), /Frag needed and DF set \(mtu = 1350\)/);
    assert.equal((await ping(c1, IP2, { size: 1350 - 28, doNotFragment: true })).lost, 0);
  });
});

overlay('kernel vxlan to kernel vxlan over IPv6', { family: 6, mtu: 1430 }, {}, (pair) => {
  test('pings of every size that fits are answered, both ways', async () => {
    const { c1, c2 } = pair();
    for (const size of [56, 1402]) {
      assert.equal((await ping(c1, IP2, { size, doNotFragment: true })).lost, 0);
      assert.equal((await ping(c2, IP1, { size, doNotFragment: true })).lost, 0);
    }
  });
});
