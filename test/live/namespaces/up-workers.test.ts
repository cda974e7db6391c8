/** `vtep up --workers`: beside the kernel's vxlan driver, between two nodes of an encrypted network, and changing. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ownerOfPeer } from '../../../src/live/socket/worker-steering.js';
import { parseIp } from '../../../src/overlay/index.js';
import { scratch, vtep } from '../../cli/run.js';
import { CONTAINER_DEVICE, dockerMac, KernelVtep, VNI } from './kernel-vtep.js';
import { linkCounters } from './link-counters.js';
import { NamespaceBench } from './namespace-bench.js';
import { type NetworkNamespace } from './network-namespace.js';
import { PacketCapture } from './packet-capture.js';
import { ping } from './ping.js';
import { assertPingsBothWays } from './pings-both-ways.js';
import { requirements } from './requirements.js';
import { RunningPing } from './running-ping.js';
import { tcpTransfer } from './tcp-transfer.js';
import { underlay, UNDERLAY_DEVICE } from './underlay.js';
import { assertDropped, UpNode, type UpReport } from './up-node.js';

const IP1 = '10.0.9.3';
const IP2 = '10.0.9.4';
const ANOTHER1 = '10.0.10.3';
const ANOTHER2 = '10.0.10.4';
const BYTES = 3_000_000;
/** So many that all of them use one of two queues once in 2^63 runs. */
const FLOWS = 64;
/** Upper bound of the containers' spontaneous traffic. */
const SOME = 20;
const FIRST_PORT = 9000;

const skip = requirements();
const folder = scratch();

/** Sends a datagram each to many ports, from many. The answers are ICMP: nobody listens. */
function manyFlows(from: NetworkNamespace, to: string): void {
  from.call(['bash', '-c', `for i in {1..${FLOWS}}; do echo > /dev/udp/${to}/$((${FIRST_PORT} + i)); done`]);
}

function sumOf<T>(list: readonly T[], of: (one: T) => number): number {
  return list.reduce((sum, one) => sum + of(one), 0);
}

/** Asserts that the workers' counters are parts of the node's, and that nothing was lost between them. */
function assertSums(report: UpReport, workers: number): NonNullable<UpReport['workers']> {
  const each = report.workers ?? [];
  assert.equal(each.length, workers);
  for (const [sum, of] of [
    [report.egress.in, (one: (typeof each)[0]) => one.egress],
    [report.ingress.in, (one: (typeof each)[0]) => one.ingress],
    [report.sealed, (one: (typeof each)[0]) => one.sealed],
    [report.opened, (one: (typeof each)[0]) => one.opened],
  ] as const) {
    assert.equal(sumOf(each, of), sum);
  }
  assert.equal(
    sumOf(each, ({ given }) => given),
    sumOf(each, ({ taken }) => taken),
  );
  return each;
}

for (const workers of [2, 4]) {
  describe(`vtep up --workers ${workers} beside the kernel`, { skip }, () => {
    const bench = new NamespaceBench();
    let c1: NetworkNamespace;
    let c2: NetworkNamespace;
    let up: UpNode;
    before(async () => {
      const [n1, n2] = underlay(bench, { offloads: false });
      const k1 = new KernelVtep(bench, n1.namespace, 'o1');
      k1.add({ ip: IP2, mac: dockerMac(IP2), vtep: n2.ipv4 });
      c1 = k1.attach('c1', IP1);
      c2 = bench.namespace('c2');
      const config = join(folder, `clear-${workers}.json`);
      const network = { vni: VNI, subnet: '10.0.9.0/24' };
      const written = {
        nodes: { node1: { vtep: n1.ipv4 }, node2: { vtep: n2.ipv4 } },
        networks: { net: network },
        endpoints: {
          c1: { network: 'net', node: 'node1', ip: IP1, mac: dockerMac(IP1) },
          c2: { network: 'net', node: 'node2', ip: IP2, mac: dockerMac(IP2), device: CONTAINER_DEVICE, netns: c2.name },
        },
      };
      writeFileSync(config, JSON.stringify(written));
      up = new UpNode(n2.namespace, { config, node: 'node2', words: ['--workers', String(workers)] });
      await up.start();
    });
    after(() => bench.close());

    test('pings of every size that fits are answered, both ways', async () => {
      await assertPingsBothWays({ container: c1, ip: IP1 }, { container: c2, ip: IP2 }, [56, 1422]);
    });

    test('TCP streams arrive unchanged, both ways', async () => {
      for (const [server, client, address] of [
        [c2, c1, IP2],
        [c1, c2, IP1],
      ] as const) {
        const { sent, received } = await tcpTransfer(server, client, { address, bytes: BYTES });
        assert.deepEqual([sent.bytes, received], [BYTES, sent]);
      }
    });

    test('flows are divided among the workers, and every packet is counted once', async () => {
      manyFlows(c1, IP2);
      manyFlows(c2, IP1);
      // What is in a queue is read in order.
      assert.equal((await ping(c1, IP2)).lost, 0);
      const { received, sent } = linkCounters(c2, CONTAINER_DEVICE);
      const report = await up.stop();
      assertDropped(report, { NEIGH_ANSWERED: [0, SOME] }, {});
      const each = assertSums(report, workers);
      assert.ok(
        each.every(({ egress, ingress }) => egress > 0 && ingress > 0),
        JSON.stringify(each),
      );
      assert.equal(report.underlay.received, report.ingress.in);
      const { c2: c2Report } = report.endpoints;
      assert.ok(c2Report.sent >= received.packets && c2Report.received >= sent.packets);
    });
  });
}

