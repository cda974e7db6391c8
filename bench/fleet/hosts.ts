/** A process with the store's side of many hosts: each has a connection, a lease and watches of its own. */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  encodeRecord,
  LEADER,
  Lease,
  leaseKey,
  LEASES,
  NatsStore,
  NODES,
  type Store,
  type StoreChange,
  type StoreSnapshot,
} from '../../src/fleet/index.js';
import { WATCHED } from '../../src/fleet/node/followed-record.js';
import { readStore } from '../../src/fleet/store/store-reader.js';
import type { HostsCommand, HostsEvent, HostsStart } from './message.js';

const MARK = 'networks/mark/';
const TOKEN_BYTES = 16;
const NO_VALUE = new Uint8Array(0);
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

/** Reads what a node reads, until the end. Resolves when it has the snapshot. */
function read(store: Store, prefixes: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const snapshot = ({ records }: StoreSnapshot): void => {
      for (const { key, value } of records) counts.bytes += key.length + value.length;
      resolve();
    };
    const failed = (error: Error): void => {
      process.stderr.write(`reading: ${error.message}\n`);
    };
    readStore(store, prefixes, { snapshot, change: observe, failed }, ending.signal).catch(reject);
  });
}

function observe(change: StoreChange): void {
  if (change.kind !== 'put' && change.kind !== 'delete') return;
  counts.changes++;
  counts.bytes += change.key.length + (change.kind === 'put' ? change.value.length : 0);
  if (!change.key.startsWith(MARK)) return;
  const count = (seen.get(change.key) ?? 0) + 1;
  seen.set(change.key, count);
  if (count === start.hosts) say({ kind: 'seen', mark: change.key, at: Date.now() });
}

async function host(index: number): Promise<Store> {
  const name = `host-${index}`;
  const store = await NatsStore.open(start.address, { name, timeout: 60_000 });
  const options = { duration: start.lease, token: randomBytes(TOKEN_BYTES) };
  const lease = await Lease.take(store, leaseKey(name), NO_VALUE, options);
  const record = { version: 1, name, vtep: `10.1.${index >> 8}.${index & 255}`, mtu: 1500 } as const;
  await store.put(NODES + name, encodeRecord({ kind: 'node', record }));
  if (index === 0) {
    // It leads.
    void renew(await Lease.take(store, LEADER, new TextEncoder().encode(name), options));
    await read(store, [LEASES, NODES]);
  }
  await read(store, WATCHED);
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
