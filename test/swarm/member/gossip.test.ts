/** Running members on loopback addresses, in one thread and in several. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { nodeBackend } from '../../../src/aead/index.js';
import { encodeParts, type GossipEndpoint, GossipKeyring, MessageType } from '../../../src/gossip/index.js';
import type { KeyRing } from '../../../src/overlay/index.js';
import { at, bytes, cluster, NETWORK, newKeys, Running, TABLE, until, WAYS } from './running.js';

for (const [name, way] of Object.entries(WAYS)) {
  describe(`a member ${name}`, () => {
    test('gets the entries of others, and their changes', async (t) => {
      const [one, two, three] = await cluster(t, way, newKeys(), 3);
      one.gossip.setEntry(NETWORK, TABLE, 'web', bytes('10.0.9.3'));
      two.gossip.setEntry(NETWORK, TABLE, 'db', bytes('10.0.9.4'));
      for (const { entries } of [one, two, three]) {
        await until('all have both', () => entries.get('web') === '10.0.9.3' && entries.get('db') === '10.0.9.4');
      }
      one.gossip.setEntry(NETWORK, TABLE, 'web', bytes('10.0.9.5'));
      two.gossip.removeEntry(NETWORK, TABLE, 'db');
      for (const { entries } of [one, two, three]) {
        await until('all have the changes', () => entries.get('web') === '10.0.9.5' && !entries.has('db'));
      }
      assert.equal(three.changes.find(({ key }) => key === 'web')?.owner, 'node-1');
    });

    test('goes on through a rotation of keys, and after it without the old ones', async (t) => {
      const keys = newKeys();
      const [one, two] = await cluster(t, way, keys);
      let ring = keys;
      for (let step = 0; step < 3; step += 1) {
        ring = ring.rotated((key) => void randomFillSync(key));
        one.gossip.setKeys(ring);
        one.gossip.setEntry(NETWORK, TABLE, 'step', bytes(`one ${step}`));
        await until('it arrives while one has rotated', () => two.entries.get('step') === `one ${step}`);
        two.gossip.setKeys(ring);
      }
      const { keys: held } = await one.report();
      assert.deepEqual(
        held.map(({ tag, transmit }) => [tag, transmit]),
        [
          [4, false],
          [5, true],
          [6, false],
        ],
      );
      await until('the new key decrypts', async () => ((await one.report()).keys.at(1)?.received ?? 0) > 0);
      assert.equal(await one.state('node-2'), 'alive');
    });

    test('that leaves is known to have left, with its entries', async (t) => {
      const [one, two] = await cluster(t, way, newKeys());
      two.gossip.setEntry(NETWORK, TABLE, 'db', bytes('x'));
      await until('the entry is there', () => one.entries.has('db'));
      await two.gossip.close();
      await until('it has left', async () => (await one.state('node-2')) === 'left');
      await until('its entry is gone', () => !one.entries.has('db'));
      await assert.rejects(two.report(), { code: 'CLOSED' });
      assert.deepEqual(two.ends, []);
    });

    test('that is killed is found dead, with its entries', async (t) => {
      const [one, two] = await cluster(t, way, newKeys());
      two.gossip.setEntry(NETWORK, TABLE, 'db', bytes('x'));
      await until('the entry is there', () => one.entries.has('db'));
      await two.gossip.close(false);
      await until('it is dead', async () => (await one.state('node-2')) === 'dead');
      await until('its entry is gone', () => !one.entries.has('db'));
    });

    test('contradicts an accusation', async (t) => {
      const keys = newKeys();
      const [one, two] = await cluster(t, way, keys);
      const ring = new GossipKeyring(nodeBackend.create());
      keys.transmit.use((key) => ring.add(1, key));
      // Well above the one that it has, even if the two suspected each other on a busy machine.
      const suspect = { type: MessageType.Suspect, incarnation: 1000, node: 'node-2', from: 'node-3' };
      const socket = createSocket('udp4');
      t.after(() => socket.close());
      await until('it is known for some time', async () => ((await one.member('node-2'))?.seconds ?? 0) > 0.5);
      const sent = Date.now();
      socket.send(encodeParts([suspect], false, ring), one.gossip.endpoint.port, '127.0.0.2');
      await until('it is alive again, and not as before', async () => {
        const member = await one.member('node-2');
        return member?.state === 'alive' && member.seconds <= (Date.now() - sent) / 1000;
      });
      assert.equal(await two.state('node-1'), 'alive');
    });

    test('takes networks and entries in any order, and twice', async (t) => {
      const [one, two] = await cluster(t, way, newKeys());
      two.gossip.joinNetwork('later');
      one.gossip.setEntry('later', TABLE, 'early', bytes('1'));
      one.gossip.setEntry('never', TABLE, 'lost', bytes('1'));
      one.gossip.leaveNetwork('never');
      for (let times = 0; times < 2; times += 1) {
        one.gossip.joinNetwork('later');
        one.gossip.setEntry('later', TABLE, 'early', bytes('1'));
        one.gossip.removeEntry('later', TABLE, 'unknown');
      }
      await until('the entry is there', () => two.entries.get('early') === '1');
      assert.deepEqual(
        one.changes.map(({ kind, key }) => `${kind} ${key}`),
        ['created early'],
      );
      one.gossip.leaveNetwork('later');
      one.gossip.leaveNetwork('later');
      await until('the entry is gone', () => !two.entries.has('early'));
      one.gossip.joinNetwork('later');
      await until('it is on the network again', async () => {
        const { networks } = await two.report();
        return networks.some(({ id, nodes }) => id === 'later' && nodes.length === 2);
      });
      assert.equal(two.entries.has('early'), false, 'leaving dropped it');
    });

    test('tries its seeds until one is there, and says once what is wrong', async (t) => {
      const late = await Running.start(t, way, { name: 'late', endpoint: at(2) });
      const { endpoint } = late.gossip;
      await late.gossip.close();
      const one = await Running.start(t, way, { name: 'node-1', endpoint: at(3), seeds: [endpoint] });
      await until('it says so', () => one.troubles.length > 0);
      assert.match(
        one.troubles.join('\n'),
        /^Nothing listens on TCP port \d+ at 127\.0\.0\.2:\d+: [^\n]+ a firewall rejects TCP/,
      );
      const back = await Running.start(t, way, { name: 'back', endpoint });
      await until('they know each other', async () => (await back.state('node-1')) === 'alive');
      await until('it says so', () => one.troubles.length > 1);
      assert.deepEqual(one.troubles.slice(1), [`The gossip at 127.0.0.2:${endpoint.port} is reached now.`]);
    });

    test('joins its only seed again after that has restarted, though it knows others', async (t) => {
      const keys = newKeys();
      const [seed, two, three] = await cluster(t, way, keys, 3);
      const { endpoint } = seed.gossip;
      await seed.gossip.close();
      await until('it has left', async () => (await two.state('node-1')) === 'left');
      const back = await Running.start(t, way, { name: 'back', endpoint, keys });
      await until('it is known', async () => (await two.state('back')) === 'alive');
      await until('it knows the others', async () => {
        const { members } = await back.report();
        return members.filter(({ state }) => state === 'alive').length === 3;
      });
      assert.equal(await three.state('node-2'), 'alive');
    });

    test('with other keys learns nothing, and both say why', async (t) => {
      const one = await Running.start(t, way, { name: 'node-1', endpoint: at(2), keys: newKeys() });
      const seeds = [one.gossip.endpoint];
      const two = await Running.start(t, way, { name: 'node-2', endpoint: at(3), keys: newKeys(), seeds });
      await until('the joining one says so', () => two.troubles.length > 0);
      assert.match(
        two.troubles[0],
        /closes the connection without an answer: this node's gossip keys are not its keys/,
      );
      assert.ok((await one.dropped('no-key-fits')) > 0);
      assert.deepEqual(
        (await one.report()).members.map((member) => member.name),
        ['node-1'],
      );
    });

    test('says which members only TCP reaches', async (t) => {
      const keys = newKeys();
      const deaf = { bounds: { memberPackets: 0, strangerPackets: 0 } };
      const two = await Running.start(t, way, { name: 'node-2', endpoint: at(3), keys }, deaf);
      const seeds = [two.gossip.endpoint];
      const one = await Running.start(t, way, { name: 'node-1', endpoint: at(2), keys, seeds });
      await until('it is known', async () => (await one.member('node-2'))?.tcpOnly === true);
      await until('it says so', () => one.troubles.length > 0);
      assert.match(one.troubles[0], /^node-2 at 127\.0\.0\.3:\d+ answers over TCP but not over UDP: a firewall/);
    });

    test('refuses a port in use, an address that no interface has, and one that is none', async (t) => {
      const server = createServer();
      await new Promise<void>((done) => void server.listen(0, '127.0.0.2', done));
      t.after(() => server.close());
      const address = server.address();
      assert.ok(typeof address === 'object' && address !== null);
      const start = (addr: Uint8Array, port: number) => Running.start(t, way, { endpoint: { addr, port } });
      await assert.rejects(start(Uint8Array.of(127, 0, 0, 2), address.port), { code: 'PORT_IN_USE' });
      await assert.rejects(start(Uint8Array.of(203, 0, 113, 1), 0), { code: 'NOT_THERE' });
      await assert.rejects(start(new Uint8Array(4), 7946), { code: 'BAD_OPTION' });
      await assert.rejects(start(new Uint8Array(5), 7946), { code: 'BAD_OPTION' });
      await assert.rejects(start(Uint8Array.of(127, 0, 0, 2), 65_536), { code: 'BAD_OPTION' });
    });

    test('copies keys, which the caller may wipe', async (t) => {
      const keys = newKeys();
      const [one, two] = await cluster(t, way, keys);
      keys.wipe();
      one.gossip.setEntry(NETWORK, TABLE, 'web', bytes('1'));
      await until('it arrives', () => two.entries.get('web') === '1');
      assert.throws(() => one.gossip.setKeys(keys), { code: 'KEY_WIPED' });
      one.gossip.setEntry(NETWORK, TABLE, 'web', bytes('2'));
      await until('it arrives, too', () => two.entries.get('web') === '2');
    });

    test('works over IPv6', async (t) => {
      const endpoint = { addr: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), port: 0 };
      const keys = newKeys();
      const one = await Running.start(t, way, { name: 'node-1', endpoint, keys });
      const two = await Running.start(t, way, { name: 'node-2', endpoint, keys, seeds: [one.gossip.endpoint] });
      await until('they know each other', async () => (await one.state('node-2')) === 'alive');
      await until('packets arrive', async () => (await two.report()).counters.packetsReceived > 0);
    });
  });
}

describe('a member in a thread of its own', () => {
  test('whose thread fails is reported, once, and its reports end', async (t) => {
    const one = await Running.start(t, WAYS['in a thread of its own'], { endpoint: at(2), keys: newKeys() });
    // Not possible with the types: stands for a fault of our own in the thread.
    one.gossip.setSeeds([undefined as unknown as GossipEndpoint]);
    const report = one.report();
    await assert.rejects(report, { code: 'THREAD_ENDED' });
    await until('it is reported', () => one.ends.length > 0);
    assert.equal(one.ends.length, 1);
    await one.gossip.close();
  });

  test('whose listener takes its time gets few changes, and the latest', async (t) => {
    const way = WAYS['in a thread of its own'];
    const keys = newKeys();
    const [one, two] = await cluster(t, way, keys);
    one.gossip.setEntry(NETWORK, TABLE, 'web', bytes('0'));
    await until('it is there', () => two.entries.get('web') === '0');
    const before = two.changes.length;
    for (let value = 1; value <= 200; value += 1) {
      one.gossip.setEntry(NETWORK, TABLE, 'web', bytes(String(value)));
    }
    await until('the latest is there', () => two.entries.get('web') === '200');
    const changes = two.changes.slice(before);
    assert.ok(changes.length < 200);
    assert.deepEqual(new Set(changes.map(({ kind }) => kind)), new Set(['updated']));
  });
});

describe('keys of a running member', () => {
  test('may go to clear text and back', async (t) => {
    const [one, two] = await cluster(t, WAYS['in this thread'], undefined);
    const keys: KeyRing = newKeys();
    for (const { gossip } of [one, two]) gossip.setKeys(keys);
    one.gossip.setEntry(NETWORK, TABLE, 'web', bytes('1'));
    await until('it arrives encrypted', () => two.entries.get('web') === '1');
    for (const { gossip } of [one, two]) gossip.setKeys(undefined);
    one.gossip.setEntry(NETWORK, TABLE, 'web', bytes('2'));
    await until('it arrives in clear text', () => two.entries.get('web') === '2');
    assert.deepEqual((await one.report()).keys, []);
  });
});
