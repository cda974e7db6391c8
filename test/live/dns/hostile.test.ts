/** What clients may send and do: the server goes on answering others, within its bounds, and counts everything. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { tcpFrame } from '../../../src/service/index.js';
import { queryOf, readMessage, words } from '../../service/dns/messages.js';
import { taskOf } from '../../service/dns/swarm.js';
import { withoutSockets } from '../loopback.js';
import { HOST, RunningDns, until } from './running-dns.js';

const SEED = 20261129;

describe('hostile clients', { skip: withoutSockets() }, () => {
  let it!: RunningDns;
  before(async () => {
    it = await RunningDns.start([taskOf('my-web.1.a', '10.0.9.4', { name: 'my-web', vip: '10.0.9.2' })]);
    await it.serve();
  });
  after(() => it.dns.close());

  /** The server still answers. */
  async function answers(): Promise<void> {
    const answer = await it.ask(queryOf('my-web'));
    assert.equal(readMessage(answer ?? Buffer.alloc(0)).records.length, 1);
  }

  test('random bytes, compression loops and oversized datagrams are all counted', async () => {
    const { queries } = await it.counters();
    const socket = createSocket('udp4');
    const loop = Buffer.concat([words(1, 0x0100, 1, 0, 0, 0, 0xc00c, 1, 1)]);
    const chain = Buffer.concat([words(2, 0x0100, 1, 0, 0, 0, 0xc00e, 0xc00c, 1, 1)]);
    const long = Buffer.concat([queryOf('my-web'), Buffer.alloc(60_000, 0xc0)]);
    const random = fc.sample(fc.uint8Array({ maxLength: 700, size: 'max' }), { numRuns: 1000, seed: SEED });
    const messages = [loop, chain, long, Buffer.alloc(0), ...random];
    for (const [i, message] of messages.entries()) {
      await new Promise((done) => socket.send(message, it.port, HOST, done));
      if (i % 100 === 0) await answers();
    }
    const checks = Math.ceil(messages.length / 100);
    await until(async () => (await it.counters()).queries === queries + messages.length + checks);
    assert.equal((await it.counters()).overrun, 0);
    socket.close();
    await answers();
  });

  test('random bytes over TCP, in pieces', async () => {
    const pieces = fc.sample(fc.uint8Array({ maxLength: 300, size: 'max' }), { numRuns: 200, seed: SEED });
    for (let i = 0; i < 10; i++) {
      const socket = await it.connection();
      for (const piece of pieces.slice(i * 20, i * 20 + 20)) socket.write(piece);
      socket.end();
      socket.resume();
      await Promise.race([once(socket, 'close'), sleep(500)]);
      socket.destroy();
    }
    await it.counters();
    await answers();
  });

  test('a connection that sends a byte now and then is closed after 8 seconds', async () => {
    const { closedConnections } = await it.counters();
    const socket = await it.connection();
    const from = performance.now();
    const closed = once(socket, 'close');
    const drip = setInterval(() => socket.write(Buffer.of(0)), 400);
    socket.write(Buffer.of(0xff));
    await closed;
    clearInterval(drip);
    assert.ok(performance.now() - from > 7500);
    assert.equal((await it.counters()).closedConnections, closedConnections + 1);
  });

  test('a connection carries 128 queries, is closed after the last answer, and the rest is not read', async () => {
    const { queries } = await it.counters();
    const got = await it.askTcp(Array.from({ length: 200 }, (_, i) => queryOf('my-web', { id: i })));
    assert.deepEqual(
      got.map((answer) => answer.readUInt16BE(0)),
      Array.from({ length: 128 }, (_, i) => i),
    );
    assert.equal((await it.counters()).queries, queries + 128);
  });

  test('a client that ends its side still gets its answers', async () => {
    const socket = await it.connection();
    let length = 0;
    socket.on('data', (chunk: Buffer) => (length += chunk.length));
    socket.end(tcpFrame(queryOf('my-web')));
    await once(socket, 'close');
    assert.ok(length > 2 + 12);
  });

  test('of 2,000 connections, 128 stay open; a new one is answered', async () => {
    const before = await it.counters();
    const sockets = [];
    for (let i = 0; i < 2000; i++) sockets.push(await it.connection());
    await until(async () => (await it.counters()).connections === before.connections + 2000);
    const { closedConnections } = await it.counters();
    assert.ok(closedConnections >= before.closedConnections + 2000 - 128);
    assert.equal((await it.askTcp([queryOf('my-web')])).length, 1);
    for (const socket of sockets) socket.destroy();
    await answers();
  });
});
