/** Counters of a VTEP's workers, and their sums. */
import { DropCounters } from '../../dataplane/index.js';
import type { LiveNodeCounters } from '../node/live-node-options.js';
import { combinedReports, type EndpointReport } from '../node/endpoint-ports.js';
import type { DirectionCounters } from '../node/node-chains.js';
import type { SaRow } from '../status/sa-rows.js';
import type { UnderlayCounters } from '../port/underlay-port.js';

/** Counters of a worker, or of all. */
export interface WorkerTotals extends LiveNodeCounters {
  readonly underlay: UnderlayCounters;
}

/** What one worker did. */
export interface WorkerCounters {
  /** Frames read from endpoints or other workers, and packets received. */
  readonly egress: number;
  readonly ingress: number;
  readonly sealed: number;
  readonly opened: number;
  /** Frames given to other workers, and taken from them. */
  readonly given: number;
  readonly taken: number;
}

/** A worker's counters in the form that is passed between threads. */
export interface WorkerReport {
  readonly totals: Omit<WorkerTotals, 'egress' | 'ingress'> & {
    readonly egress: DirectionMessage;
    readonly ingress: DirectionMessage;
  };
  readonly endpoints: ReadonlyMap<string, EndpointReport>;
  readonly given: number;
  readonly taken: number;
  /** Its SAs, as of a second ago or less. */
  readonly sas: readonly SaRow[];
}

interface DirectionMessage extends Omit<DirectionCounters, 'drops'> {
  /** By drop reason. */
  readonly drops: ArrayLike<number>;
}

/** A worker's report. */
export function workerReport(
  totals: WorkerTotals,
  endpoints: ReadonlyMap<string, EndpointReport>,
  { given, taken }: { readonly given: number; readonly taken: number },
  sas: readonly SaRow[],
): WorkerReport {
  const message = ({ drops, ...counts }: DirectionCounters): DirectionMessage => ({
    ...counts,
    drops: drops.counts.slice(),
  });
  const { egress, ingress, ...rest } = totals;
  return { totals: { ...rest, egress: message(egress), ingress: message(ingress) }, endpoints, given, taken, sas };
}

/** What a worker did, from its report. */
export function workerCounters({ totals, given, taken }: WorkerReport): WorkerCounters {
  const { egress, ingress, sealed, opened } = totals;
  return { egress: egress.in, ingress: ingress.in, sealed, opened, given, taken };
}

/** The counters of worker 0 and those that the others reported, added up. */
export function totalsWith(own: WorkerTotals, reports: readonly WorkerReport[]): WorkerTotals {
  const sum = (of: (totals: WorkerTotals | WorkerReport['totals']) => number): number =>
    reports.reduce((total, { totals }) => total + of(totals), of(own));
  const direction = (which: 'egress' | 'ingress'): DirectionCounters => {
    const drops = new DropCounters();
    drops.counts.set(own[which].drops.counts);
    for (const { totals } of reports) {
      for (let reason = 0; reason < drops.counts.length; reason++) drops.counts[reason] += totals[which].drops[reason];
    }
    return {
      in: sum((totals) => totals[which].in),
      made: sum((totals) => totals[which].made),
      out: sum((totals) => totals[which].out),
      held: sum((totals) => totals[which].held),
      drops,
    };
  };
  const refused: Record<string, number> = { ...own.underlay.refused };
  for (const { totals } of reports) {
    for (const [error, count] of Object.entries(totals.underlay.refused))
      refused[error] = (refused[error] ?? 0) + count;
  }
  return {
    egress: direction('egress'),
    ingress: direction('ingress'),
    sealed: sum(({ sealed }) => sealed),
    opened: sum(({ opened }) => opened),
    noPort: sum(({ noPort }) => noPort),
    underlay: {
      received: sum(({ underlay }) => underlay.received),
      sent: sum(({ underlay }) => underlay.sent),
      refused,
      overrun: sum(({ underlay }) => underlay.overrun),
    },
  };
}

/** The reports of endpoints, added up. The interface's name is worker 0's. */
export function endpointsWith(
  own: ReadonlyMap<string, EndpointReport>,
  reports: readonly WorkerReport[],
): ReadonlyMap<string, EndpointReport> {
  const all = new Map(own);
  for (const { endpoints } of reports) {
    for (const [id, report] of endpoints) {
      const before = all.get(id);
      all.set(id, before === undefined ? report : combinedReports(before, report));
    }
  }
  return all;
}
