/** A NATS server that is killed, restarted, and emptied. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lease, LeaseObserver, type NatsOptions, NatsStore, type StoreChange } from '../../../src/fleet/index.js';
import { missing } from '../../repository.js';
import { bytes, line, next } from './changes.js';
import { NatsServer } from './nats-server.js';

const skip = missing('nats-server');
/** For what waits until a server that hangs has had its time. */
const HASTY: NatsOptions = { timeout: 1_000 };
/** Whether all threads of a server are stopped is read from /proc. */
const skipHang = process.platform === 'linux' ? skip : 'needs Linux';

/** Two stores on a new server. */
async function withServer(
  body: (server: NatsServer, store: NatsStore, other: NatsStore) => Promise<void>,
  options: NatsOptions = {},
): Promise<void> {
  const server = await NatsServer.start();
  const stores: NatsStore[] = [];
  try {
    for (let count = 0; count < 2; count++) stores.push(await NatsStore.open(`${server.address}/web`, options));
    await body(server, stores[0], stores[1]);
  } finally {
    server.thaw();
    await Promise.all(stores.map((store) => store.close()));
    await server.close();
  }
}

/** Waits for the end of an outage, as a watch reports it. */
async function resumed(changes: AsyncIterator<StoreChange>): Promise<string[]> {
  const lines = await next(changes, 1);
  while (lines.at(-1) !== 'resumed') lines.push(...(await next(changes, 1)));
  return lines;
}

test('across kill -9 of the server and its restart, a watch misses and repeats nothing', { skip }, async () => {
  await withServer(async (server, store, other) => {
    const changes = store.watch('k/', 0)[Symbol.asyncIterator]();
    const others = other.watch('none/', 0)[Symbol.asyncIterator]();
    const waiting = resumed(others);
    const expected: string[] = [];
    const put = async (index: number): Promise<void> => {
      expected.push(`put k/${index}=${index} @${await other.put(`k/${index}`, bytes(`${index}`))}`);
    };
    for (let index = 0; index < 400; index++) await put(index);
    const seen = await next(changes, 100);
    await server.kill();
    await server.restart();
    assert.deepEqual(await waiting, ['lost', 'resumed']);
    for (let index = 400; index < 700; index++) await put(index);
    while (seen.length < 702) seen.push(...(await next(changes, 1)));
    assert.deepEqual(
      seen.filter((each) => each === 'lost' || each === 'resumed'),
      ['lost', 'resumed'],
    );
    assert.deepEqual(
      seen.filter((each) => each.startsWith('put')),
      expected,
    );
  });
});

test('while the server is gone, reads and writes fail at once, and are not made later', { skip }, async () => {
  await withServer(async (server, store) => {
    await store.put('a', bytes('1'));
    const changes = store.watch('', 0)[Symbol.asyncIterator]();
    assert.deepEqual(await next(changes, 1), ['put a=1 @1']);
    const event = changes.next();
    await server.kill();
    assert.deepEqual((await event).value, { kind: 'lost' });
    assert.equal(store.connected, false);
    for (const operation of [
      () => store.get('a'),
      () => store.put('a', bytes('2')),
      () => store.delete('a', 1),
      () => store.snapshot(''),
      () => store.compact(1),
    ]) {
      await assert.rejects(operation(), { code: 'UNAVAILABLE' });
    }
    const again = changes.next();
    await server.restart();
    assert.deepEqual((await again).value, { kind: 'resumed' });
    assert.equal(store.connected, true);
    assert.equal(
      line((await store.get('a').then((record) => record && { kind: 'put' as const, ...record })) ?? { kind: 'lost' }),
      'put a=1 @1',
    );
    const after = await store.put('a', bytes('3'), { revision: 1 });
    assert.equal(after, 2);
    assert.deepEqual(await next(changes, 1), ['put a=3 @2']);
    assert.equal((await store.snapshot('')).records.length, 1);
  });
});

test(
  'every write under way when the server is killed is made or not, and its answer says so or OUTCOME_UNKNOWN',
  { skip },
  async () => {
    await withServer(async (server, store) => {
      const changes = store.watch('none/', 0)[Symbol.asyncIterator]();
      const waiting = resumed(changes);
      const writes = Array.from({ length: 2_000 }, (_, index) =>
        store.put(`k/${index}`, bytes(`${index}`), { revision: 0 }),
      );
      const settled = Promise.allSettled(writes);
      await writes[20];
      await server.kill();
      await server.restart();
      const results = await settled;
      await waiting;
      const kept = new Set((await store.snapshot('k/')).records.map(({ key }) => key));
      for (const [index, result] of results.entries()) {
        if (result.status === 'fulfilled') assert.ok(kept.has(`k/${index}`));
        else {
          const { code } = result.reason as { code: string };
          assert.ok(code === 'OUTCOME_UNKNOWN' || (code === 'UNAVAILABLE' && !kept.has(`k/${index}`)), code);
        }
      }
    });
  },
);

