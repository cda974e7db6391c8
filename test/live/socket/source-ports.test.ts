import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SendVector } from '../../../src/live/socket/send-vector.js';
import { ReceiveVector } from '../../../src/live/socket/receive-vector.js';
import { openSourcePorts } from '../../../src/live/socket/source-ports.js';
import { SocketType, SystemSocket } from '../../../src/live/socket/system-socket.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { HERE, LOOPBACK6, portOf, THERE, untilTaken, withoutSockets } from '../loopback.js';
import { refused } from '../refused.js';

/** Opens sockets on ports from a list, the last of which is repeated. */
function openOn(address: Uint8Array, count: number, ports: readonly number[]): SystemSocket[] {
  let next = 0;
  return openSourcePorts(address, count, () => ports[Math.min(next++, ports.length - 1)]);
}

describe('source ports', { skip: withoutSockets() }, () => {
  test('are others if some are in use', () => {
    const [a, b, c] = [1, 2, 3].map((number) => portOf(number));
    for (const address of [HERE, LOOPBACK6]) {
      const sockets = openOn(address, 2, [a, b]);
      const more = openOn(address, 1, [a, b, a, c]);
      refused(() => openOn(address, 1, [a, b, c]), 'PORT_IN_USE', /^can't bind a UDP source port to /);
      for (const socket of [...sockets, ...more]) socket.close();
      for (const socket of openOn(address, 3, [a, b, c])) socket.close();
    }
  });

  test('are those that RFC 7348 recommends and the kernel uses', () => {
    const asked: number[] = [];
    const choose = (lowest: number, highest: number): number => {
      asked.push(lowest, highest);
      return portOf(4);
    };
    for (const socket of openSourcePorts(HERE, 1, choose)) socket.close();
    assert.deepEqual(asked, [49_152, 60_999]);
  });

  test('keep nothing that others send to them', () => {
    const [own] = openOn(THERE, 1, [portOf(5)]);
    const other = new SystemSocket(4, SocketType.Datagram, 0, 'a test');
    other.bind(THERE, portOf(6), 'loopback');
    const from = new SystemSocket(4, SocketType.Datagram, 0, 'a test');
    const arena = new Arena({ slots: 64, frameBytes: 100, debug: true });
    for (const port of [portOf(5), portOf(6)]) {
      const batch = new PacketBatch(arena);
      for (let i = 0; i < 10; i++) batch.copyIn(new Uint8Array(20), 0, 20, -1, 0);
      const sent = new SendVector(10);
      sent.setAddresses([THERE], port);
      sent.send(from.descriptor, batch, 0);
      batch.clear();
    }
    const received = new ReceiveVector(arena, 20);
    let came = 0;
    untilTaken(10, [other.descriptor], () => {
      const count = received.receive(other.descriptor, 20);
      for (let i = 0; i < count; i++) arena.free(received.take(i));
      came += count;
      return count;
    });
    assert.deepEqual([came, received.receive(own.descriptor, 20)], [10, 0]);
    received.close();
    for (const socket of [own, other, from]) socket.close();
    assert.deepEqual(arena.holders(), []);
  });
});
