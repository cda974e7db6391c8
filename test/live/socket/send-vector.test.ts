/** SendVector with partial sends: real system calls, preceded by simulated kernel errors. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { lastErrno } from '../../../src/foreign/index.js';
import { Errno, linux, type Linux } from '../../../src/live/system/linux.js';
import { MessageVector } from '../../../src/live/socket/message-vector.js';
import { ReceiveVector } from '../../../src/live/socket/receive-vector.js';
import { SendVector } from '../../../src/live/socket/send-vector.js';
import { Transmission } from '../../../src/live/socket/transmission.js';
import { SocketType, SystemSocket } from '../../../src/live/socket/system-socket.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { HERE, portOf, THERE, untilTaken, withoutSockets } from '../loopback.js';

const PACKETS = 20;
const VECTOR = 8;
const MSG_DONTWAIT = 0x40;

/** Sets this thread's errno, like a failed call. */
function setErrno(value: number): void {
  (createRequire(import.meta.url)('koffi') as { errno(value: number): number }).errno(value);
}

/** The behaviour of a sendmmsg call: fail with an error, or accept at most so many packets. */
type Outcome = { readonly errno: number } | { readonly most: number };

/**
 * Sends twenty packets with calls of at most eight.
 * @param outcomes outcomes of the first calls; later ones accept everything
 */
function send(outcomes: readonly Outcome[]) {
  const sockets = [HERE, THERE].map(() => new SystemSocket(4, SocketType.Datagram, 0, 'a test'));
  const [from, to] = sockets;
  const port = portOf(0);
  to.bind(THERE, port, 'loopback');
  const { sendmmsg, poll } = linux();
  const calls: number[] = [];
  const waits: number[] = [];
  const system: Pick<Linux, 'sendmmsg' | 'poll'> = {
    sendmmsg: (socket, messages, count, flags) => {
      const outcome = outcomes.at(calls.length) ?? { most: count };
      calls.push(count);
      if ('most' in outcome) return sendmmsg(socket, messages, Math.min(count, outcome.most), flags);
      setErrno(outcome.errno);
      return -1;
    },
    poll: (descriptors, count, milliseconds) => {
      waits.push(milliseconds);
      return poll(descriptors, count, milliseconds);
    },
  };
  const arena = new Arena({ slots: PACKETS, frameBytes: 100, debug: true });
  const batch = new PacketBatch(arena);
  for (let i = 0; i < PACKETS; i++) batch.copyIn(new Uint8Array(10).fill(i), 0, 10, -1, 0);
  const vector = new SendVector(VECTOR, new Transmission(system));
  vector.setAddresses([THERE], port);
  vector.send(from.descriptor, batch, 0);
  batch.clear();
  const received = new ReceiveVector(arena, PACKETS);
  const came: number[] = [];
  untilTaken(vector.sent, [to.descriptor], () => {
    const count = received.receive(to.descriptor, PACKETS);
    for (let i = 0; i < count; i++) {
      const slot = received.take(i);
      came.push(arena.bytes[arena.frameOffsetOf(slot)]);
      arena.free(slot);
    }
    return count;
  });
  received.close();
  for (const socket of sockets) socket.close();
  assert.deepEqual(arena.holders(), []);
  assert.equal(vector.sent, came.length);
  return { came, calls, waits, refused: Object.fromEntries(vector.refused) };
}

const ALL = Array.from({ length: PACKETS }, (_, i) => i);

describe('a send vector', { skip: withoutSockets() }, () => {
  test('makes as few calls as possible', () => {
    const { came, calls, waits, refused } = send([]);
    assert.deepEqual([came, calls, waits, refused], [ALL, [8, 8, 4], [], {}]);
  });

  test('continues after the packets that a call accepted', () => {
    const { came, calls, refused } = send([{ most: 3 }, { most: 1 }]);
    assert.deepEqual([came, calls, refused], [ALL, [8, 5, 4, 8, 4], {}]);
  });

  test('retries after a signal (EINTR), however often, and loses none', () => {
    const interrupted = { errno: Errno.Interrupted };
    const { came, calls, waits, refused } = send([interrupted, interrupted, { most: 2 }, interrupted]);
    assert.deepEqual([came, calls, waits, refused], [ALL, [8, 8, 8, 6, 6, 8, 4], [], {}]);
  });

  for (const [name, errno] of [
    ['EAGAIN', Errno.Again],
    ['ENOBUFS', Errno.NoBuffers],
  ] as const) {
    test(`waits once for a full queue (${name}), a few milliseconds, and loses none if there is room then`, () => {
      const { came, calls, waits, refused } = send([{ most: 5 }, { errno }]);
      assert.deepEqual([came, calls, waits, refused], [ALL, [8, 3, 3, 8, 4], [5], {}]);
    });

    test(`loses and counts only the rest of the call if the queue stays full (${name})`, () => {
      const { came, calls, waits, refused } = send([{ most: 5 }, { errno }, { errno }]);
      assert.deepEqual([calls, waits, refused], [[8, 3, 3, 8, 4], [5], { [name]: 3 }]);
      assert.deepEqual(
        came,
        ALL.filter((i) => i < 5 || i > 7),
      );
    });
  }

  test('refuses packets for a removed node, and sends the others', () => {
    const socket = new SystemSocket(4, SocketType.Datagram, 0, 'a test');
    const arena = new Arena({ slots: 4, frameBytes: 100, debug: true });
    const batch = new PacketBatch(arena);
    for (const peer of [1, 0, 1]) batch.copyIn(new Uint8Array(10), 0, 10, -1, peer);
    const vector = new SendVector(VECTOR);
    vector.setAddresses([undefined, THERE], portOf(0));
    vector.send(socket.descriptor, batch, 0);
    batch.clear();
    socket.close();
    assert.deepEqual([vector.sent, Object.fromEntries(vector.refused)], [2, { EDESTADDRREQ: 1 }]);
  });

  test('loses only the first packet if the system refuses it', () => {
    const { came, calls, refused } = send([{ errno: Errno.Perm }, { most: 1 }, { errno: Errno.Perm }]);
    assert.deepEqual([calls, refused], [[8, 7, 6, 5, 8, 4], { EPERM: 2 }]);
    assert.deepEqual(
      came,
      ALL.filter((i) => i !== 0 && i !== 2),
    );
  });
});

describe('the error number of the last call', { skip: withoutSockets() }, () => {
  test('is updated by each call', () => {
    const socket = new SystemSocket(4, SocketType.Datagram, 0, 'a test');
    const messages = new MessageVector(1);
    for (const [descriptor, errno] of [
      [-1, 9],
      [socket.descriptor, Errno.Again],
      [-1, 9],
    ]) {
      assert.equal(linux().recvmmsg(descriptor, messages.addressOf(0), 1, MSG_DONTWAIT, 0), -1);
      assert.deepEqual([lastErrno(), lastErrno()], [errno, errno]);
    }
    setErrno(Errno.Interrupted);
    assert.equal(lastErrno(), Errno.Interrupted);
    socket.close();
  });
});
