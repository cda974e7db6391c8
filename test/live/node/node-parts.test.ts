import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LivePart } from '../../../src/live/port/live-part.js';
import { BalancerPort } from '../../../src/live/services/balancer-port.js';
import { SendVector } from '../../../src/live/socket/send-vector.js';
import { SocketType, SystemSocket } from '../../../src/live/socket/system-socket.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { LoadBalancer } from '../../../src/service/index.js';
import { topologyOf } from '../../dataplane/topology.js';
import { HERE, portOf, withoutSockets } from '../loopback.js';
import { MemoryUnderlay, MemoryWire } from '../memory-underlay.js';
import { cipherOf, Running } from '../running-node.js';
import { LiveNode } from '../../../src/live/index.js';

/** A part that records its turns. */
class Recorder implements LivePart {
  descriptors: readonly number[] = [];
  pending = false;
  /** Which of its descriptors were ready, by turn. */
  readonly turns: boolean[][] = [];
  /** Packets that it has yet to move, one each turn. */
  waiting = 0;

  turn(isReady: (index: number) => boolean): number {
    this.turns.push(this.descriptors.map((_, index) => isReady(index)));
    if (this.waiting === 0) return 0;
    this.waiting--;
    return 1;
  }
}

/** An underlay in memory whose socket is polled. */
class PolledUnderlay extends MemoryUnderlay {
  override readonly descriptors: readonly number[];

  constructor(descriptor: number) {
    super(new MemoryWire(), Uint8Array.of(192, 168, 50, 1));
    this.descriptors = [descriptor];
  }
}

/** Makes a socket readable. */
function poke(port: number): void {
  const sender = new SystemSocket(4, SocketType.Datagram, 0, 'a test');
  const batch = new PacketBatch(new Arena({ slots: 1, frameBytes: 64 }));
  batch.copyIn(Uint8Array.of(1), 0, 1, -1, 0);
  const vector = new SendVector(1);
  vector.setAddresses([HERE], port);
  vector.send(sender.descriptor, batch, 0);
  sender.close();
}

describe("a node's parts", () => {
  test('get a turn in each round, until nothing moves', () => {
    const part = new Recorder();
    const { node } = new Running(topologyOf(), 'n1', new MemoryWire(), { parts: [part] });
    part.waiting = 2;
    assert.equal(node.turn(0), true);
    assert.equal(part.turns.length, 3);
    assert.equal(node.turn(0), false);
    node.removePart(part);
    node.turn(0);
    assert.equal(part.turns.length, 4);
    node.close();
  });
});

describe('polling', { skip: withoutSockets() }, () => {
  const sockets = [0, 1].map(() => new SystemSocket(4, SocketType.Datagram, 0, 'a test'));
  const [socket, other] = sockets;
  const arena = new Arena({ slots: 64, frameBytes: 2000 });

  function nodeWith(parts: readonly LivePart[]): LiveNode {
    const underlay = new PolledUnderlay(socket.descriptor);
    return new LiveNode({
      topology: topologyOf(),
      node: 'n1',
      underlay,
      arena,
      cipher: cipherOf(),
      clock: () => 0,
      parts,
    });
  }

  test("goes on with a load balancer's port, which says what it has buffered", () => {
    const node = nodeWith([]);
    assert.equal(node.waits, true);
    const balancer = new LoadBalancer({ back: { address: '10.0.9.3' } });
    const port = new BalancerPort({ name: 'lb', balancer, arena, clock: () => 0 });
    node.attach('c1', port);
    assert.equal(node.waits, true);
    const arp = Buffer.from(
      'ffffffffffff02420a00090a0806000108000604000102420a00090a0a00090a0000000000000a000903',
      'hex',
    );
    port.send(arp, 0, arp.length);
    port.flush();
    // It doesn't wait for the socket.
    const began = performance.now();
    assert.equal(node.turn(5000), true);
    assert.ok(performance.now() - began < 4000);
    assert.equal(port.pending, false);
    node.close();
  });

  test("includes a part's descriptors, also when the list changes", () => {
    const port = portOf(0);
    const part = new Recorder();
    const node = nodeWith([part]);
    other.bind(HERE, port, 'loopback');
    poke(port);
    assert.equal(node.turn(1), false, 'its socket is not polled yet');
    part.descriptors = [-1, other.descriptor];
    node.turn(5000);
    assert.deepEqual(part.turns.at(-1), [false, true]);
    part.descriptors = [];
    part.turns.length = 0;
    node.turn(1);
    assert.deepEqual(part.turns, []);
    node.close();
  });

  test("doesn't wait while a part has something pending", () => {
    const part = new Recorder();
    const node = nodeWith([]);
    node.addPart(part);
    part.pending = true;
    const began = performance.now();
    node.turn(5000);
    assert.ok(performance.now() - began < 4000);
    assert.equal(part.turns.length, 1);
    node.close();
    for (const one of sockets) one.close();
  });
});
