/** Frames go from one worker to another in order, and each is either taken or counted as refused. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HandOver } from '../../../src/live/workers/hand-over.js';
import { HandOverPort } from '../../../src/live/workers/hand-over-port.js';
import { PeerShare } from '../../../src/live/workers/peer-share.js';
import { closeMesh, createMesh, HandedOver, type WorkerMesh } from '../../../src/live/workers/worker-mesh.js';
import { Poller } from '../../../src/live/system/poller.js';
import { ownerOfPeer } from '../../../src/live/socket/worker-steering.js';
import { PacketBatch } from '../../../src/memory/index.js';
import { parseConfig } from '../../../src/overlay/files.js';
import { configText, fromHex, type Setup } from '../../dataplane/topology.js';
import { withoutSockets } from '../loopback.js';
import { MemoryWire } from '../memory-underlay.js';
import { frame, Running } from '../running-node.js';

const MAC1 = '02420a000903';
const MAC2 = '02420a000904';
const VNI = 4097;

/** Two workers of the node n1, each with a node, in one thread. */
class Pair {
  readonly mesh: WorkerMesh = createMesh(2);
  readonly wire = new MemoryWire();
  readonly workers: readonly { readonly running: Running; readonly handOver: HandOver }[];

  constructor(setup: Setup) {
    const topology = parseConfig(configText(setup));
    this.workers = [0, 1].map((worker) => {
      const ends: HandOver[] = [];
      const share = {
        owns: (vtep: Uint8Array): boolean => ownerOfPeer(vtep, 2) === worker,
        divert: (...[batch, tables, now]: Parameters<PeerShare['divert']>): number =>
          new PeerShare(worker, 2, ends[0]).divert(batch, tables, now),
      };
      const running = new Running(topology, 'n1', this.wire, { share });
      const handOver = new HandOver(this.mesh, worker, running.arena);
      ends.push(handOver);
      handOver.node = running.node;
      running.node.addPart(handOver);
      return { running, handOver };
    });
  }

  close(): void {
    for (const { running } of this.workers) running.node.close();
    closeMesh(this.mesh);
  }
}

describe('frames between workers', { skip: withoutSockets() }, () => {
  let pair: Pair;
  before(() => (pair = new Pair({ encrypted: true })));
  after(() => pair.close());

  const turn = (worker: number): void => {
    while (pair.workers[worker].running.node.turn(0));
  };

  test('of an encrypted network leave by the owner of their destination, in order, and by it alone', () => {
    const { tables } = pair.workers[0].running.node;
    const peer = tables.nodes[1 - tables.node];
    assert.ok(peer);
    const owner = ownerOfPeer(peer.vtep, 2);
    const [own, other] = [pair.workers[owner], pair.workers[1 - owner]];
    assert.deepEqual(
      [own, other].map(({ running }) => running.node.sas?.outbound(1 - tables.node) !== undefined),
      [true, false],
    );
    const frames = Array.from({ length: 10 }, (_, i) => frame(MAC2, MAC1, i.toString(16).padStart(2, '0')));
    other.running.port('c1').outgoing.push(...frames);
    turn(1 - owner);
    assert.deepEqual([pair.wire.sent.length, other.handOver.given], [0, 10]);
    // Its owner wakes.
    assert.ok(new Poller(own.handOver.descriptors).wait(0));
    turn(owner);
    assert.ok(!new Poller(own.handOver.descriptors).wait(0));
    assert.deepEqual([pair.wire.sent.length, own.handOver.taken, own.running.node.counters.sealed], [10, 10, 10]);
    assert.deepEqual([other.running.node.counters.egress.in, own.running.node.counters.egress.in], [0, 10]);
    own.running.balanced();
    other.running.balanced();
  });

  test('that find a ring full are refused, and all others arrive', () => {
    const [a, b] = pair.workers;
    const before = a.handOver.taken;
    const bytes = fromHex(`${MAC1}${MAC2}88b5`.padEnd(2000, '0'));
    const port = new HandOverPort(b.handOver, VNI, fromHex(MAC1));
    const count = 10_000;
    for (let i = 0; i < count; i++) port.send(bytes, 0, bytes.length);
    port.flush();
    const { sent, refused, refusedBy } = port.counters;
    assert.ok(refused > 0 && refused < count);
    assert.deepEqual([sent, refusedBy], [0, { CPU_BACKLOG: refused }]);
    turn(0);
    assert.equal(a.handOver.taken - before, count - refused);
    assert.equal(a.running.port('c1').given.length, count - refused);
    // There is room again.
    port.send(bytes, 0, bytes.length);
    assert.equal(port.counters.refused, refused);
    port.flush();
    turn(0);
    a.running.balanced();
  });

  test('for an endpoint or a network that is gone are counted', () => {
    const [a, b] = pair.workers;
    const bytes = frame(MAC1, MAC2);
    const { noPort, egress } = a.running.node.counters;
    const gone = new HandOverPort(b.handOver, VNI, fromHex('020000000001'));
    gone.send(bytes, 0, bytes.length);
    new HandOverPort(b.handOver, 12, fromHex(MAC1)).send(bytes, 0, bytes.length);
    assert.ok(b.handOver.push(0, HandedOver.Outbound, 12, 0, 0, bytes, 0, bytes.length));
    b.handOver.flush();
    turn(0);
    const after = a.running.node.counters;
    assert.equal(after.noPort, noPort + 2);
    assert.equal(after.egress.in, egress.in + 1);
    a.running.balanced();
  });

  test('stay with the worker that read them if they are for no peer', () => {
    const [{ running, handOver }] = pair.workers;
    const share = new PeerShare(0, 2, handOver);
    const batch = new PacketBatch(running.arena);
    for (const hex of ['ff'.repeat(6) + MAC1, `020000000077${MAC1}`, MAC1 + MAC2]) {
      const bytes = fromHex(`${hex}0800${'00'.repeat(46)}`);
      batch.copyIn(bytes, 0, bytes.length, 0);
    }
    const given = handOver.given;
    assert.equal(share.divert(batch, running.node.tables, 0), 0);
    assert.deepEqual([batch.count, handOver.given], [3, given]);
    batch.clear();
  });
});
