import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { NatsQueue, type NatsQueueOptions } from '../../../src/fleet/index.js';
import { missing } from '../../repository.js';
import { NatsServer } from '../store/nats-server.js';
import { numbered, queueConformance, worker } from './conformance.js';
import { all, bytes, event, joined, noise, pieces } from './outcomes.js';

const skip = missing('nats-server');
const OPTIONS: NatsQueueOptions = { retryWait: 0, idle: 1_000 };
let server: NatsServer;
let overlays = 0;

before(async () => {
  if (skip === false) server = await NatsServer.start();
});
after(async () => {
  if (skip === false) await server.close();
});

queueConformance(
  'NATS',
  async () => {
    const address = `${server.address}/overlay${++overlays}`;
    const first = await NatsQueue.open(address, OPTIONS);
    return [first, await NatsQueue.open(address, OPTIONS)];
  },
  skip,
);

/** Another program on the same server. */
interface Foreign {
  readonly overlay: string;
  readonly connection: NatsConnection;
  readonly stream: JetStreamClient;
  readonly manager: JetStreamManager;
}

function withForeign(
  title: string,
  body: (queue: NatsQueue, foreign: Foreign) => Promise<void>,
  options = OPTIONS,
): void {
  test(`NATS: ${title}`, { skip }, async () => {
    const { connect } = await import('@nats-io/transport-node');
    const { jetstream, jetstreamManager } = await import('@nats-io/jetstream');
    const overlay = `overlay${++overlays}`;
    const queue = await NatsQueue.open(`${server.address}/${overlay}`, options);
    const connection = await connect({ servers: server.address });
    try {
      const manager = await jetstreamManager(connection);
      await body(queue, { overlay, connection, stream: jetstream(connection), manager });
    } finally {
      await queue.close();
      await connection.close();
    }
  });
}

const echo = ({ work }: { work: Uint8Array }): Promise<Uint8Array> => Promise.resolve(work);

withForeign('removing a run leaves nothing on the server', async (queue, { overlay, manager }) => {
  await queue.submit('r', numbered(30));
  await queue.putFile('r', 'f', pieces(noise(300_000)));
  const held = event();
  const { stop } = worker(queue, async ({ index }) => {
    if (index < 10) return noise(100_000);
    held.say();
    return new Promise(() => undefined);
  });
  await held.seen;
  await queue.remove('r');
  await stop();
  assert.equal((await manager.streams.info(`vtep_jobs_${overlay}`)).state.messages, 0);
  assert.deepEqual(await manager.streams.names(`vtep.runs.${overlay}.>`).next(), []);
});

withForeign(
  'while a handler runs, its worker tells the server so, again and again',
  async (queue, { overlay, connection }) => {
    const renewed = event();
    let renewals = 0;
    connection.subscribe(`$JS.ACK.vtep_jobs_${overlay}.>`, {
      callback: (_, message) => {
        if (message.string() === '+WPI' && ++renewals === 4) renewed.say();
      },
    });
    await connection.flush();
    await queue.submit('r', numbered(1));
    const { stop } = worker(queue, async ({ work }) => {
      await renewed.seen;
      return work;
    });
    assert.deepEqual(await all(queue.outcomes('r', 1)), ['0 done job 0']);
    await stop();
  },
  { ...OPTIONS, ackWait: 300 },
);

withForeign(
  'jobs that the server lost are RESET, and added by submitting again',
  async (queue, { overlay, manager }) => {
    await queue.submit('r', numbered(3));
    const subject = `vtep.jobs.${overlay}.r.1`;
    const message = await manager.streams.getMessage(`vtep_jobs_${overlay}`, { last_by_subj: subject });
    assert.ok(message);
    await manager.streams.deleteMessage(`vtep_jobs_${overlay}`, message.seq);
    const { stop } = worker(queue, echo);
    await assert.rejects(all(queue.outcomes('r', 3)), { code: 'RESET' });
    await queue.submit('r', numbered(3));
    assert.deepEqual(await all(queue.outcomes('r', 3)), ['0 done job 0', '1 done job 1', '2 done job 2']);
    await stop();
  },
);

withForeign('a consumer that someone removes is made again', async (queue, { overlay, manager }) => {
  await queue.submit('r', numbered(1));
  const { stop } = worker(queue, echo);
  assert.equal((await all(queue.outcomes('r', 1))).length, 1);
  // nats-server 2.9 fails to remove its folder while it writes to it.
  const remove = (): Promise<boolean> => manager.consumers.delete(`vtep_jobs_${overlay}`, 'workers');
  while (!(await remove().catch(({ code }: { code: number }) => code === 10_014))) await setTimeout(10);
  await queue.submit('s', numbered(1));
  assert.deepEqual(await all(queue.outcomes('s', 1)), ['0 done job 0']);
  await stop();
});

