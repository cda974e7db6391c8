/** What happens to a simulated fleet, from its start to a store that was out of reach, and what it took. */
import process from 'node:process';
import { SimulatedFleet, type SimulatedFleetOptions } from './fleet.js';
import type { Counted, Traffic, TrafficKind } from './traffic.js';

const SECOND = 1000;
/** Until hosts are back after an outage, and have all they missed. */
const RESUME_S = 10;
const DEFAULT_OUTAGE_S = 60;
/** Until a leader is elected and has read all leases; until a host that died and a leader that died are withdrawn: in leases. */
const SETTLE_LEASES = 1.5;
const DEATHS_LEASES = 3;
/** Idle watches ask again after so long, so a part of that would be counted as none or as a whole. */
const ROUND_S = 10;
/** Hosts that start together, and seconds between them. */
export const GROUP = 20;
export const GROUP_PAUSE_S = 1;

export interface ScenarioOptions extends SimulatedFleetOptions {
  /** Of simulated time, about. */
  readonly minutes: number;
  /** For so long no host reaches the store. @default 60 */
  readonly outageSeconds?: number;
}

export interface StartResult {
  /** Milliseconds until all hosts have all records. */
  readonly took: number;
  /** Most bytes that the server sent in a second. */
  readonly peak: number;
  readonly bytes: number;
}

/** A part of the run. */
export interface Phase {
  readonly seconds: number;
  readonly traffic: Traffic;
  readonly changes: number;
}

export interface ScenarioResult {
  readonly hosts: number;
  readonly atOnce: StartResult;
  readonly inGroups: StartResult;
  /** Leases alone. */
  readonly idle: Phase;
  /** And endpoints that change. */
  readonly changing: Phase;
  /** Milliseconds from the death of a host to the end of its record. */
  readonly withdrawn: number;
  /** Milliseconds from the death of the leader until another leads, and to the end of its record. */
  readonly leader: { readonly elected: number; readonly withdrawn: number };
  readonly outage: {
    /** Changes that each host missed. */
    readonly missed: number;
    readonly alive: number;
    /** Since the store is back. */
    readonly traffic: Traffic;
    readonly peak: number;
    /** Hosts that had to read everything again, and hosts that were withdrawn. */
    readonly readAgain: number;
    readonly withdrawn: number;
  };
  /** Simulated time, in seconds, times hosts. */
  readonly hostSeconds: number;
  readonly cpuSeconds: number;
}

/** Runs all of it. */
export async function runScenario(options: ScenarioOptions): Promise<ScenarioResult> {
  const from = process.cpuUsage();
  const grouped = await SimulatedFleet.create(options);
  const inGroups = await start(grouped, GROUP, GROUP_PAUSE_S * SECOND);
  const fleet = await SimulatedFleet.create(options);
  const { lease } = fleet;
  const { outageSeconds = DEFAULT_OUTAGE_S } = options;
  const atOnce = await start(fleet, options.hosts, 0);
  await fleet.time.pass(SETTLE_LEASES * lease);
  const events = ((SETTLE_LEASES + DEATHS_LEASES) * lease) / SECOND + outageSeconds + RESUME_S;
  const steady = Math.max(2, Math.floor((options.minutes * 60 - events) / ROUND_S));
  // Changes reach every host, and take most of the time that this takes.
  const rounds = Math.min(6, Math.floor(steady / 2));
  const idle = await phase(fleet, (steady - rounds) * ROUND_S);
  fleet.change(true);
  const changing = await phase(fleet, rounds * ROUND_S);
  fleet.change(false);
  const victim = fleet.alive.find(({ leads }) => !leads);
  if (victim === undefined) throw new Error('a fleet needs two hosts');
  const withdrawn = await fleet.kill(victim);
  const leader = await fleet.killLeader();
  const outage = await cut(fleet, outageSeconds);
  const { user, system } = process.cpuUsage(from);
  const hostSeconds = (options.hosts * (fleet.time.clock() + grouped.time.clock())) / SECOND;
  const cpuSeconds = (user + system) / 1e6;
  return { hosts: options.hosts, atOnce, inGroups, idle, changing, withdrawn, leader, outage, hostSeconds, cpuSeconds };
}

async function start(fleet: SimulatedFleet, atOnce: number, pause: number): Promise<StartResult> {
  const took = await fleet.start(atOnce, pause);
  return { took, peak: fleet.server.peak(0), bytes: fleet.traffic().total().bytesOut };
}

/** Lets seconds pass, and counts what they bring. */
export async function phase(fleet: SimulatedFleet, seconds: number): Promise<Phase> {
  const before = fleet.traffic();
  const { changes } = fleet;
  await fleet.time.pass(seconds * SECOND);
  return { seconds, traffic: since(fleet, before), changes: fleet.changes - changes };
}

async function cut(fleet: SimulatedFleet, seconds: number): Promise<ScenarioResult['outage']> {
  const { changes } = fleet;
  const withdrawn = fleet.server.deleted.size;
  const read = fleet.alive.reduce((sum, { snapshots }) => sum + snapshots, 0);
  fleet.change(true);
  await fleet.cut(seconds * SECOND);
  fleet.change(false);
  const before = fleet.traffic();
  const from = fleet.time.clock();
  await fleet.time.pass(RESUME_S * SECOND);
  return {
    missed: fleet.changes - changes,
    alive: fleet.alive.length,
    traffic: since(fleet, before),
    peak: fleet.server.peak(from),
    readAgain: fleet.alive.reduce((sum, { snapshots }) => sum + snapshots, 0) - read,
    withdrawn: fleet.server.deleted.size - withdrawn,
  };
}

function since(fleet: SimulatedFleet, before: Traffic): Traffic {
  const traffic = fleet.traffic();
  traffic.addAll(before, -1);
  return traffic;
}

/** Counts of a kind in a second. */
export function perSecond({ traffic, seconds }: Phase, kind?: TrafficKind): Counted {
  const { messagesIn, bytesIn, messagesOut, bytesOut, records } =
    kind === undefined ? traffic.total() : traffic.of(kind);
  return {
    messagesIn: messagesIn / seconds,
    bytesIn: bytesIn / seconds,
    messagesOut: messagesOut / seconds,
    bytesOut: bytesOut / seconds,
    records: records / seconds,
  };
}
