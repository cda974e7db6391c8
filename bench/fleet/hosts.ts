/** A process with the store's side of many hosts: each has a connection, a lease and watches of its own. */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lease, NatsStore, type Store } from '../../src/fleet/index.js';
import type { HostsCommand, HostsEvent, HostsStart } from './message.js';

/** What a node watches: everything but the leases of others. */
const PREFIXES = ['nodes/', 'networks/', 'services/', 'keys/'];
const MARK = 'networks/mark/';
const TOKEN_BYTES = 16;
/** Renewals in the duration of a lease. */
const RENEWALS = 3;
const STARTS_AT_ONCE = 10;

const start = JSON.parse(process.argv[2]) as HostsStart;
const ending = new AbortController();
setMaxListeners(0, ending.signal);
const seen = new Map<string, number>();
const counts = { changes: 0, bytes: 0, renewals: 0, failedRenewals: 0 };
let cpu = process.cpuUsage();

function say(event: HostsEvent): void {
  process.send?.(event);
}

async function watch(store: Store, prefix: string): Promise<void> {
  const { revision, records } = await store.snapshot(prefix);
  for (const { key, value } of records) counts.bytes += key.length + value.length;
  void follow(store, prefix, revision);
}

async function follow(store: Store, prefix: string, revision: number): Promise<void> {
  for await (const change of store.watch(prefix, revision, { signal: ending.signal })) {
    if (change.kind !== 'put' && change.kind !== 'delete') continue;
    counts.changes++;
    counts.bytes += change.key.length + (change.kind === 'put' ? change.value.length : 0);
    if (!change.key.startsWith(MARK)) continue;
    const count = (seen.get(change.key) ?? 0) + 1;
    seen.set(change.key, count);
    if (count === start.hosts) say({ kind: 'seen', mark: change.key, at: Date.now() });
  }
}

async function host(index: number): Promise<Store> {
  const store = await NatsStore.open(start.address, { name: `host-${index}`, timeout: 60_000 });
  const options = { duration: start.lease, token: randomBytes(TOKEN_BYTES) };
  const lease = await Lease.take(store, `leases/host-${index}`, new Uint8Array(0), options);
  for (const prefix of PREFIXES) await watch(store, prefix);
  void renew(lease);
  return store;
}

async function renew(lease: Lease): Promise<void> {
  const period = start.lease / RENEWALS;
  await sleep(Math.random() * period);
  while (!ending.signal.aborted) {
    const from = performance.now();
    try {
      await lease.renew();
      counts.renewals++;
    } catch {
      counts.failedRenewals++;
    }
    await sleep(Math.max(0, period - (performance.now() - from)));
  }
}

function report(): void {
  const { user, system } = process.cpuUsage(cpu);
  cpu = process.cpuUsage();
  const cpuSeconds = (user + system) / 1e6;
  say({ kind: 'report', report: { ...counts, cpuSeconds, residentBytes: process.memoryUsage.rss() } });
  Object.assign(counts, { changes: 0, bytes: 0, renewals: 0, failedRenewals: 0 });
}

const stores: Store[] = [];
for (let i = 0; i < start.hosts; i += STARTS_AT_ONCE) {
  const count = Math.min(STARTS_AT_ONCE, start.hosts - i);
  stores.push(...(await Promise.all(Array.from({ length: count }, (_, k) => host(start.first + i + k)))));
}
process.on('message', (command: HostsCommand) => {
  if (command.kind === 'report') {
    report();
    return;
  }
  ending.abort();
  void Promise.all(stores.map((store) => store.close())).then(() => process.exit(0));
});
say({ kind: 'ready' });
