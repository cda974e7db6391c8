import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReceiveVector } from '../../../src/live/socket/receive-vector.js';
import { SendVector } from '../../../src/live/socket/send-vector.js';
import { addressIn } from '../../../src/live/socket/socket-address.js';
import { SocketOption, SocketType, SystemSocket } from '../../../src/live/socket/system-socket.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { HERE, portOf, THERE, untilTaken, withoutSockets } from '../loopback.js';
import { refused } from '../refused.js';

const open: SystemSocket[] = [];
let ports = 0;

/** A socket on an unused port. */
function socketOn(address: Uint8Array): { socket: SystemSocket; port: number } {
  const socket = new SystemSocket(4, SocketType.Datagram, 0, 'a test');
  open.push(socket);
  const port = portOf(ports++);
  socket.bind(address, port, 'loopback');
  return { socket, port };
}

/** Payloads of these lengths, each filled with its index. */
function batchOf(arena: Arena, lengths: readonly number[]): PacketBatch {
  const batch = new PacketBatch(arena);
  lengths.forEach((length, i) => batch.copyIn(new Uint8Array(length).fill(i), 0, length, -1, 0));
  return batch;
}

describe('datagrams through vectors', { skip: withoutSockets() }, () => {
  after(() => open.forEach((socket) => socket.close()));

  /** Sends payloads of these lengths from one loopback address to the other. */
  function sendTo(port: number, lengths: readonly number[], tos?: number): { sent: SendVector; port: number } {
    const from = socketOn(HERE);
    if (tos !== undefined) assert.ok(from.socket.set({ level: 0, name: 1 } as never, tos));
    const sent = new SendVector(8);
    sent.setAddresses([THERE], port);
    const arena = new Arena({ slots: 64, frameBytes: 60_000, debug: true });
    const batch = batchOf(arena, lengths);
    sent.send(from.socket.descriptor, batch, 0);
    assert.equal(batch.count, lengths.length);
    batch.clear();
    assert.deepEqual(arena.holders(), []);
    return { sent, port: from.port };
  }

  test('arrive complete and in order with their sender, over many small calls', () => {
    const { socket, port } = socketOn(THERE);
    const lengths = Array.from({ length: 40 }, (_, i) => i * 13);
    const { sent, port: from } = sendTo(port, lengths);
    assert.deepEqual([sent.sent, sent.refused.size], [40, 0]);
    const arena = new Arena({ slots: 64, frameBytes: 1000, debug: true });
    const vector = new ReceiveVector(arena, 16);
    const got: number[] = [];
    untilTaken(40, [socket.descriptor], () => {
      const count = vector.receive(socket.descriptor, 9);
      assert.ok(count <= 9);
      for (let i = 0; i < count; i++) {
        const name = vector.nameOf(i);
        assert.deepEqual(vector.names.subarray(addressIn(name, 4), addressIn(name, 4) + 4), HERE);
        assert.equal((vector.names[name + 2] << 8) | vector.names[name + 3], from);
        const slot = vector.take(i);
        const at = arena.frameOffsetOf(slot);
        const length = vector.length(i);
        assert.ok(arena.bytes.subarray(at, at + length).every((byte) => byte === got.length));
        got.push(length);
        arena.free(slot);
      }
      return count;
    });
    assert.deepEqual(got, lengths);
    assert.equal(vector.receive(socket.descriptor, 16), 0);
    vector.close();
    assert.deepEqual(arena.holders(), []);
  });

  test('longer than a slot have no length, and their slots are reused', () => {
    const { socket, port } = socketOn(THERE);
    sendTo(port, [300, 100, 101, 0, 60_000, 99]);
    const arena = new Arena({ slots: 6, frameBytes: 100, debug: true });
    const vector = new ReceiveVector(arena, 6);
    assert.equal(vector.receive(socket.descriptor, 6), 6);
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5].map((i) => vector.length(i)),
      [-1, 100, -1, 0, -1, 99],
    );
    for (const i of [1, 3, 5]) arena.free(vector.take(i));
    sendTo(port, [50, 51]);
    assert.equal(vector.receive(socket.descriptor, 6), 2);
    assert.deepEqual([vector.length(0), vector.length(1)], [50, 51]);
    vector.close();
    vector.close();
    assert.equal(arena.available, 6);
  });

  test('have their traffic class if the socket reports it, also after one that was too long', () => {
    const { socket, port } = socketOn(THERE);
    const arena = new Arena({ slots: 4, frameBytes: 100 });
    const vector = new ReceiveVector(arena, 4);
    sendTo(port, [10], 0xb8);
    assert.equal(vector.receive(socket.descriptor, 4), 1);
    assert.equal(vector.trafficClass(0), 0);
    assert.ok(socket.set(SocketOption.ReceiveTos, 1));
    sendTo(port, [500, 10], 0xb8);
    assert.equal(vector.receive(socket.descriptor, 4), 2);
    assert.deepEqual([vector.length(0), vector.trafficClass(1)], [-1, 0xb8]);
    sendTo(port, [10], 0x03);
    assert.equal(vector.receive(socket.descriptor, 1), 1);
    assert.equal(vector.trafficClass(0), 0x03);
    vector.close();
  });

  test('have a complete address and traffic class, also in calls after one that was too long', () => {
    const { socket, port } = socketOn(THERE);
    const arena = new Arena({ slots: 8, frameBytes: 100 });
    const vector = new ReceiveVector(arena, 4);
    const receive = (most: number): number => {
      let count = 0;
      untilTaken(1, [socket.descriptor], () => (count = vector.receive(socket.descriptor, most)));
      return count;
    };
    // Without the option, the kernel writes no control data for the second, which is too long, and its slot stays.
    sendTo(port, [10, 500], 0xb8);
    assert.equal(receive(4), 2);
    arena.free(vector.take(0));
    assert.ok(socket.set(SocketOption.ReceiveTos, 1));
    sendTo(port, [11], 0xb8);
    assert.equal(receive(1), 1);
    arena.free(vector.take(0));
    const { port: from } = sendTo(port, [12, 13], 0xb8);
    assert.equal(receive(4), 2);
    for (const i of [0, 1]) {
      const name = vector.nameOf(i);
      assert.deepEqual([vector.length(i), vector.trafficClass(i)], [12 + i, 0xb8]);
      assert.equal((vector.names[name + 2] << 8) | vector.names[name + 3], from);
      arena.free(vector.take(i));
    }
    vector.close();
  });

  test('wait in the socket while the arena has no free slots', () => {
    const { socket, port } = socketOn(THERE);
    sendTo(port, [1, 2, 3]);
    const arena = new Arena({ slots: 2, frameBytes: 64, debug: true });
    const taken = [arena.take(), arena.take()];
    const vector = new ReceiveVector(arena, 4);
    assert.equal(vector.receive(socket.descriptor, 4), 0);
    arena.free(taken[0]);
    assert.equal(vector.receive(socket.descriptor, 4), 1);
    assert.equal(vector.length(0), 1);
    arena.free(vector.take(0));
    arena.free(taken[1]);
    assert.equal(vector.receive(socket.descriptor, 4), 2);
    assert.deepEqual([vector.length(0), vector.length(1)], [2, 3]);
    vector.close();
    assert.deepEqual(arena.holders(), []);
  });

  test('give an error if the descriptor is not a socket', () => {
    const arena = new Arena({ slots: 2, frameBytes: 64, debug: true });
    const vector = new ReceiveVector(arena, 2);
    refused(() => vector.receive(-1, 2), 'SYSTEM_CALL', /can't receive \(EBADF\)/);
    vector.close();
    assert.deepEqual(arena.holders(), []);
  });

  test('that can’t be sent are counted by error name, and later ones are sent', () => {
    const { port } = socketOn(THERE);
    const { sent } = sendTo(port, [10, 20]);
    const from = socketOn(HERE);
    const arena = new Arena({ slots: 8, frameBytes: 66_000 });
    const batch = batchOf(arena, [10, 65_900, 12, 65_800, 14]);
    sent.send(from.socket.descriptor, batch, 0);
    assert.equal(sent.sent, 5);
    assert.deepEqual([...sent.refused], [['EMSGSIZE', 2]]);
  });

  test('are sent without the skipped bytes at the start', () => {
    const { socket, port } = socketOn(THERE);
    const from = socketOn(HERE);
    const sent = new SendVector(4);
    sent.setAddresses([HERE, THERE], port);
    const arena = new Arena({ slots: 8, frameBytes: 100 });
    const batch = new PacketBatch(arena);
    batch.copyIn(Uint8Array.of(1, 2, 3, 4, 5), 0, 5, -1, 1);
    sent.send(from.socket.descriptor, batch, 3);
    const vector = new ReceiveVector(arena, 2);
    assert.equal(vector.receive(socket.descriptor, 2), 1);
    const at = arena.frameOffsetOf(vector.take(0));
    assert.deepEqual([vector.length(0), arena.bytes[at], arena.bytes[at + 1]], [2, 4, 5]);
  });

  test('are counted by the socket if its queue is full', async () => {
    const { socket, port } = socketOn(THERE);
    assert.ok(socket.set(SocketOption.ReceiveBuffer, 4096));
    assert.equal(socket.overrun, 0);
    const { sent } = sendTo(port, new Array<number>(60).fill(1400));
    assert.equal(sent.sent, 60);
    await sleep(10);
    const arena = new Arena({ slots: 64, frameBytes: 2000 });
    const vector = new ReceiveVector(arena, 64);
    const received = vector.receive(socket.descriptor, 64);
    assert.ok(received > 0 && received < 60, `${received} found room`);
    assert.equal(socket.overrun, 60 - received);
    vector.close();
  });
});
