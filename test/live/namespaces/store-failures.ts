/**
 * Measures what a failure costs: `node dist/test/live/namespaces/store-failures.js [NAME...]`, as root. Three nodes over one
 * store; c1 on node 1 and c2 on node 2 exchange pings all the time. For a cluster of servers: test/fleet/cluster.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NATS_SERVER, lacking } from './requirements.js';
import { RunningPing } from './running-ping.js';
import { StoreBench } from './store-bench.js';
import { until } from './until.js';

/** Seconds of the nodes' leases, and between pings. */
const LEASE = 3;
const INTERVAL = 0.005;
const MILLISECONDS = 1000;
/** Milliseconds of an outage that is shorter than a lease, and of one that is longer. */
const SHORT = 2_000;
const LONG = (LEASE + 2) * MILLISECONDS;
const C1 = '10.0.9.103';
const C2 = '10.0.9.104';

/** What a failure did, in milliseconds; undefined where it doesn't apply. */
interface Cost {
  /** From the end of the failure until a change that was made after it is applied. */
  readonly change?: number;
  /** From the end of the failure until everything is as before. */
  readonly back?: number;
  /** For the table. */
  readonly note?: string;
}

let addresses = 110;

/** Milliseconds until a new endpoint on node 2 is reached from node 1. */
async function change(bench: StoreBench, since: number): Promise<number> {
  const address = `10.0.9.${addresses++}`;
  await bench.addContainer('web', `x${addresses}`, 2, address);
  return bench.answers('c1', address, since);
}

function leaderOf(bench: StoreBench): number {
  const last = (text: string): number => text.lastIndexOf('this node leads') - text.lastIndexOf('no longer leads');
  return bench.ups.findIndex(({ said }) => said.includes('this node leads') && last(said) > 0);
}

async function refill(bench: StoreBench): Promise<void> {
  await bench.hub.write('open');
  await bench.hub.write('network', 'web', '4097', '10.0.9.0/24');
  await bench.hub.write('endpoint', 'web', 'c1', 'n1', C1, bench.container('c1').name);
  await bench.hub.write('endpoint', 'web', 'c2', 'n2', C2, bench.container('c2').name);
}

const FAILURES: Readonly<Record<string, (bench: StoreBench) => Promise<Cost>>> = {
  'server killed, restarted after 2 s': async (bench) => {
    await bench.hub.kill();
    await sleep(SHORT);
    await bench.hub.start();
    return { change: await change(bench, Date.now()) };
  },
  'server frozen for 5 s': async (bench) => {
    bench.hub.freeze();
    await sleep(LONG);
    bench.hub.thaw();
    return { change: await change(bench, Date.now()) };
  },
  'server frozen for 20 s': async (bench) => {
    bench.hub.freeze();
    await sleep(20_000);
    bench.hub.thaw();
    return { change: await change(bench, Date.now()) };
  },
  'old storage restored': async (bench) => {
    await bench.hub.kill();
    bench.hub.backUp();
    await bench.hub.start();
    await change(bench, Date.now());
    await bench.hub.kill();
    bench.hub.restore();
    await bench.hub.start();
    const since = Date.now();
    await until(() => bench.ups.every(({ said }) => /all records were read again/.test(said)), 'a snapshot');
    return { back: Date.now() - since, change: await change(bench, since) };
  },
  'storage wiped': async (bench) => {
    await bench.hub.kill();
    bench.hub.wipe();
    await bench.hub.start();
    await sleep(SHORT);
    await refill(bench);
    const since = Date.now();
    return { back: await bench.answers('c1', C2, since), change: await change(bench, since) };
  },
  'node 2 killed, restarted at once': async (bench) => {
    await bench.ups[1].kill();
    const since = Date.now();
    await bench.ups[1].start();
    const up = Date.now() - since;
    return { back: await bench.reached('c1', C2, since), note: `up again after ${up} ms` };
  },
  'node 2 frozen for 5 s, its lease is 3 s': async (bench) => {
    bench.ups[1].signal('SIGSTOP');
    await sleep(LONG);
    bench.ups[1].signal('SIGCONT');
    return { back: await bench.answers('c1', C2, Date.now()) };
  },
  'node that leads killed': async (bench) => {
    // Node 3 is no end of the pings.
    if (leaderOf(bench) !== 2) {
      for (const index of [0, 1]) bench.hub.cutOff(index);
      await until(() => leaderOf(bench) === 2, 'node 3 leads');
      for (const index of [0, 1]) bench.hub.reconnect(index);
      await bench.answers('c1', C2, Date.now());
    }
    const said = bench.ups.map((up) => up.said.length);
    const running = await RunningPing.start(bench.container('c1'), C2, { interval: INTERVAL });
    await bench.ups[2].kill();
    const since = Date.now();
    await until(() => bench.ups.some((up, i) => i < 2 && /this node leads/.test(up.said.slice(said[i]))), 'a leader');
    const back = Date.now() - since;
    const { lost, sent } = await running.stop();
    await bench.ups[2].start();
    return { back, note: `another leads; ${lost} of ${sent} pings lost meanwhile` };
  },
  'node 2 cut off from the store for 1 s': (bench) => cutOff(bench, SHORT / 2),
  'node 2 cut off from the store for 5 s': (bench) => cutOff(bench, LONG),
};

async function cutOff(bench: StoreBench, milliseconds: number): Promise<Cost> {
  bench.hub.cutOff(1);
  await sleep(milliseconds);
  bench.hub.reconnect(1);
  return { back: await bench.answers('c1', C2, Date.now()), change: await change(bench, Date.now()) };
}

async function measure(name: string, fail: (bench: StoreBench) => Promise<Cost>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-failures-'));
  const bench = new StoreBench(folder, LEASE);
  try {
    await bench.start();
    await bench.reached('c1', C2, Date.now());
    bench.knows('c1', C2);
    const running = await RunningPing.start(bench.container('c1'), C2, { interval: INTERVAL });
    await running.answers(100);
    const cost = await fail(bench);
    await running.answers(100);
    const { sent, missing } = await running.stop();
    const ms = (time: number | undefined): string => (time === undefined ? '-' : `${time} ms`);
    print(
      `${name} | lost ${missing.length} of ${sent} | change ${ms(cost.change)} | back ${ms(cost.back)} | ${cost.note ?? ''}`,
    );
  } catch (error) {
    print(`${name} | failed: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
    for (const { said } of bench.ups) print(said);
    process.exitCode = 1;
  } finally {
    bench.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const lacks = lacking(NATS_SERVER);
if (lacks !== undefined) throw new Error(lacks);
const asked = process.argv.slice(2);
for (const [name, fail] of Object.entries(FAILURES)) {
  if (asked.length === 0 || asked.some((part) => name.includes(part))) await measure(name, fail);
}
