import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Store, NatsStore } from '../../../src/fleet/index.js';
import { NatsLink } from '../../../src/fleet/store/nats/link.js';
import { loadNats } from '../../../src/fleet/store/nats/packages.js';
import { NatsReader } from '../../../src/fleet/store/nats/reader.js';
import { missing, ROOT } from '../../repository.js';
import { bytes, next } from './changes.js';
import { storeConformance } from './conformance.js';
import { NatsServer } from './nats-server.js';

const skip = missing('nats-server');
let server: NatsServer;
let overlays = 0;

before(async () => {
  if (skip === false) server = await NatsServer.start();
});
after(async () => {
  if (skip === false) await server.close();
});

async function open(): Promise<readonly [Store, Store]> {
  const address = `${server.address}/overlay${++overlays}`;
  const first = await NatsStore.open(address);
  return [first, await NatsStore.open(address)];
}

storeConformance('NATS', open, skip);

test('NATS: a question for messages ends in its time, also if a message comes right then', { skip }, async () => {
  const packages = await loadNats();
  const { connect } = packages.transport;
  const [store, other] = await open();
  const name = `vtep_overlay${overlays}`;
  const connection = await connect({ servers: server.address });
  const link = new NatsLink(connection);
  const [jetstream, manager] = [
    packages.jetstream.jetstream(connection),
    await packages.jetstream.jetstreamManager(connection),
  ];
  const stream = { stream: `KV_${name}`, packages, jetstream, manager, link };
  const readers = await Promise.all(Array.from({ length: 20 }, () => NatsReader.open(stream, `$KV.${name}.>`, 0)));
  let reading = true;
  const read = readers.map(async (reader) => {
    let received = 0;
    // One that was not answered fails, when its heartbeats are missed.
    for await (const { seq } of reader.batch(10_000, undefined, 1000)) received = seq;
    return received;
  });
  const writing = (async () => {
    // With pauses, in which the server waits for the next message or the end of the time, whichever is first.
    for (; reading; await sleep(2)) await store.put('a/b', bytes('1'));
  })();
  const received = await Promise.all(read);
  reading = false;
  await writing;
  assert.ok(received.every((count) => count > 0));
  await link.close();
  await Promise.all([store.close(), other.close()]);
});

test(
  'NATS: subjects that are no keys, and foreign headers, are skipped or read as what they are',
  { skip },
  async () => {
    const { connect, headers } = await import('@nats-io/transport-node');
    const { jetstream } = await import('@nats-io/jetstream');
    const [store, other] = await open();
    const foreign = await connect({ servers: server.address });
    const stream = jetstream(foreign);
    const put = (subject: string, value: string, operation?: string): Promise<unknown> => {
      const more = headers();
      if (operation !== undefined) more.set('KV-Operation', operation);
      return stream.publish(`$KV.vtep_overlay${overlays}.${subject}`, value, { headers: more });
    };
    await put('nodes.a=b', 'x');
    await put('nodes.$x.ü', 'x');
    await put('nodes.fine', '\u0000\u001b[31m', 'NONSENSE');
    await put('nodes.gone', 'x');
    await put('nodes.gone', '', 'PURGE');
    const { records, revision } = await store.snapshot('nodes/');
    assert.deepEqual(
      records.map(({ key, value }) => [key, Buffer.from(value).toString()]),
      [['nodes/fine', '\u0000\u001b[31m']],
    );
    assert.equal(revision, 5);
    assert.equal(await store.get('nodes/gone'), undefined);
    await store.put('nodes/gone', bytes('back'), { revision: 0 });
    await foreign.close();
    await Promise.all([store.close(), other.close()]);
  },
);

test('NATS: a watch whose consumer is removed goes on where it was', { skip }, async () => {
  const { connect } = await import('@nats-io/transport-node');
  const { jetstreamManager } = await import('@nats-io/jetstream');
  const [store, other] = await open();
  const foreign = await connect({ servers: server.address });
  const { consumers } = await jetstreamManager(foreign);
  const changes = store.watch('', 0)[Symbol.asyncIterator]();
  await other.put('a', bytes('1'));
  assert.deepEqual(await next(changes, 1), ['put a=1 @1']);
  const more = next(changes, 3);
  for await (const { name } of consumers.list(`KV_vtep_overlay${overlays}`)) {
    await consumers.delete(`KV_vtep_overlay${overlays}`, name);
  }
  await other.put('b', bytes('1'));
  assert.deepEqual(await more, ['lost', 'resumed', 'put b=1 @2']);
  await foreign.close();
  await Promise.all([store.close(), other.close()]);
});

test('NATS: without its packages, everything else works, and the error says how to get them', () => {
  const hook = `export async function resolve(name, context, next) {
    if (!name.startsWith('@nats-io/')) return next(name, context);
    throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
  }`;
  const program = `import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}));
    const { MemoryStore, NatsStore } = await import(${JSON.stringify(join(ROOT, 'dist/src/fleet/index.js'))});
    await new MemoryStore().put('a', new Uint8Array(1));
    await NatsStore.open('nats://127.0.0.1:1/web').catch(({ code, message }) => console.log(code, message));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.match(stdout, /^NATS_UNAVAILABLE .* not installed \(npm install @nats-io\/transport-node@/, stderr);
});

test('NATS: a bucket in which records expire, or that keeps a history, is UNSUITABLE', { skip }, async () => {
  const { connect } = await import('@nats-io/transport-node');
  const { Kvm } = await import('@nats-io/kv');
  const foreign = await connect({ servers: server.address });
  await new Kvm(foreign).create('vtep_expiring', { ttl: 60_000, history: 1 });
  await new Kvm(foreign).create('vtep_history', { history: 5 });
  await foreign.close();
  for (const overlay of ['expiring', 'history']) {
    await assert.rejects(NatsStore.open(`${server.address}/${overlay}`), { code: 'UNSUITABLE' });
  }
});

test('NATS: a store that is not to be made is NOT_THERE, and nothing is left behind', { skip }, async () => {
  for (let i = 0; i < 2; i++) {
    await assert.rejects(NatsStore.open(`${server.address}/mistyped`, { creates: false }), {
      code: 'NOT_THERE',
      message: 'the server has no overlay mistyped; vtep network create makes one',
    });
  }
  const made = await NatsStore.open(`${server.address}/mistyped`);
  const found = await NatsStore.open(`${server.address}/mistyped`, { creates: false });
  await Promise.all([made.close(), found.close()]);
});

test('NATS: more copies than there are servers, or than a bucket has, are UNSUITABLE', { skip }, async () => {
  await assert.rejects(NatsStore.open(`${server.address}/copies`, { replicas: 3 }), { code: 'UNSUITABLE' });
  const one = await NatsStore.open(`${server.address}/copies`);
  await one.close();
  await assert.rejects(NatsStore.open(`${server.address}/copies`, { replicas: 3 }), {
    code: 'UNSUITABLE',
    message: /has 1 of 3 copies: nats stream edit KV_vtep_copies --replicas 3/,
  });
});

test('NATS: a server that is not there is UNAVAILABLE', async () => {
  // Port 1 on loopback: nothing listens.
  await assert.rejects(NatsStore.open('nats://127.0.0.1:1/web', { timeout: 2_000 }), { code: 'UNAVAILABLE' });
});
