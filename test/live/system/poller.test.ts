import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Poller } from '../../../src/live/system/poller.js';
import { SendVector } from '../../../src/live/socket/send-vector.js';
import { SocketType, SystemSocket } from '../../../src/live/socket/system-socket.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { HERE, portOf, withoutSockets } from '../loopback.js';

describe('a poller', { skip: withoutSockets() }, () => {
  test('waits for its timeout if nothing arrives', () => {
    const socket = new SystemSocket(4, SocketType.Datagram, 0, 'a test');
    const poller = new Poller([-1, socket.descriptor]);
    const began = performance.now();
    assert.equal(poller.wait(30), false);
    assert.ok(performance.now() - began >= 29);
    assert.deepEqual([poller.isReady(0), poller.isReady(1)], [false, false]);
    socket.close();
  });

  test('reports which descriptor is readable, until it is read', () => {
    const [one, two] = [0, 1].map(() => new SystemSocket(4, SocketType.Datagram, 0, 'a test'));
    two.bind(HERE, portOf(0), 'loopback');
    const poller = new Poller([one.descriptor, two.descriptor]);
    assert.equal(poller.wait(0), false);
    const batch = new PacketBatch(new Arena({ slots: 1, frameBytes: 64 }));
    batch.copyIn(Uint8Array.of(1), 0, 1, -1, 0);
    const vector = new SendVector(1);
    vector.setAddresses([HERE], portOf(0));
    vector.send(one.descriptor, batch, 0);
    assert.equal(poller.wait(1000), true);
    assert.deepEqual([poller.isReady(0), poller.isReady(1)], [false, true]);
    one.close();
    two.close();
  });

  test('reports a closed descriptor as ready, so that the reader notices', () => {
    const socket = new SystemSocket(4, SocketType.Datagram, 0, 'a test');
    const poller = new Poller([socket.descriptor]);
    socket.close();
    assert.equal(poller.wait(1000), true);
    assert.equal(poller.isReady(0), true);
  });

  test('also waits without descriptors', () => {
    assert.equal(new Poller([]).wait(1), false);
  });
});
