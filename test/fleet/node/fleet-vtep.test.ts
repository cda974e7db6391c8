import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  decodeRecord,
  encodeLease,
  encodeRecord,
  type FleetRecord,
  FleetVtep,
  MemoryStore,
  recordKey,
  type Store,
} from '../../../src/fleet/index.js';
import { type FramePort } from '../../../src/live/index.js';
import { parseIp } from '../../../src/overlay/index.js';
import { endpointRecord, networkRecord, nodeRecord } from './some-records.js';

const WEB = networkRecord('web', 4097, '10.0.9.0/24');
const MINE = endpointRecord('mine', 'web', 'me', '10.0.9.109', { running: false });
/** Below the ephemeral ports (ip_local_port_range), which any socket on the machine may have. */
let port = 21_900;

/** A device without packets. */
function silentPort(name: string): FramePort {
  return {
    name,
    descriptor: -1,
    ready: false,
    counters: { received: 0, sent: 0, refused: 0 },
    failure: undefined,
    receive: () => 0,
    send: () => true,
    close: () => undefined,
  } as unknown as FramePort;
}

function open(store: Store, onTrouble: (text: string) => void = () => undefined): Promise<FleetVtep> {
  return FleetVtep.open({
    ...{ store, overlay: 'test', here: { name: 'me', vtep: parseIp('127.0.0.1'), mac: undefined, mtu: 1500 } },
    ...{ port: ++port, sockets: 'node', lease: 300, servicesInHost: false, portOf: ({ name }) => silentPort(name) },
    onTrouble,
  });
}

async function write(store: Store, ...records: readonly FleetRecord[]): Promise<void> {
  for (const record of records) await store.put(recordKey(record), encodeRecord(record));
}

/** Far beyond what it takes, and below the time limit of a test: one that waits in vain says what the node was doing. */
const PATIENCE_MS = 60_000;

async function until(condition: () => boolean | Promise<boolean>, node?: FleetVtep): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (Date.now() > end) assert.fail(`waited in vain: ${condition.toString()} ${JSON.stringify(node?.report)}`);
    await sleep(5);
  }
}

test('a node takes its lease, says that its endpoint runs, and has a load balancer as long as it has an endpoint', async (t) => {
  const store = new MemoryStore();
  await write(store, WEB, MINE);
  const troubles: string[] = [];
  const node = await open(store, (text) => void troubles.push(text));
  // Also one that failed: its timers would keep the process, and nobody would see why.
  t.after(() => node.close());
  const ending = new AbortController();
  const running = node.run(ending.signal);
  const runs = async (): Promise<boolean> => {
    const found = await store.get(recordKey(MINE));
    const record = found && decodeRecord(found.key, found.value);
    return record?.kind === 'endpoint' && record.record.running;
  };
  // Not only awaited at the end: a node that fails would be waited for in vain.
  const failed = running.then(() => assert.ok(ending.signal.aborted, `the node ended: ${troubles.join('; ')}`));
  await Promise.race([until(runs, node), failed]);
  await until(() => node.vtep.node.endpoint('web/lb-me') !== undefined, node);
  assert.ok(await store.get('nodes/me'));
  const { revision = 0 } = (await store.get(recordKey(MINE))) ?? {};
  await store.delete(recordKey(MINE), revision);
  await until(async () => (await store.get('networks/web/endpoints/lb-me')) === undefined, node);
  await until(() => node.vtep.node.tables.counts.endpoints === 0, node);
  ending.abort();
  await failed;
  await node.close();
});

/** The lease of a process that is gone. */
const lease = (duration: number): Uint8Array =>
  encodeLease({ duration, token: new Uint8Array(16), value: new Uint8Array(0) });

async function remove(store: Store, key: string): Promise<void> {
  await store.delete(key, (await store.get(key))?.revision ?? 0);
}

test('the lease that an earlier run left behind is waited for', async () => {
  const store = new MemoryStore();
  await store.put('leases/me', lease(300));
  const node = await open(store);
  assert.ok(node.report.registered);
  await node.close();
});

test('a lease that was withdrawn is taken again, and a record that was deleted is written again', async () => {
  const store = new MemoryStore();
  const troubles: string[] = [];
  const node = await open(store, (text) => void troubles.push(text));
  await remove(store, 'leases/me');
  await until(() => troubles.some((text) => text.includes('had run out, and is taken again')), node);
  await until(() => node.report.registered, node);
  await remove(store, 'nodes/me');
  await until(async () => (await store.get('nodes/me')) !== undefined, node);
  assert.ok(await store.get('leases/me'));
  await node.close();
});

test('a node that ends leaves neither its lease nor its record', async () => {
  const store = new MemoryStore();
  const node = await open(store);
  assert.ok((await store.get('nodes/me')) && (await store.get('leases/me')));
  const deleted: string[] = [];
  const watching = (async () => {
    for await (const change of store.watch('', 0)) if (change.kind === 'delete') deleted.push(change.key);
  })();
  await node.close();
  await watching;
  assert.deepEqual(
    deleted.filter((key) => key !== 'leader'),
    ['nodes/me', 'leases/me'],
  );
});

test('a node that is gone is withdrawn by the one that leads, after the time of its lease and not before', async () => {
  const store = new MemoryStore();
  await store.put('leases/gone', lease(400));
  await write(store, nodeRecord('gone', '127.0.0.7'));
  const began = performance.now();
  const node = await open(store);
  await until(async () => (await store.get('nodes/gone')) === undefined, node);
  assert.ok(performance.now() - began >= 400);
  assert.equal(await store.get('leases/gone'), undefined);
  assert.equal(node.report.withdrawn, 1);
  await node.close();
});

test('a node of the same name that renews its lease is an error', async () => {
  const store = new MemoryStore();
  await store.put('leases/me', lease(300));
  const renewing = setInterval(() => void store.put('leases/me', lease(300)).catch(() => undefined), 50);
  await assert.rejects(open(store), { code: 'NODE_RUNNING' });
  clearInterval(renewing);
});
