/** The section of a status about the store. */
import type { StatusSections } from '../../live/index.js';
import type { FleetReport } from './fleet-report.js';

const MILLISECONDS = 1000;
const TENTHS = 10;

/** The section `store`. */
export function storeSections(report: () => FleetReport): StatusSections {
  return new Map([['store', () => ({ facts: facts(report()) })]]);
}

function facts(report: FleetReport): Record<string, unknown> {
  const { overlay, connected, lostSeconds, counts, latency } = report;
  const mean = latency.count === 0 ? undefined : latency.sum / latency.count;
  return {
    running: true,
    overlay,
    connected,
    lostSeconds: Math.round(lostSeconds * TENTHS) / TENTHS,
    losses: report.losses,
    registered: report.registered,
    leader: report.leader,
    leads: report.leads,
    revision: report.revision,
    snapshots: report.snapshots,
    records: counts.records,
    endpoints: counts.endpoints,
    networks: report.networks,
    problems: counts.troubles,
    troubles: report.troubles,
    waiting: report.waiting,
    unwritten: report.unwritten,
    applied: report.applied,
    resynchronised: report.resynchronised,
    withdrawn: report.withdrawn,
    keys: report.hasKeys,
    rotations: report.rotations < 0 ? undefined : report.rotations,
    putToApplied: {
      count: latency.count,
      meanMs: mean === undefined ? undefined : rounded(mean),
      maxMs: rounded(latency.max),
    },
  };
}

function rounded(seconds: number): number {
  return Number((seconds * MILLISECONDS).toFixed(2));
}
