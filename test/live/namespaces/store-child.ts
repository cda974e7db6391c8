/**
 * Writes records to a store, from a namespace that reaches its server: `SOCKET ADDRESS`. Each connection to the Unix socket
 * is a command, `["network", ...]`, and its answer. While the store is out of reach, it tries again.
 */
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { isVtepError } from '../../../src/error.js';
import {
  createEndpoint,
  decodeRecord,
  encodeRecord,
  NatsStore,
  recordKey,
  removeEndpoint,
} from '../../../src/fleet/index.js';
import { networkRecord } from '../../fleet/node/some-records.js';

/** Milliseconds between attempts. */
const RETRY = 10;
const [, , socket = '', address = ''] = process.argv;
let store = await NatsStore.open(address);

async function network(of: string): Promise<ReturnType<typeof networkRecord>['record']> {
  const key = recordKey(networkRecord(of, 1, '10.0.0.0/8'));
  const found = await store.get(key);
  const record = found && decodeRecord(key, found.value);
  if (record?.kind !== 'network') throw new Error(`no network ${of}`);
  return record.record;
}

async function run([what = '', name = '', ...rest]: readonly string[]): Promise<unknown> {
  switch (what) {
    case 'network': {
      const [vni = '', subnet = '', encrypted = ''] = rest;
      const record = networkRecord(name, Number(vni), subnet, { encrypted: encrypted === 'encrypted' });
      await store.put(recordKey(record), encodeRecord(record), { revision: 0 });
      return Date.now();
    }
    case 'endpoint': {
      const [id = '', node = '', ip = '', netns = ''] = rest;
      await createEndpoint(store, {
        ...{ network: await network(name), id, kind: 'container', name: id, node, ip, netns, device: 'eth0' },
        created: new Date().toISOString(),
      });
      return Date.now();
    }
    case 'remove':
      await removeEndpoint(store, { name }, rest[0] ?? '');
      return Date.now();
    case 'compact':
      await store.compact((await store.snapshot('none/')).revision);
      return Date.now();
    case 'open': {
      // The bucket, which may be gone, is made.
      const before = store;
      store = await NatsStore.open(address);
      await before.close();
      return Date.now();
    }
    default:
      return (await store.snapshot('')).records.map(({ key }) => key);
  }
}

async function patiently(words: readonly string[]): Promise<unknown> {
  for (;;) {
    try {
      return await run(words);
    } catch (error) {
      if (!isVtepError(error) || error.code !== 'UNAVAILABLE') throw error;
      await sleep(RETRY);
    }
  }
}

const server = createServer({ allowHalfOpen: true }, (connection) => {
  let command = '';
  connection.setEncoding('utf8').on('data', (part: string) => void (command += part));
  connection.on('end', () => {
    patiently(JSON.parse(command) as string[]).then(
      (done) => connection.end(JSON.stringify({ done })),
      (error: unknown) => connection.end(JSON.stringify({ failed: String(error) })),
    );
  });
});
server.listen(socket, () => process.stdout.write('ready\n'));
