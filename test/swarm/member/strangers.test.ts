/** What strangers, and someone with a key, send to a running member. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { createSocket, type Socket as PacketSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { nodeBackend } from '../../../src/aead/index.js';
import { encodeParts, GossipKeyring, GossipType, MessageType } from '../../../src/gossip/index.js';
import { compressMessage } from '../../../src/gossip/wire/framing.js';
import type { KeyRing } from '../../../src/overlay/index.js';
import { bytes, cluster, NETWORK, newKeys, type Running, TABLE, until, WAYS } from './running.js';

/** Packets per turn of the event loop; with a turn in between, others get theirs. */
const BURST = 64;

function host(running: Running): { host: string; port: number } {
  const { addr, port } = running.gossip.endpoint;
  return { host: addr.join('.'), port };
}

function ringOf(keys: KeyRing): GossipKeyring {
  const ring = new GossipKeyring(nodeBackend.create());
  keys.transmit.use((key) => ring.add(1, key));
  return ring;
}

function packetSocket(t: TestContext): PacketSocket {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  return socket;
}

/** Connects from an address that no member has, and waits until the other side closes. */
function stranger(to: Running): Socket {
  const socket = connect({ ...host(to), localAddress: '127.0.0.99' });
  socket.on('error', () => undefined);
  // Without a reader, it doesn't notice the end.
  socket.resume();
  return socket;
}

async function closed(socket: Socket): Promise<void> {
  if (socket.closed) return;
  await new Promise<void>((done) => void socket.once('close', () => done()));
}

/** Sends packets as fast as this thread can until a time. */
async function flood(t: TestContext, to: Running, seconds: number, packet: () => Uint8Array): Promise<number> {
  const socket = packetSocket(t);
  const { host: address, port } = host(to);
  const end = Date.now() + seconds * 1000;
  let sent = 0;
  while (Date.now() < end) {
    for (let i = 0; i < BURST; i += 1) socket.send(packet(), port, address);
    sent += BURST;
    await new Promise((done) => setImmediate(done));
  }
  return sent;
}

for (const [name, way] of Object.entries(WAYS)) {
  describe(`strangers and a member ${name}`, () => {
    test('random bytes at full rate are dropped by their number, and the member stays alive and learns', async (t) => {
      const [one, two] = await cluster(t, way, newKeys());
      const states = new Set<string>();
      const random = randomFillSync(new Uint8Array(65_536));
      let at = 0;
      const flooding = flood(t, one, 4, () => {
        at = (at + 997) % 64_000;
        return random.subarray(at, at + 1 + (at % 1400));
      });
      two.gossip.setEntry(NETWORK, TABLE, 'during', bytes('1'));
      await until('the entry arrives', async () => {
        states.add((await two.state('node-1')) ?? 'unknown');
        return one.entries.has('during');
      });
      const sent = await flooding;
      await until('both are well', async () => {
        const [state, other] = [await two.state('node-1'), await one.state('node-2')];
        return state === 'alive' && other === 'alive';
      });
      assert.ok(!states.has('dead') && !states.has('left'), [...states].join());
      const { counters } = await one.report();
      assert.ok((await one.dropped('rate')) > 0, JSON.stringify(counters));
      const decrypted = (await one.dropped('no-key-fits')) + (await one.dropped('bad-encryption-version'));
      assert.ok(decrypted > 0 && decrypted < sent / 2, `${decrypted} of ${sent}`);
      assert.ok(!one.troubles.some((text) => text.includes('keys')), 'strangers are no trouble');
    });

    test('packets under a key that is gone are dropped', async (t) => {
      const keys = newKeys();
      const [one, two] = await cluster(t, way, keys);
      const old = ringOf(keys);
      let ring = keys;
      for (let step = 0; step < 2; step += 1) ring = ring.rotated((key) => void randomFillSync(key));
      for (const { gossip } of [one, two]) gossip.setKeys(ring);
      const before = await one.dropped('no-key-fits');
      const dead = { type: MessageType.Dead, incarnation: 9, node: 'node-2', from: 'node-9' };
      const { host: address, port } = host(one);
      packetSocket(t).send(encodeParts([dead], true, old), port, address);
      await until('it is counted', async () => (await one.dropped('no-key-fits')) > before);
      assert.notEqual(await one.state('node-2'), 'dead');
    });

    test('packets that are replayed change nothing', async (t) => {
      const keys = newKeys();
      const [one, two] = await cluster(t, way, keys);
      one.gossip.setEntry(NETWORK, TABLE, 'web', bytes('1'));
      two.gossip.setEntry(NETWORK, TABLE, 'db', bytes('1'));
      await until('both have both', () => one.entries.size === 2 && two.entries.size === 2);
      const event = {
        type: GossipType.TableEvent,
        event: 1,
        lTime: 1,
        nodeName: 'node-2',
        networkId: NETWORK,
        tableName: TABLE,
        key: 'db',
        value: bytes('old'),
        residualReapTime: 0,
      } as const;
      const data = { type: GossipType.Compound, events: [event] } as const;
      const packet = encodeParts([{ type: MessageType.User, data }], true, ringOf(keys));
      const changes = one.changes.length;
      const received = (await one.report()).keys[1].received;
      await flood(t, one, 1, () => packet);
      assert.ok((await one.report()).keys[1].received > received);
      assert.equal(one.changes.length, changes);
      assert.equal(one.entries.get('db'), '1');
      await until('it is alive', async () => (await two.state('node-1')) === 'alive');
    });

    test('a thousand connections that say nothing keep no member out', async (t) => {
      const [one, two] = await cluster(t, way, newKeys());
      const idle = Array.from({ length: 1000 }, () => stranger(one));
      t.after(() => {
        for (const socket of idle) socket.destroy();
      });
      await until('most are closed', () => idle.filter((socket) => socket.closed).length >= 1000 - 64);
      const { streamsAccepted } = (await one.report()).counters;
      await until('members exchange their states', async () => {
        const { counters } = await one.report();
        return counters.streamsAccepted > streamsAccepted;
      });
      await until('the others are cut, too', () => idle.every((socket) => socket.closed));
      assert.ok((await one.dropped('too-many-streams')) >= 1000 - 64);
      await until('it is alive', async () => (await two.state('node-1')) === 'alive');
      await until('it is alive', async () => (await one.state('node-2')) === 'alive');
    });
  });
}

