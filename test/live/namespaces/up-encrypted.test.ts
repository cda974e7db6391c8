/** `vtep up` on two nodes with an encrypted network between them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { scratch, vtep } from '../../cli/run.js';
import { FRAME, vxlan } from '../../dataplane/build.js';
import { missing } from '../../repository.js';
import { iperf3 } from './iperf3.js';
import { kernelBeside, rate } from './kernel-beside.js';
import { decryptedByTshark } from './decrypted-by-tshark.js';
import { CONTAINER_DEVICE, DATA_PATH_PORT, VNI } from './kernel-vtep.js';
import { NamespaceBench } from './namespace-bench.js';
import { type NetworkNamespace } from './network-namespace.js';
import { PacketCapture } from './packet-capture.js';
import { ping } from './ping.js';
import { assertPingsBothWays } from './pings-both-ways.js';
import { requirements } from './requirements.js';
import { RunningPing } from './running-ping.js';
import { tcpTransfer } from './tcp-transfer.js';
import { underlay, UNDERLAY_DEVICE, type UnderlayNode } from './underlay.js';
import { assertDropped, UpNode } from './up-node.js';

const IP1 = '10.0.9.3';
const IP2 = '10.0.9.4';
/** VNI of a clear network between the same nodes. */
const CLEAR = 'clear';
const CLEAR_IP2 = '10.0.10.4';
/** Port of the datagram in `FRAME`. */
const FRAME_PORT = 8080;
const MEGABYTE = 1_000_000;
const IP_AND_ICMP = 28;
/** Upper bound of the containers' spontaneous traffic: neighbour solicitations. */
const SOME = 20;

/** Two nodes, each with a container in the encrypted network and one in the clear one. */
interface Pair {
  readonly bench: NamespaceBench;
  readonly nodes: readonly [UnderlayNode, UnderlayNode];
  readonly ups: readonly [UpNode, UpNode];
  readonly c1: NetworkNamespace;
  readonly c2: NetworkNamespace;
  readonly clear1: NetworkNamespace;
  readonly clear2: NetworkNamespace;
  /** Paths of the nodes' key rings. */
  readonly rings: readonly [string, string];
}

interface PairOptions {
  readonly profile?: 'swarm' | 'strict';
  /** Whether the nodes keep sequence numbers in a file. */
  readonly state?: boolean;
}

const skip = requirements();
const folder = scratch();
let pairs = 0;

async function call(words: readonly string[]): Promise<void> {
  const { status, stderr } = await vtep(words);
  assert.equal(status, 0, stderr);
}

/** Sets up a pair, without `vtep up`. */
async function pairOf(bench: NamespaceBench, { profile = 'swarm', state = false }: PairOptions): Promise<Pair> {
  const file = (name: string): string => join(folder, `${pairs}-${name}`);
  pairs++;
  const nodes = underlay(bench, { offloads: false });
  const [c1, c2, clear1, clear2] = ['c1', 'c2', 'clear1', 'clear2'].map((name) => bench.namespace(name)) as [
    NetworkNamespace,
    NetworkNamespace,
    NetworkNamespace,
    NetworkNamespace,
  ];
  const device = CONTAINER_DEVICE;
  const config = file('config.json');
  const written = {
    profile,
    nodes: { node1: { vtep: nodes[0].ipv4 }, node2: { vtep: nodes[1].ipv4 } },
    networks: {
      net: { vni: VNI, subnet: '10.0.9.0/24', encrypted: true },
      [CLEAR]: { vni: VNI + 1, subnet: '10.0.10.0/24' },
    },
    endpoints: {
      c1: { network: 'net', node: 'node1', ip: IP1, device, netns: c1.name },
      c2: { network: 'net', node: 'node2', ip: IP2, device, netns: c2.name },
      clear1: { network: CLEAR, node: 'node1', ip: '10.0.10.3', device, netns: clear1.name },
      clear2: { network: CLEAR, node: 'node2', ip: CLEAR_IP2, device, netns: clear2.name },
    },
  };
  writeFileSync(config, JSON.stringify(written));
  const rings = [file('ring-1.yaml'), file('ring-2.yaml')] as const;
  await call(['keys', 'generate', '-o', rings[0], '--profile', profile]);
  copyFileSync(...rings);
  const ups = nodes.map(({ namespace }, i) => {
    const kept = state ? ['--state', file(`state-${i}`)] : [];
    return new UpNode(namespace, { config, node: `node${i + 1}`, words: ['--ring', rings[i] ?? '', ...kept] });
  }) as [UpNode, UpNode];
  return { bench, nodes, ups, c1, c2, clear1, clear2, rings };
}

