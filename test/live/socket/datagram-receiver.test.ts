import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { addressOf, NativeMemory } from '../../../src/foreign/index.js';
import { DatagramReceiver } from '../../../src/live/socket/datagram-receiver.js';
import { MessageVector } from '../../../src/live/socket/message-vector.js';
import { putSocketAddress } from '../../../src/live/socket/socket-address.js';
import { SocketOption, SocketType, SystemSocket } from '../../../src/live/socket/system-socket.js';
import { linux } from '../../../src/live/system/linux.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { ethernet, join, udpIp, vxlan } from '../../dataplane/build.js';
import { noise } from '../../fragment/split.js';
import { HERE, LOOPBACK6, portOf, THERE, untilTaken, withoutSockets } from '../loopback.js';

const UDP_SEGMENT = { level: 17, name: 103 } as never;
const TOS = { level: 0, name: 1 } as never;
const TRAFFIC_CLASS = { level: 41, name: 67 } as never;
const open: SystemSocket[] = [];
let ports = 0;

/** A message, and the size of the datagrams in it; 0 for one datagram. */
interface Sent {
  readonly payload: Uint8Array;
  readonly size: number;
}

/** A receiving socket with UDP_GRO, and a way to send to it. */
class Pair {
  readonly receiving: SystemSocket;
  readonly #sending: SystemSocket;
  readonly #to: Uint8Array;
  readonly #port: number;

