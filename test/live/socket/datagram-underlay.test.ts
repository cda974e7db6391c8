import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatagramUnderlay, LiveError } from '../../../src/live/index.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { HERE, LOOPBACK6, portOf, THERE } from '../loopback.js';

const open: DatagramUnderlay[] = [];
/** No packet comes as IP. */
const NONE = new PacketBatch(new Arena({ slots: 1, frameBytes: 64 }));

async function opened(vtep: Uint8Array, port: number, arena: Arena): Promise<DatagramUnderlay> {
  const underlay = await DatagramUnderlay.open({ vtep, port, arena });
  open.push(underlay);
  underlay.setNodes([HERE, THERE]);
  return underlay;
}

/** Packets with 28 bytes of headers, which the socket writes anew, and a payload that is its number. */
function packetsFor(arena: Arena, peer: number, lengths: readonly number[]): PacketBatch {
  const batch = new PacketBatch(arena, 256);
  lengths.forEach((length, i) => batch.copyIn(new Uint8Array(28 + length).fill(i), 0, 28 + length, -1, peer));
  return batch;
}

/** Waits until something holds. */
async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 5) {
    assert.ok(waited < 30_000, 'it never came about');
    await sleep(5);
  }
}

describe('an underlay over node:dgram', () => {
  after(() => open.forEach((underlay) => underlay.close()));

  test('carries packets from one address to the other, and frees their slots', async () => {
    const arena = new Arena({ slots: 300, frameBytes: 2000, debug: true });
    const [here, there] = [await opened(HERE, portOf(0), arena), await opened(THERE, portOf(0), arena)];
    const lengths = [8, 0, 100, 1450];
    const sent = packetsFor(arena, 1, lengths);
    here.send(sent);
    sent.clear();
    const batch = new PacketBatch(arena);
    await until(() => (there.receive(NONE, batch), batch.count === lengths.length));
    lengths.forEach((length, i) => {
      assert.equal(batch.end[i] - batch.start[i], length);
      assert.ok(arena.bytes.subarray(batch.start[i], batch.end[i]).every((byte) => byte === i));
      const at = batch.sender[i];
      assert.deepEqual(arena.bytes.subarray(at, at + 4), HERE);
    });
    batch.clear();
    await until(() => here.counters.sent === lengths.length);
    assert.deepEqual(here.counters, { received: 0, sent: 4, refused: {}, overrun: 0 });
    assert.deepEqual(there.counters, { received: 4, sent: 0, refused: {}, overrun: 0 });
    assert.deepEqual(arena.holders(), []);
  });

  test('refuses packets for a removed node, and sends the others', async () => {
    const arena = new Arena({ slots: 20, frameBytes: 100, debug: true });
    const here = await opened(HERE, portOf(7), arena);
    here.setNodes([HERE, undefined, THERE]);
    for (const peer of [1, 2]) {
      const batch = packetsFor(arena, peer, [8]);
      here.send(batch);
      batch.clear();
    }
    await until(() => here.counters.sent === 1);
    assert.deepEqual(here.counters.refused, { EDESTADDRREQ: 1 });
  });

  test('keeps packets while the arena has no free slot, and delivers them later', async () => {
    const arena = new Arena({ slots: 2, frameBytes: 100, debug: true });
    const there = await opened(THERE, portOf(6), arena);
    const socket = createSocket('udp4').unref();
    for (let i = 0; i < 5; i++) {
      await new Promise<void>((done) => socket.send(Uint8Array.of(i), portOf(6), '127.0.0.3', () => done()));
    }
    const batch = new PacketBatch(arena);
    const came: number[] = [];
    for (const count of [2, 2, 1]) {
      await until(() => (there.receive(NONE, batch), batch.count === count));
      assert.equal(there.receive(NONE, batch), 0);
      for (let i = 0; i < count; i++) came.push(arena.bytes[batch.end[i] - 1]);
      batch.clear();
    }
    assert.deepEqual(came, [0, 1, 2, 3, 4]);
    assert.deepEqual(there.counters, { received: 5, sent: 0, refused: {}, overrun: 0 });
    socket.close();
  });

  test('counts packets that don’t fit its queue or a slot, and receives the rest', async () => {
    const arena = new Arena({ slots: 300, frameBytes: 100, debug: true });
    const there = await opened(THERE, portOf(1), arena);
    const socket = createSocket('udp4').unref();
    const send = (length: number): Promise<void> =>
      new Promise((done) => socket.send(new Uint8Array(length), portOf(1), '127.0.0.3', () => done()));
    for (const length of [100, 101, 50]) await send(length);
    const batch = new PacketBatch(arena);
    await until(() => (there.receive(NONE, batch), there.counters.received + there.counters.overrun === 3));
    assert.deepEqual([batch.count, there.counters.received, there.counters.overrun], [2, 2, 1]);
    batch.clear();
    // At most 1,024 wait, though more arrive; on a busy machine the socket's own queue drops some first.
    for (let i = 0; i < 1000 && there.counters.overrun < 50; i++) {
      await Promise.all(Array.from({ length: 50 }, () => send(10)));
      await sleep(1);
    }
    let received = 0;
    for (let count = there.receive(NONE, batch); count > 0; count = there.receive(NONE, batch)) {
      received += count;
      batch.clear();
    }
    assert.equal(received, 1024);
    assert.equal(there.counters.received, 1026);
    socket.close();
    assert.deepEqual(arena.holders(), []);
  });

  test('limits the packets waiting to be sent: further ones are refused and counted', async () => {
    const arena = new Arena({ slots: 300, frameBytes: 100, debug: true });
    const here = await opened(HERE, portOf(2), arena);
    const sent = packetsFor(arena, 1, new Array<number>(256).fill(8));
    for (let i = 0; i < 40; i++) here.send(sent);
    const { refused } = here.counters;
    assert.equal(refused['ENOBUFS'], 40 * 256 - 8192);
    await until(() => here.counters.sent + Object.values(here.counters.refused).reduce((a, b) => a + b, 0) === 10_240);
    here.send(sent);
    await until(() => here.counters.sent >= 8192 + 256);
    sent.clear();
  });

  test('a packet to a node of the other IP version is refused and counted by error name', async () => {
    const arena = new Arena({ slots: 8, frameBytes: 100 });
    const here = await opened(HERE, portOf(3), arena);
    here.setNodes([HERE, LOOPBACK6]);
    here.send(packetsFor(arena, 1, [8]));
    await until(() => Object.keys(here.counters.refused).length > 0);
    assert.equal(here.counters.sent, 0);
  });

  test('reports a port in use, or an address that is not local', async () => {
    const arena = new Arena({ slots: 8, frameBytes: 100 });
    await opened(HERE, portOf(4), arena);
    const fails = async (vtep: Uint8Array, code: string, text: RegExp): Promise<void> => {
      await assert.rejects(DatagramUnderlay.open({ vtep, port: portOf(4), arena }), (error) => {
        assert.ok(error instanceof LiveError);
        assert.equal(error.code, code);
        assert.match(error.message, text);
        return true;
      });
    };
    await fails(HERE, 'PORT_IN_USE', /^UDP port \d+ is in use: .*; stop it first$/);
    await fails(
      Uint8Array.of(192, 0, 2, 1),
      'NOT_THERE',
      /192\.0\.2\.1 is not an address of this host \(ip address\)$/,
    );
  });

  test('carries no ESP and has no descriptor to poll', async () => {
    const underlay = await opened(HERE, portOf(5), new Arena({ slots: 8, frameBytes: 100 }));
    assert.deepEqual([underlay.carriesEsp, underlay.descriptors], [false, []]);
    underlay.close();
    underlay.close();
  });
});