test('after an outage a lease has its whole time again', { skip }, async () => {
  await withServer(async (server, store, other) => {
    const lease = await Lease.take(store, 'nodes/a', bytes('up'), { duration: 1_000, token: new Uint8Array(16) });
    const observer = new LeaseObserver();
    const { revision, records } = await other.snapshot('nodes/');
    observer.start({ revision, records }, 0);
    const changes = other.watch('nodes/', revision)[Symbol.asyncIterator]();
    // The clock is the test's: the outage lasts an hour.
    const first = changes.next();
    await server.kill();
    observer.observe((await first).value as StoreChange, 500);
    assert.deepEqual(await observer.withdraw(other, 3_600_000), []);
    const second = changes.next();
    await server.restart();
    observer.observe((await second).value as StoreChange, 3_600_000);
    assert.deepEqual(await observer.withdraw(other, 3_600_999), []);
    assert.deepEqual(await observer.withdraw(other, 3_601_000), ['nodes/a']);
    await assert.rejects(lease.renew(), (error: { code: string }) =>
      ['LEASE_LOST', 'UNAVAILABLE'].includes(error.code),
    );
  });
});

test('while a server can not be written, no lease gets stale', { skip: skipHang }, async () => {
  await withServer(async (server, store, other) => {
    await Lease.take(store, 'nodes/a', bytes('up'), { duration: 1_000, token: new Uint8Array(16) });
    const observer = new LeaseObserver();
    observer.start(await other.snapshot('nodes/'), 0);
    await server.freeze();
    // The connection is still up, as it is while a cluster elects a leader.
    assert.equal(other.connected, true);
    await assert.rejects(observer.withdraw(other, 1_000), { code: 'OUTCOME_UNKNOWN' });
    assert.deepEqual(observer.stale(1_999), []);
    assert.deepEqual(observer.stale(2_000), ['nodes/a']);
  }, HASTY);
});

test('a server that comes back empty is RESET to a watch, once the bucket is made again', { skip }, async () => {
  await withServer(async (server, store) => {
    for (let index = 0; index < 3; index++) await store.put(`a/${index}`, bytes('1'));
    const changes = store.watch('', 0)[Symbol.asyncIterator]();
    await next(changes, 3);
    const lost = next(changes, 1);
    await server.kill();
    assert.deepEqual(await lost, ['lost']);
    server.wipe();
    await server.restart();
    const fresh = await NatsStore.open(`${server.address}/web`);
    // More than before: the number alone doesn't tell.
    for (let index = 0; index < 9; index++) await fresh.put(`b/${index}`, bytes('1'));
    await assert.rejects(changes.next(), { code: 'RESET' });
    await fresh.close();
  });
});

test(
  'of a server that hangs, reads are UNAVAILABLE and writes OUTCOME_UNKNOWN; a watch goes on',
  { skip: skipHang },
  async () => {
    await withServer(async (server, store) => {
      const first = await store.put('a', bytes('1'));
      const changes = store.watch('', 0)[Symbol.asyncIterator]();
      assert.deepEqual(await next(changes, 1), [`put a=1 @${first}`]);
      const change = next(changes, 1);
      await server.freeze();
      await Promise.all([
        assert.rejects(store.get('a'), { code: 'UNAVAILABLE' }),
        assert.rejects(store.snapshot(''), { code: 'UNAVAILABLE' }),
        assert.rejects(store.put('a', bytes('2'), { revision: first }), { code: 'OUTCOME_UNKNOWN' }),
      ]);
      server.thaw();
      // It was made after all, once.
      assert.deepEqual(await change, [`put a=2 @${first + 1}`]);
      await assert.rejects(store.put('a', bytes('2'), { revision: first }), { code: 'CONFLICT' });
    }, HASTY);
  },
);

test('a renewal whose answer is lost does not lose the lease', { skip: skipHang }, async () => {
  await withServer(async (server, store) => {
    const lease = await Lease.take(store, 'nodes/a', bytes('up'), { duration: 1_000, token: new Uint8Array(16) });
    const changes = store.watch('nodes/', lease.revision)[Symbol.asyncIterator]();
    const change = changes.next();
    await server.freeze();
    await assert.rejects(lease.renew(), { code: 'OUTCOME_UNKNOWN' });
    server.thaw();
    await change;
    await lease.renew();
    assert.equal((await store.get('nodes/a'))?.revision, lease.revision);
  }, HASTY);
});
