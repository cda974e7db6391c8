/**
 * Measures a store with many hosts: `npm run bench:fleet [-- --hosts N --endpoints N --seconds S]`. Every host is a
 * connection with the lease and the watches of a node, without its data plane; all are on this machine, beside the server.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { encodeRecord, type FleetRecord, NatsStore, NETWORKS, recordKey, type Store } from '../../src/fleet/index.js';
import { machineName } from '../machine.js';
import { endpointRecord } from './endpoint-record.js';
import type { HostsEvent, HostsReport, HostsStart } from './message.js';
import { NatsProcess } from './nats-process.js';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '1000' },
    endpoints: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '30' },
    /** Changes of endpoints a second. */
    rate: { type: 'string', default: '10' },
    lease: { type: 'string', default: '10000' },
    processes: { type: 'string', default: '4' },
  },
});
const hosts = Number(values.hosts);
const endpoints = Number(values.endpoints);
const seconds = Number(values.seconds);
const rate = Number(values.rate);
const lease = Number(values.lease);
const processes = Math.min(hosts, Number(values.processes));
const MIB = 2 ** 20;
const WRITES_AT_ONCE = 64;
/** Milliseconds after the last change in which hosts may still see it. */
const LATE = 30_000;

/** Records of a snapshot, and changes that a node has missed. */
const RECORDS = 10_000;
const MISSED = 100;

const server = await NatsProcess.start();
try {
  await measureReading();
  await measure();
} finally {
  server.close();
}

/** Writes records of endpoints. @returns bytes of their keys and values */
async function write(store: Store, first: number, end: number): Promise<number> {
  let bytes = 0;
  for (let i = first; i < end; i += WRITES_AT_ONCE) {
    const count = Math.min(WRITES_AT_ONCE, end - i);
    const records = Array.from({ length: count }, (_, k) => endpoint(i + k));
    bytes += records.reduce((sum, one) => sum + recordKey(one).length + encodeRecord(one).length, 0);
    await Promise.all(records.map((one) => store.put(recordKey(one), encodeRecord(one))));
  }
  return bytes;
}

/** One node and no others: a snapshot, and what it takes to go on from a revision. */
async function measureReading(): Promise<void> {
  const store = await NatsStore.open(`${server.address}/reading`);
  await write(store, 0, RECORDS);
  const from = performance.now();
  const { records, revision } = await store.snapshot(NETWORKS);
  const snapshot = performance.now() - from;
  await write(store, RECORDS, RECORDS + MISSED);
  const again = performance.now();
  let missed = 0;
  for await (const change of store.watch(NETWORKS, revision)) if (change.kind === 'put' && ++missed === MISSED) break;
  const resumed = performance.now() - again;
  print(
    `a node: a snapshot of ${records.length} records after ${snapshot.toFixed(0)} ms, ` +
      `${MISSED} changes that it missed after ${resumed.toFixed(0)} ms`,
  );
  await store.close();
}

async function measure(): Promise<void> {
  const address = `${server.address}/bench`;
  const store = await NatsStore.open(address);
  const bytes = await write(store, 0, endpoints);
  const before = await server.counts();
  const from = performance.now();
  const children = Array.from({ length: processes }, (_, i) => startHosts(address, i));
  await Promise.all(children.map((child) => event(child, 'ready')));
  const ready = (performance.now() - from) / 1000;
  const started = await server.counts();
  print(`${machineName()}; ${hosts} hosts in ${processes} processes, nats-server beside them`);
  print(`record of an endpoint: ${(bytes / endpoints).toFixed(0)} bytes with its key`);
  print(
    `start: all hosts have all ${endpoints} endpoints after ${ready.toFixed(1)} s; the server sent ` +
      `${((started.bytesOut - before.bytesOut) / MIB).toFixed(0)} MiB`,
  );
  await phase('leases alone', children, () => sleep(seconds * 1000));
  const delays: number[] = [];
  const arrivals: Promise<unknown>[] = [];
  await phase(`and ${rate} changes of endpoints a second`, children, async () => {
    for (let i = 0; i < seconds * rate; i++) {
      const due = sleep(1000 / rate);
      const mark = `networks/mark/endpoints/m${i}`;
      const all = children.map((child) => seen(child, mark));
      const at = Date.now();
      await store.put(mark, encodeRecord(endpoint(i)));
      arrivals.push(Promise.all(all).then((times) => delays.push(Math.max(...times) - at)));
      await due;
    }
    await Promise.race([Promise.all(arrivals), sleep(LATE)]);
  });
  delays.sort((a, b) => a - b);
  const quantile = (q: number): number => delays[Math.min(delays.length - 1, Math.floor(delays.length * q))];
  print(
    `from a put to the last of ${hosts} hosts: p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, ` +
      `max ${quantile(1)} ms (${delays.length} of ${seconds * rate} puts)`,
  );
  for (const child of children) child.send({ kind: 'end' });
  await store.close();
}

