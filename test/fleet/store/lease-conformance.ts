/** What leases promise on every store, by a clock that the test moves. */
import assert from 'node:assert/strict';
import { Lease, LeaseObserver, type Store, type StoreChange } from '../../../src/fleet/index.js';
import { bytes, watched } from './changes.js';

const DURATION = 3_000;
const token = (fill: number): Uint8Array => new Uint8Array(16).fill(fill);

type Rule = (title: string, body: (one: Store, two: Store) => Promise<void>) => void;

async function observing(store: Store, now: number): Promise<LeaseObserver> {
  const observer = new LeaseObserver();
  observer.start(await store.snapshot('nodes/'), now);
  return observer;
}

export function leaseConformance(rule: Rule): void {
  rule('a lease that is not renewed is withdrawn after its time, and not before', async (one, two) => {
    await Lease.take(one, 'nodes/alpha', bytes('up'), { duration: DURATION, token: token(1) });
    const observer = await observing(two, 1_000);
    assert.equal(observer.nextStale(), 4_000);
    assert.deepEqual(await observer.withdraw(two, 3_999), []);
    assert.ok(await one.get('nodes/alpha'));
    assert.deepEqual(await observer.withdraw(two, 4_000), ['nodes/alpha']);
    assert.equal(await one.get('nodes/alpha'), undefined);
    assert.deepEqual(await watched(one, 'nodes/', 1, 1), ['delete nodes/alpha @2']);
    assert.equal(observer.size, 0);
  });

  rule('a renewal that the observer has not seen yet wins', async (one, two) => {
    const lease = await Lease.take(one, 'nodes/alpha', bytes('up'), { duration: DURATION, token: token(1) });
    const observer = await observing(two, 0);
    await lease.renew();
    assert.deepEqual(await observer.withdraw(two, 3_000), []);
    assert.equal((await two.get('nodes/alpha'))?.revision, lease.revision);
  });

  rule('a renewal counts from when it is observed', async (one, two) => {
    const lease = await Lease.take(one, 'nodes/alpha', bytes('up'), { duration: DURATION, token: token(1) });
    const observer = await observing(two, 0);
    await lease.renew(bytes('draining'));
    for await (const change of two.watch('nodes/', 1)) {
      observer.observe(change, 2_000);
      break;
    }
    assert.deepEqual(observer.stale(4_999), []);
    assert.deepEqual(observer.stale(5_000), ['nodes/alpha']);
  });

  rule('time without a connection does not count as silence', async (one, two) => {
    await Lease.take(one, 'nodes/alpha', bytes('up'), { duration: DURATION, token: token(1) });
    const observer = await observing(two, 0);
    const outage: StoreChange[] = [{ kind: 'lost' }, { kind: 'resumed' }];
    outage.forEach((change, index) => observer.observe(change, 2_000 + index * 600_000));
    assert.deepEqual(observer.stale(604_999), []);
    assert.deepEqual(observer.stale(605_000), ['nodes/alpha']);
  });

  rule(
    'from a lost connection until the watch resumes, nothing is stale, also if the store is in reach',
    async (one, two) => {
      await Lease.take(one, 'nodes/alpha', bytes('up'), { duration: DURATION, token: token(1) });
      const observer = await observing(two, 0);
      observer.observe({ kind: 'lost' }, 2_000);
      assert.deepEqual(await observer.withdraw(two, 600_000), []);
      observer.observe({ kind: 'resumed' }, 600_000);
      assert.deepEqual(await observer.withdraw(two, 600_000 + DURATION), ['nodes/alpha']);
    },
  );

  rule('of many observers, one withdraws a lease', async (one, two) => {
    await Lease.take(one, 'nodes/alpha', bytes('up'), { duration: DURATION, token: token(1) });
    const observers = await Promise.all([one, two, one, two].map((store) => observing(store, 0)));
    const withdrawn = await Promise.all(observers.map((each, index) => each.withdraw(index % 2 ? one : two, DURATION)));
    assert.deepEqual(withdrawn.flat(), ['nodes/alpha']);
  });

  rule('the holder of a withdrawn lease learns of it, also if another took it', async (one, two) => {
    const lease = await Lease.take(one, 'nodes/alpha', bytes('up'), { duration: DURATION, token: token(1) });
    await two.delete('nodes/alpha', lease.revision);
    await assert.rejects(lease.renew(), { code: 'LEASE_LOST' });
    await Lease.take(two, 'nodes/alpha', bytes('up'), { duration: DURATION, token: token(2) });
    await assert.rejects(lease.renew(), { code: 'LEASE_LOST' });
    await assert.rejects(lease.release(), { code: 'LEASE_LOST' });
  });

  rule('a held lease is refused to others, and given to its own token again', async (one, two) => {
    const options = { duration: DURATION, token: token(1) };
    const first = await Lease.take(one, 'nodes/alpha', bytes('up'), options);
    await assert.rejects(Lease.take(two, 'nodes/alpha', bytes('up'), { duration: DURATION, token: token(2) }), {
      code: 'CONFLICT',
    });
    const again = await Lease.take(two, 'nodes/alpha', bytes('up'), options);
    assert.ok(again.revision > first.revision);
    // As after a renewal whose answer was lost.
    await first.renew();
    await again.release();
    assert.equal(await one.get('nodes/alpha'), undefined);
  });

  rule('records that are no leases are never withdrawn', async (one, two) => {
    const start = [0x56, 0x54, 0x4c, 0x01];
    const values = [[], [1], start, [...start, 0, 0, 0, 0, ...token(1)], [...start, 255, 255, 255, 255, ...token(1)]];
    for (const [index, value] of values.entries()) await one.put(`nodes/${index}`, Uint8Array.from(value));
    const observer = await observing(two, 0);
    assert.equal(observer.size, 0);
    assert.deepEqual(await observer.withdraw(two, Number.MAX_SAFE_INTEGER), []);
    assert.equal((await one.snapshot('nodes/')).records.length, values.length);
  });

  rule('leases out of bounds are refused', async (one) => {
    const take = (duration: number, length: number, value = 1): Promise<Lease> =>
      Lease.take(one, 'nodes/a', new Uint8Array(value), { duration, token: new Uint8Array(length) });
    for (const duration of [0, 99, -1, NaN, Infinity, 1_000.5, 86_400_001]) {
      await assert.rejects(take(duration, 16), { code: 'BAD_LEASE' });
    }
    await assert.rejects(take(DURATION, 15), { code: 'BAD_LEASE' });
    await assert.rejects(take(DURATION, 16, 65_536), { code: 'BAD_LEASE' });
    assert.equal(await one.get('nodes/a'), undefined);
  });
}