withForeign('jobs that the consumer no longer gives out are found, and done', async (queue, { overlay, manager }) => {
  await queue.submit('a', numbered(2));
  await queue.submit('r', numbered(2));
  // With nats-server 2.9, also those of the other run are no longer given out.
  await manager.streams.purge(`vtep_jobs_${overlay}`, { filter: `vtep.jobs.${overlay}.a.>` });
  const { stop } = worker(queue, echo);
  assert.deepEqual(await all(queue.outcomes('r', 2)), ['0 done job 0', '1 done job 1']);
  await stop();
});

withForeign('what other programs wrote is no job, and an outcome that is none has failed', async (queue, foreign) => {
  const { overlay, stream, manager } = foreign;
  for (const subject of ['x', 'r.x', 'r.1.2', 'r.65536', 'r_.1', 'r.99999', 'ü.1']) {
    await stream.publish(`vtep.jobs.${overlay}.${subject}`, 'x');
  }
  await queue.submit('r', numbered(5));
  const { headers } = await import('@nats-io/transport-node');
  const put = async (index: number | string, kind: string | undefined, content: string): Promise<void> => {
    const more = headers();
    if (kind !== undefined) more.set('Vtep-Kind', kind);
    await stream.publish(`vtep.runs.${overlay}.r.outcome.${index}`, content, { headers: more });
  };
  await put(0, undefined, 'x');
  await put(1, 'failed', '{"reason": 5}');
  await put(2, 'stored', JSON.stringify({ id: 'x.>', length: 1, sha256: '0'.repeat(64) }));
  await put(3, 'stored', JSON.stringify({ id: 'none', length: 1, sha256: '0'.repeat(64) }));
  await put(4, 'failed', JSON.stringify({ reason: '\u001b[2Jgone', attempts: 2 }));
  await put('nonsense', 'done', 'x');
  await put(65_536, 'done', 'x');
  const none = 'failed after 0: the record of its outcome is not one of a vtep queue';
  assert.deepEqual(await all(queue.outcomes('r', 5)), [
    `0 ${none}`,
    `1 ${none}`,
    `2 ${none}`,
    "3 failed after 0: a file of the run r isn't what was stored: it has 0 of 1 bytes",
    '4 failed after 2: \\u001b[2Jgone',
  ]);
  await queue.remove('r');
  // What is no job is taken out of the queue by a worker that gets it.
  await queue.submit('s', numbered(1));
  const { stop } = worker(queue, echo);
  assert.deepEqual(await all(queue.outcomes('s', 1)), ['0 done job 0']);
  await stop();
  assert.equal((await manager.streams.info(`vtep_jobs_${overlay}`)).state.messages, 0);
});

withForeign('a file that lost a piece, or has another in its place, is DAMAGED', async (queue, foreign) => {
  const { overlay, stream, manager } = foreign;
  const run = `vtep_run_${overlay}_r`;
  const content = noise(400_000);
  await queue.begin('r');
  const dataOf = async (name: string): Promise<{ subject: string; seq: number }> => {
    await queue.putFile('r', name, pieces(content));
    const { state } = await manager.streams.info(run, { subjects_filter: `vtep.runs.${overlay}.r.data.>` });
    const subject = Object.keys(state.subjects ?? {}).at(-1) ?? '';
    return { subject, seq: state.last_seq - 1 };
  };
  const short = await dataOf('short');
  assert.equal(short.seq, 5);
  await manager.streams.deleteMessage(run, 3);
  await assert.rejects(joined(queue.readFile('r', 'short')), { code: 'DAMAGED' });
  const long = await dataOf('long');
  for (const name of [short.subject, long.subject]) await stream.publish(name, noise(131_072));
  for (const name of ['short', 'long']) {
    await assert.rejects(joined(queue.readFile('r', name)), { code: 'DAMAGED' });
  }
  await stream.publish(`vtep.runs.${overlay}.r.file.${Buffer.from('x').toString('base64url')}`, 'x');
  await assert.rejects(joined(queue.readFile('r', 'x')), { code: 'DAMAGED' });
});

withForeign(
  'a run that nobody removed expires, a waiting coordinator gets an error, and the next queue that connects deletes its stream',
  async (queue, { overlay, manager }) => {
    await queue.submit('r', numbered(2));
    await assert.rejects(all(queue.outcomes('r', 2)), { code: 'NOT_THERE' });
    const rest = async (): Promise<number> => {
      const other = await NatsQueue.open(`${server.address}/${overlay}`, OPTIONS);
      await other.close();
      const runs = await manager.streams.names(`vtep.runs.${overlay}.>`).next();
      return runs.length + (await manager.streams.info(`vtep_jobs_${overlay}`)).state.messages;
    };
    // What was written last is the last to go.
    while ((await rest()) > 0) await setTimeout(100);
  },
  { ...OPTIONS, expiry: 500 },
);

