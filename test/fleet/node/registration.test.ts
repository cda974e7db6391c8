import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeLease, encodeRecord, MemoryStore, type Store } from '../../../src/fleet/index.js';
import { Registration } from '../../../src/fleet/node/registration.js';
import { nodeRecord } from './some-records.js';

const DURATION = 3000;
const ME = nodeRecord('me', '127.0.0.1');
const KEY = 'nodes/me';
const LEASE = 'leases/me';

class Host {
  time = 0;
  readonly told: string[] = [];
  readonly registration: Registration;

  constructor(store: Store, id = 1) {
    this.registration = new Registration(store, {
      node: ME.record,
      duration: DURATION,
      token: new Uint8Array(16).fill(id),
      clock: () => this.time,
      tell: (text) => void this.told.push(text),
    });
  }

  async turns(milliseconds: number): Promise<void> {
    for (const end = this.time + milliseconds; this.time < end; this.time += 100) await this.registration.turn();
  }
}

async function revisions(store: Store): Promise<[number | undefined, number | undefined]> {
  return [(await store.get(LEASE))?.revision, (await store.get(KEY))?.revision];
}

async function remove(store: Store, key: string): Promise<void> {
  await store.delete(key, (await store.get(key))?.revision ?? 0);
}

test('a node takes its lease, then writes its record, which renewals leave alone', async () => {
  const store = new MemoryStore();
  const host = new Host(store);
  assert.equal(await host.registration.begin(), true);
  assert.deepEqual(await revisions(store), [1, 2]);
  assert.deepEqual((await store.get(KEY))?.value, encodeRecord(ME));
  await host.turns(DURATION);
  const [lease = 0, record] = await revisions(store);
  assert.ok(lease > 2 && record === 2);
});

test('a node deletes its record, then gives its lease up', async () => {
  const store = new MemoryStore();
  const { registration } = new Host(store);
  await registration.begin();
  await registration.release();
  const deleted: string[] = [];
  for await (const { kind, ...change } of store.watch('', 2)) {
    if (kind === 'delete' && 'key' in change) deleted.push(change.key);
    if (deleted.length === 2) break;
  }
  assert.deepEqual(deleted, [KEY, LEASE]);
});

test('a node whose lease was withdrawn takes it again, and writes its record again even if that is there', async () => {
  const store = new MemoryStore();
  const host = new Host(store);
  await host.registration.begin();
  const [, before] = await revisions(store);
  await remove(store, LEASE);
  await host.turns(DURATION);
  const [lease, after] = await revisions(store);
  assert.ok(lease !== undefined && host.registration.held);
  assert.notEqual(after, before);
  await assert.rejects(store.delete(KEY, before ?? 0), { code: 'CONFLICT' }, 'who withdrew the lease comes too late');
});

test('a record that was deleted, or that another program changed, is written again, and not all the time', async () => {
  const store = new MemoryStore();
  const host = new Host(store);
  await host.registration.begin();
  await remove(store, KEY);
  host.registration.observe({ kind: 'delete', key: KEY, revision: 3 });
  assert.equal(host.registration.held, false);
  await host.turns(100);
  assert.deepEqual((await store.get(KEY))?.value, encodeRecord(ME));
  let rewritten = 0;
  for (let i = 0; i < 60; i++) {
    if (i % 2 === 0) {
      const value = new TextEncoder().encode('{}');
      host.registration.observe({ kind: 'put', key: KEY, value, revision: await store.put(KEY, value) });
    }
    const before = (await store.get(KEY))?.revision;
    await host.turns(100);
    if ((await store.get(KEY))?.revision !== before) rewritten++;
  }
  assert.ok(rewritten >= 4 && rewritten <= 7, `${rewritten} times in two leases`);
});

test('a snapshot without the record has it written again, and one that lags behind does no harm', async () => {
  const store = new MemoryStore();
  const host = new Host(store);
  await host.registration.begin();
  host.registration.start([]);
  await host.turns(100);
  assert.equal(host.registration.held, true);
  assert.deepEqual((await store.get(KEY))?.value, encodeRecord(ME));
  host.registration.observe({ kind: 'delete', key: KEY, revision: 1 });
  assert.equal(host.registration.held, true, 'an older change says nothing');
});

test('a node whose name another has taken neither writes nor deletes the record of that one', async () => {
  const store = new MemoryStore();
  const [one, two] = [new Host(store, 1), new Host(store, 2)];
  await one.registration.begin();
  await remove(store, LEASE);
  await two.registration.begin();
  const [, record] = await revisions(store);
  await one.turns(3 * DURATION);
  assert.equal(one.told.length, 1, 'said once');
  await one.registration.release();
  assert.equal((await revisions(store))[1], record);
  await two.registration.release();
  await one.registration.release();
  assert.deepEqual(await revisions(store), [undefined, undefined]);
});

test('a node that does not know yet that another took its lease leaves the record of that one', async () => {
  const store = new MemoryStore();
  const [one, two] = [new Host(store, 1), new Host(store, 2)];
  await one.registration.begin();
  await remove(store, LEASE);
  await two.registration.begin();
  const [lease, record] = await revisions(store);
  one.registration.observe({ kind: 'put', key: KEY, value: encodeRecord(ME), revision: record ?? 0 });
  await one.registration.release();
  assert.deepEqual(await revisions(store), [lease, record]);
});

test('the lease of an earlier run is waited for its whole time, and its record is replaced', async () => {
  const store = new MemoryStore();
  const value = new Uint8Array(0);
  await store.put(LEASE, encodeLease({ duration: 2000, token: new Uint8Array(16), value }));
  await store.put(KEY, encodeRecord(nodeRecord('me', '127.0.0.2')));
  const host = new Host(store);
  for (; !(await host.registration.begin()); host.time += 250);
  assert.ok(host.time >= 2000 && host.time <= 2500, `${host.time} ms`);
  assert.deepEqual((await store.get(KEY))?.value, encodeRecord(ME));
});

test('what is no lease under its key keeps a node out for its whole time, and no longer', async () => {
  const store = new MemoryStore();
  await store.put(LEASE, Uint8Array.of(1, 2, 3));
  const host = new Host(store);
  assert.equal(await host.registration.begin(), false);
  host.time = DURATION - 1;
  assert.equal(await host.registration.begin(), false);
  host.time = DURATION;
  await host.registration.begin();
  assert.equal(await host.registration.begin(), true);
});
