/**
 * Simulates a store with more hosts than a machine can run: `npm run bench:fleet-simulation [-- --hosts N --endpoints N
 * --minutes N --rate N --seed N]`. The hosts' own code registers, elects, watches and withdraws, in one process, without
 * sockets, on a virtual clock; what passes between them and the store is counted. What an operation costs on NATS was
 * measured (`simulated/nats-cost.ts`). Fleets of 100 and 300 hosts beside it show how far that is from real connections.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { machine } from '../machine.js';
import { GROUP, GROUP_PAUSE_S, perSecond, runScenario, type ScenarioResult } from './simulated/scenario.js';
import { TrafficKind } from './simulated/traffic.js';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '1000' },
    endpoints: { type: 'string', default: '10000' },
    /** Of simulated time, about. */
    minutes: { type: 'string', default: '10' },
    /** Changes of endpoints a second. */
    rate: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
  },
});

/** A second with real connections, by `npm run bench:fleet -- --hosts H --endpoints 2000`: two cores, 2026-11-30. */
interface Measured {
  readonly renewals: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  /** To each host. */
  readonly bytes: number;
  /** To each host for each change of an endpoint. */
  readonly change: number;
}
const MEASURED: ReadonlyMap<number, Measured> = new Map([
  [100, { renewals: 30, messagesIn: 229, messagesOut: 329, bytes: 893, change: 283 }],
  [300, { renewals: 92, messagesIn: 691, messagesOut: 985, bytes: 898, change: 278 }],
]);
/** Fleets to compare with have no need of a long time. */
const COMPARED_MINUTES = 4;

const options = {
  endpoints: whole('endpoints', 1, 200_000),
  rate: whole('rate', 0, 1000),
  seed: whole('seed', 1, 2 ** 31),
};
const minutes = whole('minutes', 1, 1440);
const asked = whole('hosts', 2, 10_000);
const results: ScenarioResult[] = [];
for (const hosts of new Set([100, 300, asked])) {
  const time = hosts === asked ? minutes : Math.min(minutes, COMPARED_MINUTES);
  results.push(await runScenario({ ...options, hosts, minutes: time }));
}
report();

function report(): void {
  print(`${machine()}; ${options.endpoints} endpoints, seed ${options.seed}; bytes as the server of NATS counts them`);
  table('hosts', ({ hosts }) => String(hosts));
  section('start, all at once');
  table('bytes to each host', ({ atOnce, hosts }) => bytes(atOnce.bytes / hosts));
  table('most bytes in a second', ({ atOnce }) => bytes(atOnce.peak));
  section(`start, in groups of ${GROUP}, ${GROUP_PAUSE_S} s between them`);
  table('bytes to each host', ({ inGroups, hosts }) => bytes(inGroups.bytes / hosts));
  table('most bytes in a second', ({ inGroups }) => bytes(inGroups.peak));
  table('seconds until all are ready', ({ inGroups }) => (inGroups.took / 1000).toFixed(0));
  section('a second, leases alone');
  compared('renewals', ({ idle }) => perSecond(idle, TrafficKind.Lease).records, 'renewals');
  table('renewals that the leader sees', ({ idle }) => perSecond(idle, TrafficKind.LeaseSeen).records.toFixed(1));
  table("the leader's renewals, seen by all", ({ idle }) => perSecond(idle, TrafficKind.LeaderSeen).records.toFixed(1));
  compared('messages in', ({ idle }) => perSecond(idle).messagesIn, 'messagesIn');
  compared('messages out', ({ idle }) => perSecond(idle).messagesOut, 'messagesOut');
  table('bytes in', ({ idle }) => bytes(perSecond(idle).bytesIn));
  table('bytes out', ({ idle }) => bytes(perSecond(idle).bytesOut));
  compared('bytes to each host', ({ idle, hosts }) => perSecond(idle).bytesOut / hosts, 'bytes');
  table('  of which idle watches', ({ idle, hosts }) => bytes(perSecond(idle, TrafficKind.Watch).bytesOut / hosts));
  section(`a second, and ${options.rate} changes of endpoints`);
  table('messages in', ({ changing }) => perSecond(changing).messagesIn.toFixed(0));
  table('messages out', ({ changing }) => perSecond(changing).messagesOut.toFixed(0));
  table('bytes out', ({ changing }) => bytes(perSecond(changing).bytesOut));
  table('bytes to each host', ({ changing, hosts }) => bytes(perSecond(changing).bytesOut / hosts));
  compared('bytes for each change and host', ofChange, 'change');
  section('what happens');
  table('a host dies: withdrawn after', ({ withdrawn }) => seconds(withdrawn));
  table('the leader dies: another leads after', ({ leader }) => seconds(leader.elected));
  table('  and it is withdrawn after', ({ leader }) => seconds(leader.withdrawn));
  table('store away for 60 s: changes missed', ({ outage }) => String(outage.missed));
  table('  bytes to each host in the next 10 s', ({ outage }) => bytes(outage.traffic.total().bytesOut / outage.alive));
  table('  most bytes in a second', ({ outage }) => bytes(outage.peak));
  table('  read everything again, withdrawn', ({ outage }) => `${outage.readAgain}, ${outage.withdrawn}`);
  section('the simulation');
  table('simulated host-seconds', ({ hostSeconds }) => hostSeconds.toFixed(0));
  table('CPU of this process', ({ cpuSeconds }) => `${cpuSeconds.toFixed(1)} s`);
  table(
    '  for each host-second',
    ({ cpuSeconds, hostSeconds }) => `${((1e6 * cpuSeconds) / hostSeconds).toFixed(0)} us`,
  );
}

/** What changes of endpoints cost, without the rest. */
function ofChange({ changing, hosts }: ScenarioResult): number {
  if (changing.changes === 0) return 0;
  return perSecond(changing, TrafficKind.RecordSeen).bytesOut / hosts / (changing.changes / changing.seconds);
}

/** A line with a column for each fleet. */
function table(name: string, cell: (result: ScenarioResult) => string): void {
  print(`${name.padEnd(40)}${results.map((result) => cell(result).padStart(28)).join('')}`);
}

/** A line with what was measured beside what is simulated. */
function compared(name: string, of: (result: ScenarioResult) => number, field: keyof Measured): void {
  table(name, (result) => {
    const simulated = of(result);
    const measured = MEASURED.get(result.hosts);
    if (measured === undefined || simulated === 0) return simulated.toFixed(0);
    const deviation = (100 * (simulated - measured[field])) / measured[field];
    const sign = deviation < 0 ? '' : '+';
    return `${simulated.toFixed(0)} (${measured[field]}, ${sign}${deviation.toFixed(1)} %)`;
  });
}

function section(name: string): void {
  print(`\n${name}:`);
}

function bytes(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(2)} GB`;
  if (count >= 1e6) return `${(count / 1e6).toFixed(2)} MB`;
  return count >= 1e4 ? `${(count / 1e3).toFixed(1)} kB` : `${count.toFixed(0)} B`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function whole(name: keyof typeof values, least: number, most: number): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  process.stderr.write(`--${name} is a whole number from ${least} to ${most}\n`);
  process.exit(2);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
