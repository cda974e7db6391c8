/**
 * Measures what each operation of a store costs on NATS, as its server counts it: `node dist/bench/fleet/nats-cost.js`.
 * One connection, so nothing else is counted. The simulation has these figures as constants.
 */
import process from 'node:process';
import { setTimeout } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { NatsStore, type Store, type StoreChange } from '../../src/fleet/index.js';
import { WATCHED } from '../../src/fleet/node/followed-record.js';
import { NatsProcess, type ServerCounts } from './nats-process.js';

const TIMES = 200;
const VALUE = new Uint8Array(100);
const PREFIX = 'networks/n/';
const IDLE_SECONDS = 60;
/** Milliseconds until the server's counters have what was sent. */
const SETTLE = 500;
/** Milliseconds that a watch is open. */
const OPEN_MS = 100;

const server = await NatsProcess.start();
const store = await NatsStore.open(`${server.address}/cost`);
const key = (i: number): string => `${PREFIX}endpoints/c${i}`;
try {
  await row('put of a new key', TIMES, async (i) => store.put(key(i), VALUE, { revision: 0 }));
  const revisions = await Promise.all(
    Array.from({ length: TIMES }, async (_, i) => (await store.get(key(i)))?.revision),
  );
  await row('put by revision', TIMES, async (i) => store.put(key(i), VALUE, { revision: revisions[i] ?? 0 }));
  await row('get', TIMES, async (i) => store.get(key(i)));
  await row('snapshot of nothing', 20, async () => store.snapshot('services/'));
  await row(`snapshot of ${TIMES} records`, 20, async () => store.snapshot(PREFIX));
  const { revision } = await store.snapshot(PREFIX);
  await row('watch that is opened, and its end', 20, async () => openAndEnd(store, revision));
  await watched();
  await idle();
  await row('delete by revision', TIMES, async (i) => store.delete(key(i), (await store.get(key(i)))?.revision ?? 0));
} finally {
  await store.close();
  server.close();
}

/** One operation, several times. */
async function row(name: string, times: number, work: (index: number) => Promise<unknown>): Promise<void> {
  const before = await settled();
  for (let i = 0; i < times; i++) await work(i);
  print(name, before, await settled(), times);
}

async function openAndEnd(of: Store, revision: number): Promise<void> {
  const ending = new AbortController();
  setTimeout(() => ending.abort(), OPEN_MS);
  await drain(of.watch(PREFIX, revision, { signal: ending.signal }));
}

async function drain(changes: AsyncIterable<StoreChange>): Promise<void> {
  const reading = changes[Symbol.asyncIterator]();
  while ((await reading.next()).done !== true);
}

/** Puts that one watch sees: compare with those that none sees. */
async function watched(): Promise<void> {
  const { revision } = await store.snapshot(PREFIX);
  const ending = new AbortController();
  let seen = 0;
  const watching = (async (): Promise<void> => {
    for await (const change of store.watch(PREFIX, revision, { signal: ending.signal })) if ('key' in change) seen++;
  })();
  await sleep(SETTLE);
  const before = await settled();
  for (let i = 0; i < TIMES; i++)
    await store.put(key(i), VALUE, { revision: (await store.get(key(i)))?.revision ?? 0 });
  const after = await settled();
  print(`get, put by revision, and its delivery (${seen} seen)`, before, after, TIMES);
  ending.abort();
  await watching;
}

async function idle(): Promise<void> {
  const ending = new AbortController();
  const watching = WATCHED.map(async (prefix) => {
    const { revision } = await store.snapshot(prefix);
    await drain(store.watch(prefix, revision, { signal: ending.signal }));
  });
  await sleep(SETTLE);
  const before = await settled();
  await sleep(IDLE_SECONDS * 1000);
  print('five idle watches, a second', before, await settled(), IDLE_SECONDS);
  ending.abort();
  await Promise.all(watching);
}

async function settled(): Promise<ServerCounts> {
  await sleep(SETTLE);
  return server.counts();
}

function print(name: string, before: ServerCounts, after: ServerCounts, times: number): void {
  const per = (of: 'messagesIn' | 'messagesOut' | 'bytesIn' | 'bytesOut'): string =>
    ((after[of] - before[of]) / times).toFixed(2);
  process.stdout.write(
    `${name}: in ${per('messagesIn')} messages, ${per('bytesIn')} bytes; ` +
      `out ${per('messagesOut')} messages, ${per('bytesOut')} bytes\n`,
  );
}