test(
  'NATS: streams and consumers of other programs are UNSUITABLE, and so is a server of short messages',
  { skip },
  async () => {
    const { connect } = await import('@nats-io/transport-node');
    const { jetstreamManager } = await import('@nats-io/jetstream');
    const connection = await connect({ servers: server.address });
    const { streams, consumers } = await jetstreamManager(connection);
    await streams.add({ name: 'vtep_jobs_limits', subjects: ['limits.>'] });
    await streams.add({ name: 'vtep_jobs_few', subjects: ['few.>'], retention: 'workqueue', discard: 'new' });
    await consumers.add('vtep_jobs_few', { durable_name: 'workers', ack_policy: 'explicit', max_deliver: 4 });
    await connection.close();
    for (const overlay of ['limits', 'few']) {
      await assert.rejects(NatsQueue.open(`${server.address}/${overlay}`), { code: 'UNSUITABLE' });
    }
    const small = await NatsServer.start('max_payload: 65536');
    await assert.rejects(NatsQueue.open(`${small.address}/web`), { code: 'UNSUITABLE' });
    await small.close();
  },
);

test('NATS: two who open a queue at once, with other settings, have those of the first', { skip }, async () => {
  const address = `${server.address}/overlay${++overlays}`;
  const queues = await Promise.all(
    [20_000, 40_000, 60_000].map((ackWait) => NatsQueue.open(address, { ...OPTIONS, ackWait, expiry: ackWait * 100 })),
  );
  await queues[0].submit('r', numbered(1));
  const { stop } = worker(queues[2], () => Promise.resolve(bytes('done')));
  assert.deepEqual(await all(queues[1].outcomes('r', 1)), ['0 done done']);
  await stop();
  await Promise.all(queues.map((queue) => queue.close()));
});

/** What a worker needs of a server that lets it do no more. */
const WORKER = [
  ...[
    '$JS.API.INFO',
    '$JS.API.STREAM.INFO.*',
    '$JS.API.STREAM.MSG.GET.*',
    '$JS.ACK.vtep_jobs_web.>',
    'vtep.runs.web.>',
  ],
  ...['$JS.API.CONSUMER.INFO.vtep_jobs_web.workers', '$JS.API.CONSUMER.MSG.NEXT.vtep_jobs_web.workers'],
];

test('NATS: a worker needs few permissions; without them it is NOT_PERMITTED', { skip }, async () => {
  const { nkeys } = await import('@nats-io/transport-node');
  const [coordinator, allowed, idle] = [nkeys.createUser(), nkeys.createUser(), nkeys.createUser()];
  const user = (key: typeof coordinator, publish?: readonly string[]): string =>
    `{ nkey: ${key.getPublicKey()}${publish ? `, permissions: { publish: ${JSON.stringify(publish)}, subscribe: "_INBOX.>" }` : ''} }`;
  const without = WORKER.filter((subject) => !subject.includes('INFO.'));
  const users = [user(coordinator), user(allowed, WORKER), user(idle, without)];
  const seed = (key: typeof coordinator): string => Buffer.from(key.getSeed()).toString();
  const strict = await NatsServer.start(`authorization { users: [ ${users.join(', ')} ] }`, {
    coordinator: seed(coordinator),
    allowed: seed(allowed),
    idle: seed(idle),
  });
  const open = (name: string): Promise<NatsQueue> =>
    NatsQueue.open(`${strict.address}/web`, { ...OPTIONS, nkey: strict.path(name) });
  try {
    const queue = await open('coordinator');
    const other = await open('allowed');
    await queue.submit('r', numbered(2));
    const { stop } = worker(other, ({ index }) =>
      index === 0 ? Promise.resolve(noise(100_000)) : Promise.reject(new Error('no')),
    );
    const outcomes = await all(queue.outcomes('r', 2));
    assert.match(outcomes[0], /^0 done /);
    assert.equal(outcomes[1], '1 failed after 4: no');
    await stop();
    await assert.rejects(other.submit('s', numbered(1)), { code: 'NOT_PERMITTED' });
    await assert.rejects(other.remove('r'), { code: 'NOT_PERMITTED' });
    await assert.rejects(open('idle'), { code: 'NOT_PERMITTED' });
    await Promise.all([queue.close(), other.close()]);
  } finally {
    await strict.close();
  }
});

test('NATS: a server that is not there is UNAVAILABLE, and a bad address BAD_ADDRESS', async () => {
  // Port 1 on loopback: nothing listens.
  await assert.rejects(NatsQueue.open('nats://127.0.0.1:1/web', { timeout: 2_000 }), { code: 'UNAVAILABLE' });
  await assert.rejects(NatsQueue.open('http://127.0.0.1:1/web'), { code: 'BAD_ADDRESS' });
});