describe('two nodes with an encrypted network and --workers 2', { skip }, () => {
  const bench = new NamespaceBench();
  let containers: readonly [NetworkNamespace, NetworkNamespace];
  let others: readonly [NetworkNamespace, NetworkNamespace];
  let ups: readonly [UpNode, UpNode];
  let vteps: readonly [string, string];
  let node2: NetworkNamespace;
  const config = join(folder, 'encrypted.json');

  /** The config, with or without another network, which is clear. */
  function write(another: boolean): void {
    const device = CONTAINER_DEVICE;
    const written = {
      nodes: { node1: { vtep: vteps[0] }, node2: { vtep: vteps[1] } },
      networks: {
        net: { vni: VNI, subnet: '10.0.9.0/24', encrypted: true },
        ...(another ? { another: { vni: VNI + 1, subnet: '10.0.10.0/24' } } : {}),
      },
      endpoints: {
        c1: { network: 'net', node: 'node1', ip: IP1, device, netns: containers[0].name },
        c2: { network: 'net', node: 'node2', ip: IP2, device, netns: containers[1].name },
        ...(another
          ? {
              d1: { network: 'another', node: 'node1', ip: ANOTHER1, device, netns: others[0].name },
              d2: { network: 'another', node: 'node2', ip: ANOTHER2, device, netns: others[1].name },
            }
          : {}),
      },
    };
    writeFileSync(config, JSON.stringify(written));
  }

  before(async () => {
    const nodes = underlay(bench, { offloads: false });
    vteps = [nodes[0].ipv4, nodes[1].ipv4];
    node2 = nodes[1].namespace;
    containers = [bench.namespace('c1'), bench.namespace('c2')];
    others = [bench.namespace('d1'), bench.namespace('d2')];
    write(false);
    const ring = join(folder, 'ring.yaml');
    const { status, stderr } = await vtep(['keys', 'generate', '-o', ring]);
    assert.equal(status, 0, stderr);
    const words = ['--ring', ring, '--workers', '2'];
    ups = [
      new UpNode(nodes[0].namespace, { config, node: 'node1', words }),
      new UpNode(nodes[1].namespace, { config, node: 'node2', words }),
    ];
    await Promise.all(ups.map((up) => up.start()));
  });
  after(() => bench.close());

  test('sequence numbers of each SA increase one by one, whichever queue a flow uses', async () => {
    const [c1, c2] = containers;
    const file = join(folder, 'esp.pcap');
    const capture = await PacketCapture.start(node2, UNDERLAY_DEVICE, file, 'ip');
    manyFlows(c1, IP2);
    manyFlows(c2, IP1);
    const { sent, received } = await tcpTransfer(c2, c1, { address: IP2, bytes: BYTES / 10 });
    assert.deepEqual(received, sent);
    assert.equal((await ping(c1, IP2)).lost, 0);
    await capture.stop();
    const { stdout } = spawnSync('tcpdump', ['-n', '-r', file], { encoding: 'utf8', maxBuffer: 1 << 26 });
    const lines = stdout.trim().split('\n');
    const bySpi = new Map<string, number[]>();
    for (const line of lines) {
      const [, spi = '', sequence = ''] = /ESP\(spi=0x([\da-f]{8}),seq=0x([\da-f]+)\)/.exec(line) ?? [];
      assert.notEqual(spi, '', line);
      bySpi.set(spi, [...(bySpi.get(spi) ?? []), Number.parseInt(sequence, 16)]);
    }
    assert.equal(bySpi.size, 2);
    for (const numbers of bySpi.values()) {
      assert.ok(numbers.length > FLOWS);
      assert.deepEqual(
        numbers,
        numbers.map((_, i) => numbers[0] + i),
      );
    }
  });

  test('all workers follow a reload: a network and its endpoints come and go, and no ping is lost', async () => {
    const pings = await RunningPing.start(containers[0], IP2, { interval: 0.02 });
    write(true);
    for (const up of ups) await up.reload();
    manyFlows(others[0], ANOTHER2);
    assert.equal((await ping(others[1], ANOTHER1)).lost, 0);
    write(false);
    for (const up of ups) await up.reload();
    await pings.answers(5);
    assert.deepEqual((await pings.stop()).missing, []);
  });

  test('each SA was used by the owner of its peer alone, and the sums are exact', async () => {
    const reports = await Promise.all(ups.map((up) => up.stop()));
    for (const [i, report] of reports.entries()) {
      assertDropped(report, { NEIGH_ANSWERED: [0, SOME] }, {});
      const each = assertSums(report, 2);
      const owner = ownerOfPeer(parseIp(vteps[1 - i]), 2);
      assert.deepEqual(
        each.map(({ sealed, opened }) => [sealed > 0, opened > 0]),
        [0, 1].map((worker) => [worker === owner, worker === owner]),
      );
      // Some flows began in the other worker's queue.
      assert.ok(each[1 - owner].given > 0, JSON.stringify(each));
    }
    const [a, b] = reports;
    assert.deepEqual([a.sealed, b.sealed], [b.opened, a.opened]);
  });
});
