import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { SendVector } from '../../../src/live/socket/send-vector.js';
import { SocketType, SystemSocket } from '../../../src/live/socket/system-socket.js';
import { eventLoopDescriptor } from '../../../src/live/system/event-loop.js';
import { Poller } from '../../../src/live/system/poller.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { HERE, withoutSockets } from '../loopback.js';

test(
  "the event loop's descriptor is readable while a socket of Node has data, and no longer",
  { skip: withoutSockets() },
  async () => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.2');
    await once(socket, 'listening');
    const descriptor = await eventLoopDescriptor();
    assert.ok(descriptor !== undefined);
    const poller = new Poller([descriptor]);
    // The loop takes up a new socket when it next waits.
    do await setImmediate();
    while (poller.wait(0));
    const sender = new SystemSocket(4, SocketType.Datagram, 0, 'a test');
    const batch = new PacketBatch(new Arena({ slots: 1, frameBytes: 64 }));
    batch.copyIn(Uint8Array.of(1), 0, 1, -1, 0);
    const vector = new SendVector(1);
    vector.setAddresses([HERE], socket.address().port);
    const received = once(socket, 'message');
    vector.send(sender.descriptor, batch, 0);
    assert.equal(poller.wait(20_000), true);
    await received;
    do await setImmediate();
    while (poller.wait(0));
    sender.close();
    socket.close();
  },
);