describe('streams of strangers', () => {
  test('are cut if they are slow, or longer than the bound', async (t) => {
    const way = WAYS['in this thread'];
    const [one] = await cluster(t, way, newKeys());
    const slow = stranger(one);
    const dripping = setInterval(() => slow.write(Uint8Array.of(MessageType.Encrypt, 0, 16, 0, 0)), 1000);
    t.after(() => clearInterval(dripping));
    const long = stranger(one);
    // 20 MiB announced: more than strangers may have in memory.
    long.write(Uint8Array.of(MessageType.Encrypt, 1, 0x40, 0, 0));
    const block = new Uint8Array(65_536);
    const fill = (): void => {
      while (!long.destroyed && long.write(block));
    };
    long.on('drain', fill);
    fill();
    await Promise.all([closed(slow), closed(long)]);
    assert.ok((await one.dropped('timeout')) >= 1);
    assert.ok((await one.dropped('too-many-bytes')) >= 1);
  });

  test('and packets that are bombs are dropped, in clear text, too', async (t) => {
    const [one, two] = await cluster(t, WAYS['in this thread'], undefined);
    const bomb = lzwBomb(64 * 1024 * 1024);
    packetSocket(t).send(lzwBomb(1024 * 1024), host(one).port, host(one).host);
    await until('the packet is dropped', async () => (await one.dropped('too-large')) > 0);
    const socket = stranger(one);
    socket.write(bomb);
    await closed(socket);
    await until('the stream is dropped', async () => (await one.dropped('too-large')) > 1);
    await until('it is alive', async () => (await two.state('node-1')) === 'alive');
  });
});

describe('someone with the key', () => {
  test('who invents members, networks and entries is held to the bounds, in bounded memory', () => {
    const child = spawnSync(
      process.execPath,
      ['--max-old-space-size=384', join(import.meta.dirname, 'forged-flood.js')],
      {
        encoding: 'utf8',
        timeout: 240_000,
      },
    );
    assert.equal(child.status, 0, child.stderr);
    const { members, entries, forgedMembers, forgedEntries, refused, rss } = JSON.parse(child.stdout) as Record<
      string,
      number
    >;
    assert.ok(forgedMembers > members && members <= 4096 && members > 1000, child.stdout);
    assert.ok(forgedEntries > entries && entries <= 131_072 && entries > 1000, child.stdout);
    assert.ok(refused > 0, child.stdout);
    assert.ok(rss < 900 * 1024 * 1024, child.stdout);
  });
});

/** A compressed message that becomes hundreds of times as long: all its bytes are the same. */
function lzwBomb(length: number): Uint8Array {
  return compressMessage(new Uint8Array(length));
}