/** Runs tests within a pair, whose bench and `vtep up` exist only during them. */
function betweenTwo(title: string, options: PairOptions, body: (pair: () => Pair) => void): void {
  describe(title, { skip }, () => {
    let bench: NamespaceBench | undefined;
    let pair: Pair | undefined;
    before(async () => {
      bench = new NamespaceBench();
      pair = await pairOf(bench, options);
      await Promise.all(pair.ups.map((up) => up.start()));
    });
    after(() => bench?.close());
    body(() => {
      assert.ok(pair);
      return pair;
    });
  });
}

/** MTU of a container. */
function mtuOf(container: NetworkNamespace): number {
  return Number(/ mtu (\d+) /.exec(container.ip(`link show dev ${CONTAINER_DEVICE}`))?.[1]);
}

/** The number of packets of a capture that match a tcpdump filter. */
function matching(file: string, filter: string): number {
  const { status, stdout, stderr } = spawnSync('tcpdump', ['-n', '-r', file, filter], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.split('\n').length - 1;
}

/** The SPIs on the wire during pings. */
async function spisOfPings({ nodes, c1 }: Pair): Promise<Set<string>> {
  const file = join(folder, 'spis.pcap');
  const capture = await PacketCapture.start(nodes[1].namespace, UNDERLAY_DEVICE, file, 'ip proto 50');
  assert.equal((await ping(c1, IP2)).lost, 0);
  assert.equal(await capture.stop(), 10);
  const { stdout } = spawnSync('tcpdump', ['-n', '-r', file], { encoding: 'utf8' });
  return new Set(Array.from(stdout.matchAll(/ESP\(spi=(0x[\da-f]{8})/g), ([, spi = '']) => spi));
}

betweenTwo('two nodes with an encrypted network', {}, (pair) => {
  test('pings of every size that fits are answered, both ways', async () => {
    const { c1, c2 } = pair();
    const sizes = [56, 512, 1000, mtuOf(c1) - IP_AND_ICMP];
    await assertPingsBothWays({ container: c1, ip: IP1 }, { container: c2, ip: IP2 }, sizes);
  });

  describe('on the wire', () => {
    const wire = join(folder, 'encrypted.pcap');
    before(async () => {
      const { nodes, c1 } = pair();
      const capture = await PacketCapture.start(nodes[1].namespace, UNDERLAY_DEVICE, wire, 'ip');
      const sizes = [56, mtuOf(c1) - IP_AND_ICMP];
      for (const size of sizes) {
        const { received, errors } = await ping(c1, IP2, { size });
        assert.deepEqual([size, received, errors], [size, 5, []]);
      }
      assert.equal(await capture.stop(), 2 * 5 * sizes.length);
    });

    test('all packets are ESP, and each fits', () => {
      assert.equal(matching(wire, `not (ip proto 50 and len <= ${14 + 1500})`), 0);
      assert.equal(matching(wire, 'ip proto 50'), 20);
    });

    test('tshark decrypts each of them with the keys of the ring', { skip: missing('tshark') }, async () => {
      const sas = join(folder, 'esp_sa');
      const inner = join(folder, 'inner.pcap');
      await call(['decap', wire, '-o', inner, '--keys', pair().rings[0], '--esp-sa', sas]);
      const rows = decryptedByTshark(wire, sas, folder);
      assert.equal(rows.length, 20);
      assert.deepEqual(
        [...new Set(rows)].sort(),
        [IP1, IP2].map((ip) => `1,0,${VNI},${ip}`),
      );
    });
  });

  test('drops clear VXLAN of the encrypted network, even from the other VTEP’s address', async () => {
    const { nodes, c1, c2 } = pair();
    const file = join(folder, 'clear.pcap');
    const capture = await PacketCapture.start(c2, CONTAINER_DEVICE, file, `udp port ${FRAME_PORT}`);
    const words = ['bash', '-c', `cat > /dev/udp/${nodes[1].ipv4}/${DATA_PATH_PORT}`];
    nodes[0].namespace.call(words, vxlan(VNI, FRAME));
    // Later packets have arrived.
    assert.equal((await ping(c1, IP2)).lost, 0);
    assert.equal(await capture.stop(), 0);
  });

  test('a TCP stream arrives unchanged', async () => {
    const { c1, c2 } = pair();
    const { sent, received } = await tcpTransfer(c2, c1, { address: IP2, bytes: 5 * MEGABYTE });
    assert.equal(sent.bytes, 5 * MEGABYTE);
    assert.deepEqual(received, sent);
  });

  test('transfers 100 MB of TCP, encrypted and clear', async (t) => {
    const { bench, nodes, c1, c2, clear1, clear2 } = pair();
    const encrypted = await rate({ c1, c2, ip2: IP2 });
    const clear = await rate({ c1: clear1, c2: clear2, ip2: CLEAR_IP2 });
    const kernel = await rate(kernelBeside(bench, nodes));
    t.diagnostic(`vtep to vtep, 100 MB: encrypted ${encrypted}; clear ${clear}; kernel to kernel, clear: ${kernel}`);
  });

  test('loses no ping while keys rotate every two seconds during a TCP transfer', async (t) => {
    const { ups, rings, c1, c2 } = pair();
    const spisBefore = await spisOfPings(pair());
    const pings = await RunningPing.start(c1, IP2, { interval: 0.02 });
    let rotations = 0;
    // As long as the rotations take: a busy machine reads a ring long after the packets.
    const transfer = (async () => {
      let done: Awaited<ReturnType<typeof iperf3>>;
      do done = await iperf3(c2, c1, { address: IP2, seconds: 3 });
      while (rotations < 4);
      return done;
    })();
    for (; rotations < 4; rotations++) {
      await call(['keys', 'rotate', rings[0]]);
      await ups[0].reload();
      await pings.answers(25);
      copyFileSync(...rings);
      await ups[1].reload();
      await pings.answers(75);
    }
    const { bitsPerSecond, retransmits } = await transfer;
    const { sent, missing: lost } = await pings.stop();
    const rate = (bitsPerSecond / 1e6).toFixed(0);
    t.diagnostic(
      `${rotations} rotations, TCP at ${rate} Mbit/s: ${lost.length} of ${sent} pings lost, ${retransmits} segments again`,
    );
    assert.deepEqual(lost, []);
    assert.ok(rotations >= 4 && sent > 200, `${rotations} rotations, ${sent} pings`);
    const spisAfter = await spisOfPings(pair());
    assert.deepEqual([spisBefore.size, spisAfter.size], [2, 2]);
    for (const spi of spisAfter) assert.ok(!spisBefore.has(spi), `${spi} was there before the rotations`);
    for (const up of ups) assert.doesNotMatch(up.said, /stays|failed/);
  });

  test('both final reports balance, with only the expected drops', async () => {
    const [a, b] = await Promise.all(pair().ups.map((up) => up.stop()));
    assertDropped(a, { NEIGH_ANSWERED: [1, SOME] }, {});
    assertDropped(b, { NEIGH_ANSWERED: [0, SOME] }, { CLEAR_OF_ENCRYPTED: 1 });
    assert.ok(a.sealed > 0 && a.opened > 0, JSON.stringify(a));
  });
});

/** Before and after a restart. */
const PINGS = 10;

/** Kills and restarts the first node during pings, and returns how many of the later ones were answered. */
async function answersAfterRestart({ ups, c1 }: Pair): Promise<number> {
  assert.equal((await ping(c1, IP2, { count: PINGS })).lost, 0);
  await ups[0].kill();
  await ups[0].start();
  return (await ping(c1, IP2, { count: PINGS })).received;
}

betweenTwo('two nodes of the strict profile, with --state', { profile: 'strict', state: true }, (pair) => {
  test('the peer’s replay window accepts packets after a kill and a restart', async () => {
    assert.equal(await answersAfterRestart(pair()), PINGS);
    assert.equal(await answersAfterRestart(pair()), PINGS);
  });

  test('both final reports balance, without drops', async () => {
    for (const report of await Promise.all(pair().ups.map((up) => up.stop()))) {
      assertDropped(report, { NEIGH_ANSWERED: [0, SOME] }, {});
    }
  });
});

betweenTwo('two nodes of the strict profile, without --state', { profile: 'strict' }, (pair) => {
  test('the peer’s replay window rejects packets after a restart without state', async () => {
    assert.equal(await answersAfterRestart(pair()), 0);
    const [, b] = await Promise.all(pair().ups.map((up) => up.stop()));
    assertDropped(b, { NEIGH_ANSWERED: [0, SOME] }, { XfrmInStateSeqError_Replayed: PINGS });
  });
});
