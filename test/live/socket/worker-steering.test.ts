/** The kernel gives each packet to the worker that the TypeScript rule names. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SocketUnderlay } from '../../../src/live/index.js';
import { SendVector } from '../../../src/live/socket/send-vector.js';
import { SocketType, SystemSocket } from '../../../src/live/socket/system-socket.js';
import { Transmission } from '../../../src/live/socket/transmission.js';
import { ownerOfPeer, workerOfDatagram } from '../../../src/live/socket/worker-steering.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { IpProtocol } from '../../../src/wire/index.js';
import { HERE, LOOPBACK6, portOf, untilTaken, withoutRawSockets, withoutSockets } from '../loopback.js';

const WORKERS = 4;
const ESP = 50;
const HEADER_INCLUDED = 255;
const SOURCE_PORTS = 24;

describe('the rules', () => {
  test('divide datagrams by source address and port, and peers by address', () => {
    const a = Uint8Array.of(192, 168, 50, 1);
    assert.deepEqual(
      [0, 1, 2, 3].map((i) => workerOfDatagram(a, 50_000 + i, 2)),
      [1, 0, 1, 0],
    );
    assert.deepEqual(
      [1, 2, 3, 4].map((i) => ownerOfPeer(Uint8Array.of(255, 255, 255, i), 3)),
      [1, 2, 3, 4].map((i) => (0xffffff00 + i) % 3),
    );
    // The sum wraps at 32 bits, as the kernel's does.
    assert.equal(workerOfDatagram(Uint8Array.of(255, 255, 255, 255), 4, 7), 3);
  });
});

/** The underlays of all workers of a VTEP, in order. */
class Workers {
  readonly arena = new Arena({ slots: 1024, frameBytes: 2000, debug: true });
  readonly underlays: SocketUnderlay[];

  constructor(vtep: Uint8Array, port: number, esp: boolean) {
    const { arena } = this;
    this.underlays = Array.from({ length: WORKERS }, (_, worker) => {
      return new SocketUnderlay({ vteps: [vtep], node: 0, port, arena, esp, share: { worker, workers: WORKERS } });
    });
  }

  /** Receives so many packets or datagrams; calls `each` with the worker and the bytes of each. */
  take(count: number, each: (worker: number, bytes: Uint8Array) => void): void {
    const [packets, datagrams] = [new PacketBatch(this.arena), new PacketBatch(this.arena)];
    const descriptors = this.underlays.flatMap((underlay) => underlay.descriptors);
    untilTaken(count, descriptors, () => {
      let taken = 0;
      this.underlays.forEach((underlay, worker) => {
        underlay.receive(packets, datagrams);
        for (const batch of [packets, datagrams]) {
          for (let i = 0; i < batch.count; i++) {
            each(worker, this.arena.bytes.slice(batch.start[i], batch.end[i]));
          }
          taken += batch.count;
          batch.clear();
        }
      });
      return taken;
    });
  }

  close(): void {
    for (const underlay of this.underlays) underlay.close();
    assert.deepEqual(this.arena.holders(), []);
  }
}

describe('sockets of several workers', { skip: withoutSockets() }, () => {
  for (const [family, address] of [
    [4, HERE],
    [6, LOOPBACK6],
  ] as const) {
    test(`receive IPv${family} datagrams by source port and address`, () => {
      const port = portOf(family);
      const workers = new Workers(address, port, false);
      const arena = new Arena({ slots: 64, frameBytes: 100 });
      const vector = new SendVector(64, new Transmission());
      vector.setAddresses([address], port);
      try {
        const sent = new Map<number, number>();
        for (let i = 0; i < SOURCE_PORTS; i++) {
          const sourcePort = portOf(12_000 - SOURCE_PORTS + i);
          const socket = new SystemSocket(family, SocketType.Datagram, 0, 'a sender');
          socket.bind(address, sourcePort, 'loopback');
          const batch = new PacketBatch(arena);
          batch.copyIn(Uint8Array.of(i, 0, 0, 0), 0, 4, -1, 0);
          vector.send(socket.descriptor, batch, 0);
          batch.clear();
          socket.close();
          sent.set(i, workerOfDatagram(address, sourcePort, WORKERS));
        }
        assert.equal(new Set(sent.values()).size, WORKERS);
        const received = new Map<number, number>();
        workers.take(SOURCE_PORTS, (worker, [i]) => received.set(i, worker));
        assert.deepEqual(
          [...received].sort(([a], [b]) => a - b),
          [...sent],
        );
      } finally {
        workers.close();
      }
    });
  }

  test('don’t share their port with another VTEP of the same user', () => {
    const port = portOf(1);
    const workers = new Workers(HERE, port, false);
    try {
      assert.throws(() => new Workers(HERE, port, false), { code: 'PORT_IN_USE' });
    } finally {
      workers.close();
    }
  });
});

describe('raw sockets of several workers', { skip: withoutRawSockets() }, () => {
  test('receive ESP of the peers that they own, each packet once', () => {
    const workers = new Workers(HERE, portOf(2), true);
    const socket = new SystemSocket(4, SocketType.Raw, HEADER_INCLUDED, 'a sender');
    const arena = new Arena({ slots: 64, frameBytes: 100 });
    const batch = new PacketBatch(arena);
    const peers = Array.from({ length: 16 }, (_, i) => Uint8Array.of(127, 0, 1, 10 + i));
    try {
      for (const source of peers) {
        const payload = new Uint8Array(24).fill(source[3]);
        const header = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, IpProtocol.Esp, 0, 0, ...source, ...HERE];
        batch.copyIn(Uint8Array.from([...header, ...payload]), 0, 20 + payload.length, -1, 0);
      }
      assert.equal(IpProtocol.Esp, ESP);
      const vector = new SendVector(64, new Transmission());
      vector.setAddresses([HERE], 0);
      vector.send(socket.descriptor, batch, 0);
      batch.clear();
      const received: number[][] = [];
      workers.take(peers.length, (worker, bytes) => received.push([bytes[15], worker]));
      assert.deepEqual(
        received.sort(([a], [b]) => a - b),
        peers.map((peer) => [peer[3], ownerOfPeer(peer, WORKERS)]),
      );
      // What a worker doesn't own isn't lost: another has it.
      assert.equal(
        workers.underlays.reduce((sum, { counters }) => sum + counters.overrun, 0),
        0,
      );
    } finally {
      socket.close();
      workers.close();
    }
  });
});
