import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStore } from '../../../src/fleet/index.js';
import { bytes, watched } from './changes.js';
import { storeConformance } from './conformance.js';

storeConformance(
  'memory',
  () => {
    const store = new MemoryStore();
    return Promise.resolve([store, store]);
  },
  false,
);

test('memory: one record more than the limit is FULL; a deleted one makes room', async () => {
  const store = new MemoryStore({ maxRecords: 2 });
  const first = await store.put('a', bytes('1'));
  await store.put('b', bytes('1'));
  await assert.rejects(store.put('c', bytes('1')), { code: 'FULL' });
  await store.put('b', bytes('2'));
  await store.delete('a', first);
  await store.put('c', bytes('1'));
  await assert.rejects(store.put('a', bytes('1')), { code: 'FULL' });
});

test('memory: deletions beyond the limit are forgotten, oldest first', async () => {
  const store = new MemoryStore({ maxDeletions: 4 });
  for (let index = 0; index < 5; index++) {
    await store.delete(`k/${index}`, await store.put(`k/${index}`, bytes('1')));
  }
  await assert.rejects(watched(store, '', 1, 1), { code: 'COMPACTED' });
  assert.deepEqual(await watched(store, '', 6, 2), ['delete k/3 @8', 'delete k/4 @10']);
});

test('memory: a watch that holds a deletion reports it though it is forgotten meanwhile', async () => {
  const store = new MemoryStore();
  const first = await store.put('a', bytes('1'));
  await store.put('b', bytes('1'));
  await store.delete('a', first);
  const changes = store.watch('', first)[Symbol.asyncIterator]();
  assert.equal(((await changes.next()).value as { key: string }).key, 'b');
  await store.compact(3);
  assert.deepEqual((await changes.next()).value, { kind: 'delete', key: 'a', revision: 3 });
  await store.close();
});

test('memory: of a key that is written 100,000 times, only the last change is reported', async () => {
  const store = new MemoryStore();
  const value = bytes('1');
  for (let index = 0; index < 100_000; index++) void store.put('a', value);
  const { revision, records } = await store.snapshot('');
  assert.equal(revision, 100_000);
  assert.equal(records.length, 1);
  assert.deepEqual(await watched(store, '', 0, 1), ['put a=1 @100000']);
});

test('memory: a watch from the beginning waits where the last changes are deletions that are forgotten', async () => {
  const store = new MemoryStore();
  await store.delete('a', await store.put('a', bytes('1')));
  await store.compact(2);
  const change = store.watch('', 0)[Symbol.asyncIterator]().next();
  await store.put('b', bytes('1'));
  assert.equal(((await change).value as { key: string }).key, 'b');
  await store.close();
});

test('memory: a watch that slept through the changes of other prefixes misses no deletion when they are forgotten', async () => {
  const store = new MemoryStore();
  const first = await store.put('a/1', bytes('1'));
  const changes = store.watch('a/', first)[Symbol.asyncIterator]();
  const later = changes.next();
  for (let index = 0; index < 3; index++) await store.delete('b/1', await store.put('b/1', bytes('1')));
  await store.compact(7);
  await store.put('a/2', bytes('1'));
  assert.equal(((await later).value as { key: string }).key, 'a/2');
  const deletion = changes.next();
  // Forgotten before the watch gets to it.
  void store.delete('a/1', first);
  void store.compact(9);
  await assert.rejects(deletion, { code: 'COMPACTED' });
  await store.close();
});