  constructor(family: 4 | 6 = 4, gro = true) {
    this.#to = family === 4 ? THERE : LOOPBACK6;
    this.#port = portOf(ports++);
    this.receiving = new SystemSocket(family, SocketType.Datagram, 0, 'a test');
    this.#sending = new SystemSocket(family, SocketType.Datagram, 0, 'a test');
    open.push(this.receiving, this.#sending);
    this.receiving.bind(this.#to, this.#port, 'loopback');
    this.#sending.bind(family === 4 ? HERE : LOOPBACK6, 0, 'loopback');
    this.receiving.setBuffers(8 << 20);
    if (gro) assert.ok(this.receiving.set(SocketOption.UdpGro, 1));
    assert.ok(this.receiving.set(family === 4 ? SocketOption.ReceiveTos : SocketOption.ReceiveTrafficClass, 1));
    assert.ok(this.#sending.set(family === 4 ? TOS : TRAFFIC_CLASS, 0xb8));
  }

  send({ payload, size }: Sent): void {
    assert.ok(this.#sending.set(UDP_SEGMENT, size));
    const bytes = new NativeMemory(payload.length + 1);
    bytes.bytes.set(payload);
    const name = new NativeMemory(32);
    const vector = new MessageVector(1);
    vector.setPiece(0, bytes.address, payload.length);
    vector.setName(0, name.address, putSocketAddress(name.bytes, 0, this.#to, this.#port));
    assert.equal(linux().sendmmsg(this.#sending.descriptor, vector.addressOf(0), 1, 0), 1);
    assert.equal(addressOf(bytes.bytes), bytes.address);
  }
}

/** The datagrams that messages consist of. */
function datagramsOf(sent: readonly Sent[]): Uint8Array[] {
  return sent.flatMap(({ payload, size }) =>
    size === 0
      ? [payload]
      : Array.from({ length: Math.ceil(payload.length / size) }, (_, i) => payload.slice(i * size, (i + 1) * size)),
  );
}

/** Messages of these totals and sizes, with random bytes. */
function messages(...what: readonly (readonly [bytes: number, size: number])[]): Sent[] {
  return what.map(([bytes, size], i) => ({ payload: noise(bytes, i + 1), size }));
}

/** Receives until so many datagrams came, a batch at a time. */
function received(pair: Pair, receiver: DatagramReceiver, batch: PacketBatch, count: number, family: 4 | 6 = 4) {
  const came: Uint8Array[] = [];
  untilTaken(count, [pair.receiving.descriptor], () => {
    receiver.receive(pair.receiving.descriptor, batch);
    const { arena, start, end, sender, tos, segment } = batch;
    for (let i = 0; i < batch.count; i++) {
      came.push(arena.bytes.slice(start[i], end[i]));
      const span = family === 4 ? 4 : 16;
      assert.deepEqual(arena.bytes.slice(sender[i], sender[i] + span), family === 4 ? HERE : LOOPBACK6);
      assert.deepEqual([tos[i], segment[i]], [0xb8, 0]);
    }
    const taken = batch.count;
    batch.clear();
    return taken;
  });
  return came;
}

describe('datagrams that the kernel has merged', { skip: withoutSockets() }, () => {
  after(() => open.forEach((socket) => socket.close()));

  for (const family of [4, 6] as const) {
    test(`become one packet each over IPv${family}, byte for byte, with the sender and the traffic class`, () => {
      const pair = new Pair(family);
      const sent = messages([60_000, 1472], [100, 0], [3000, 1000], [0, 0], [1472 * 44, 1472], [2001, 1000], [1, 0]);
      sent.forEach((message) => pair.send(message));
      const arena = new Arena({ slots: 80, frameBytes: 65_600, debug: true });
      const receiver = new DatagramReceiver(arena, family);
      const expected = datagramsOf(sent);
      assert.deepEqual(received(pair, receiver, new PacketBatch(arena), expected.length, family), expected);
      assert.deepEqual([receiver.received, receiver.overrun, receiver.pending], [expected.length, 0, false]);
      receiver.close();
      assert.deepEqual(arena.holders(), []);
    });
  }

  test('wait for room, if a batch has less than they need, and none is lost', () => {
    const pair = new Pair();
    const sent = messages([50_000, 500], [10, 0], [64 * 100, 100], [40_000, 1000]);
    sent.forEach((message) => pair.send(message));
    const arena = new Arena({ slots: 80, frameBytes: 65_600, debug: true });
    const receiver = new DatagramReceiver(arena, 4);
    const expected = datagramsOf(sent);
    const batch = new PacketBatch(arena, 7);
    receiver.receive(pair.receiving.descriptor, batch);
    assert.deepEqual([batch.count, receiver.pending], [7, true]);
    // A full batch gets no more.
    receiver.receive(pair.receiving.descriptor, batch);
    assert.equal(batch.count, 7);
    const first = Array.from({ length: 7 }, (_, i) => arena.bytes.slice(batch.start[i], batch.end[i]));
    batch.clear();
    const rest = received(pair, receiver, batch, expected.length - 7);
    assert.deepEqual([...first, ...rest], expected);
    assert.equal(receiver.pending, false);
    receiver.close();
    assert.deepEqual(arena.holders(), []);
  });

  test('need just one slot, and are received when only one is free', () => {
    const pair = new Pair();
    const sent = messages([60_000, 1000], [30_000, 1000], [5, 0]);
    sent.forEach((message) => pair.send(message));
    const arena = new Arena({ slots: 1, frameBytes: 65_600, debug: true });
    const receiver = new DatagramReceiver(arena, 4);
    const expected = datagramsOf(sent);
    assert.deepEqual(received(pair, receiver, new PacketBatch(arena), expected.length), expected);
    receiver.close();
    assert.deepEqual(arena.holders(), []);
  });

  test('count as overrun if they are longer than a slot; the next are received', () => {
    const pair = new Pair();
    const sent = messages([10_000, 1000], [10, 0], [3000, 1000], [2001, 0], [2000, 0]);
    sent.forEach((message) => pair.send(message));
    const arena = new Arena({ slots: 8, frameBytes: 3000, debug: true });
    const receiver = new DatagramReceiver(arena, 4);
    const expected = datagramsOf(sent.slice(1));
    assert.deepEqual(received(pair, receiver, new PacketBatch(arena), expected.length), expected);
    assert.deepEqual([receiver.received, receiver.overrun], [expected.length, 1]);
    receiver.close();
    assert.deepEqual(arena.holders(), []);
  });

  test('come one by one from a kernel without UDP_GRO', () => {
    const pair = new Pair(4, false);
    const sent = messages([20_000, 1000], [10, 0]);
    sent.forEach((message) => pair.send(message));
    const arena = new Arena({ slots: 80, frameBytes: 3000, debug: true });
    const receiver = new DatagramReceiver(arena, 4);
    const expected = datagramsOf(sent);
    assert.deepEqual(received(pair, receiver, new PacketBatch(arena), expected.length), expected);
    receiver.close();
    assert.deepEqual(arena.holders(), []);
  });

  test('free their slot at the end, also those that still wait', () => {
    const pair = new Pair();
    messages([60_000, 1000], [30_000, 1000]).forEach((message) => pair.send(message));
    const arena = new Arena({ slots: 20, frameBytes: 65_600, debug: true });
    const receiver = new DatagramReceiver(arena, 4);
    const batch = new PacketBatch(arena, 3);
    receiver.receive(pair.receiving.descriptor, batch);
    assert.ok(receiver.pending);
    receiver.close();
    receiver.close();
    batch.clear();
    assert.deepEqual(arena.holders(), []);
  });

  for (const family of [4, 6] as const) {
    test(`are one packet if an IPv${family} frame fills the message: its segments are those of the UDP packet inside`, () => {
      const pair = new Pair();
      const inner = ethernet(udpIp(family, 80, noise(5000, 1)), family === 4 ? 0x0800 : 0x86dd);
      const whole = vxlan(4097, inner);
      // One byte less, and it is the first of several datagrams.
      for (const [payload, packets] of [
        [whole, 1],
        [whole.subarray(0, -1), 6],
        [join(whole, Uint8Array.of(1)), 6],
      ] as const) {
        pair.send({ payload, size: 1000 });
        const arena = new Arena({ slots: 80, frameBytes: 65_600, debug: true });
        const receiver = new DatagramReceiver(arena, 4);
        const batch = new PacketBatch(arena);
        untilTaken(packets, [pair.receiving.descriptor], () => {
          receiver.receive(pair.receiving.descriptor, batch);
          return batch.count;
        });
        assert.deepEqual([batch.count, batch.segment[0]], [packets, packets === 1 ? 1000 : 0]);
        batch.clear();
        receiver.close();
        assert.deepEqual(arena.holders(), []);
      }
    });
  }
});
