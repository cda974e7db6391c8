import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { BATCH, DatagramBatch, QUERY_BYTES } from '../../../src/live/dns/datagram-batch.js';
import { SocketType, SystemSocket } from '../../../src/live/socket/system-socket.js';
import { Poller } from '../../../src/live/system/poller.js';
import { THERE, withoutSockets } from '../loopback.js';
import { freePort, until } from './running-dns.js';

const HOST = '127.0.0.3';

describe('a batch of datagrams', { skip: withoutSockets() }, () => {
  const port = freePort();
  const clients: Socket[] = [];
  let socket!: SystemSocket;
  before(async () => {
    socket = new SystemSocket(4, SocketType.Datagram, 0, 'a test');
    socket.bind(THERE, port, HOST);
    for (let i = 0; i < 3; i++) {
      const client = createSocket('udp4');
      clients.push(client);
      client.connect(port, HOST);
      await once(client, 'connect');
    }
  });
  after(() => {
    socket.close();
    for (const client of clients) client.close();
  });

  /** Receives this many, in one batch or several. */
  function receive(batch: DatagramBatch, count: number, take: (i: number) => void): void {
    const poller = new Poller([socket.descriptor]);
    for (let taken = 0; taken < count;) {
      assert.ok(poller.wait(5000));
      const received = batch.receive(socket.descriptor);
      assert.ok(received <= BATCH);
      for (let i = 0; i < received; i++) take(i);
      batch.send(socket.descriptor);
      taken += received;
    }
    assert.equal(batch.receive(socket.descriptor), 0);
  }

  const send = (client: number, text: string): Promise<unknown> =>
    new Promise((done) => clients[client].send(text, done));

  test('each answer goes to the sender of its query, and queries may be left unanswered', async () => {
    const batch = new DatagramBatch();
    const got: string[][] = [[], [], []];
    clients.forEach((client, i) => client.on('message', (message) => got[i].push(message.toString())));
    for (let round = 0; round < 50; round++) {
      for (let client = 0; client < 3; client++) await send(client, `${client}.${round}`);
    }
    receive(batch, 150, (i) => {
      const text = Buffer.from(batch.queries).toString(
        'latin1',
        batch.queryAt(i),
        batch.queryAt(i) + batch.lengthOf(i),
      );
      if (text.startsWith('1.') && text.endsWith('3')) return;
      const answer = Buffer.from(`to ${text}`);
      batch.answers.set(answer, batch.answerAt);
      batch.stage(i, answer.length);
    });
    await until(() => got.flat().length === 145);
    got.forEach((messages, client) => assert.ok(messages.every((text) => text.startsWith(`to ${client}.`))));
    assert.ok(!got[1].includes('to 1.13'));
    for (const client of clients) client.removeAllListeners('message');
  });

  test('of a longer query, 512 bytes are read; an answer too long for a datagram is refused, the others are sent', async () => {
    const batch = new DatagramBatch();
    const lengths: number[] = [];
    clients[0].on('message', (message) => lengths.push(message.length));
    for (const length of [600, 1, 2, 3]) await send(0, 'x'.repeat(length));
    const read: number[] = [];
    let refused = 0;
    let sent = 0;
    receive(batch, 4, (i) => {
      read.push(batch.lengthOf(i));
      if (batch.stage(i, read.length === 2 ? 65_535 : 60_000 + read.length)) {
        sent += batch.send(socket.descriptor);
        refused += batch.refused;
      }
    });
    assert.deepEqual(read, [QUERY_BYTES, 1, 2, 3]);
    await until(() => lengths.length === 3);
    assert.deepEqual(lengths, [60_001, 60_003, 60_004]);
    // All at once: after the fourth there is no room for another one.
    assert.deepEqual([sent, refused], [3, 1]);
    clients[0].removeAllListeners('message');
  });

  test('a late answer goes to a sender remembered', async () => {
    const batch = new DatagramBatch();
    const senders: Uint8Array[] = [];
    await send(2, 'first');
    receive(batch, 1, (i) => senders.push(batch.senderOf(i)));
    await send(0, 'second');
    receive(batch, 1, () => undefined);
    const answered = once(clients[2], 'message') as Promise<[Buffer]>;
    assert.ok(batch.sendLate(socket.descriptor, senders[0], Buffer.from('late')));
    assert.equal((await answered)[0].toString(), 'late');
    assert.ok(!batch.sendLate(socket.descriptor, senders[0], new Uint8Array(65_535)));
  });
});