async function phase(name: string, children: readonly ChildProcess[], run: () => Promise<unknown>): Promise<void> {
  await reports(children);
  const before = await server.counts();
  const from = performance.now();
  await run();
  const took = (performance.now() - from) / 1000;
  const after = await server.counts();
  const all = await reports(children);
  const sum = (of: (report: HostsReport) => number): number => all.reduce((total, report) => total + of(report), 0);
  const per = (count: number): string => (count / took).toFixed(0);
  print(`\n${name}, ${took.toFixed(0)} s:`);
  print(
    `  server: ${((100 * (after.cpuSeconds - before.cpuSeconds)) / took).toFixed(0)} % of a core, ` +
      `${(after.residentBytes / MIB).toFixed(0)} MiB; a second: ${per(after.messagesIn - before.messagesIn)} messages in, ` +
      `${per(after.messagesOut - before.messagesOut)} out, ${per((after.bytesOut - before.bytesOut) / 1024)} KiB out, ` +
      `${per((after.bytesOut - before.bytesOut) / hosts)} bytes to each host`,
  );
  print(
    `  a host: ${((1e6 * sum(({ cpuSeconds }) => cpuSeconds)) / took / hosts).toFixed(0)} us of CPU a second, ` +
      `${(sum(({ changes }) => changes) / took / hosts).toFixed(2)} changes and ` +
      `${(sum(({ bytes }) => bytes) / took / hosts).toFixed(0)} bytes a second`,
  );
  print(
    `  leases: ${per(sum(({ renewals }) => renewals))} renewals a second, ${sum(({ failedRenewals }) => failedRenewals)} failed`,
  );
}

function reports(children: readonly ChildProcess[]): Promise<HostsReport[]> {
  return Promise.all(
    children.map(async (child) => {
      const answer = event(child, 'report');
      child.send({ kind: 'report' });
      const said = await answer;
      if (said.kind !== 'report') throw new Error('no report');
      return said.report;
    }),
  );
}

function startHosts(address: string, index: number): ChildProcess {
  const first = Math.floor((hosts * index) / processes);
  const count = Math.floor((hosts * (index + 1)) / processes) - first;
  const start: HostsStart = { address, first, hosts: count, lease };
  const child = fork(fileURLToPath(new URL('hosts.js', import.meta.url)), [JSON.stringify(start)]);
  child.setMaxListeners(0);
  return child;
}

async function event(child: ChildProcess, kind: HostsEvent['kind']): Promise<HostsEvent> {
  for (;;) {
    const [said] = (await once(child, 'message')) as [HostsEvent];
    if (said.kind === kind) return said;
  }
}

function seen(child: ChildProcess, mark: string): Promise<number> {
  return new Promise((resolve) => {
    const listen = (said: HostsEvent): void => {
      if (said.kind !== 'seen' || said.mark !== mark) return;
      child.off('message', listen);
      resolve(said.at);
    };
    child.on('message', listen);
  });
}

function endpoint(index: number): FleetRecord {
  return endpointRecord(index, hosts, new Date());
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
