/** The final report of `up`. */
import { dropReasonName, dropReasonText, type DropCounters } from '../../dataplane/index.js';
import type { DirectionCounters, EndpointReport, LiveVtepCounters, WorkerCounters } from '../../live/index.js';
import { type Line, styled } from '../style.js';
import { type Cell, grouped, numbers, remarks, table, words } from '../table.js';

/** The data of the report. */
export interface UpReport {
  readonly node: string;
  readonly seconds: number;
  readonly counters: LiveVtepCounters;
  /** By endpoint, including removed ones. */
  readonly endpoints: ReadonlyMap<string, EndpointReport>;
  /** Skipped records of a dry run's capture; undefined without a capture. */
  readonly skipped: number | undefined;
}

const PASSED_OVER = 'unknown source, truncated, not Ethernet, or too long';

/** Whether in + made = out + held + dropped. */
function isBalanced({ in: came, made, out, held, drops }: DirectionCounters): boolean {
  return came + made === out + held + drops.total;
}

function directionData(direction: DirectionCounters): Record<string, unknown> {
  const { drops, ...counts } = direction;
  return { ...counts, dropped: drops.byName(), balanced: isBalanced(direction) };
}

/** The report as an object for JSON. */
export function upJson({ node, seconds, counters, endpoints, skipped }: UpReport): Record<string, unknown> {
  const { egress, ingress, sealed, opened, noPort, underlay } = counters;
  return {
    node,
    seconds,
    egress: directionData(egress),
    ingress: directionData(ingress),
    sealed,
    opened,
    framesWithoutPort: noPort,
    ...(skipped === undefined ? {} : { framesSkipped: skipped }),
    underlay,
    ...(counters.workers === undefined ? {} : { workers: counters.workers }),
    endpoints: Object.fromEntries([...endpoints].map(([endpoint, report]) => [endpoint, report.counters])),
  };
}

function dropRows(what: string, drops: DropCounters): Cell[][] {
  return [...drops.counts].flatMap((count, reason) =>
    count === 0 ? [] : [[what, count, dropReasonName(reason), dropReasonText(reason)]],
  );
}

/** Why interfaces refused frames; the table of endpoints shows only the totals. */
function refusalLines(reports: ReadonlyMap<string, EndpointReport>): string[] {
  return [...reports].flatMap(([endpoint, { counters }]) =>
    Object.entries(counters.refusedBy ?? {}).map(
      ([reason, count]) => `  ${endpoint}: ${grouped(count)} refused (${reason})`,
    ),
  );
}

/** The report as lines of text. */
export function upLines({ node, seconds, counters, endpoints, skipped = 0 }: UpReport): Line[] {
  const { egress, ingress, sealed, opened, noPort, underlay } = counters;
  const row = (what: string, of: DirectionCounters): Cell[] => {
    const balanced = isBalanced(of) ? 'yes' : styled('no', 'red');
    return [what, of.in, of.made, of.out, of.drops.total, of.held, balanced];
  };
  const columns = [
    words(''),
    numbers('in', { shorten: 'compact' }),
    numbers('made', { shorten: 'compact' }),
    numbers('out', { shorten: 'compact' }),
    numbers('dropped', { shorten: 'compact', style: 'red' }),
    numbers('held', { shorten: 'compact' }),
    words('balanced', { keep: 1 }),
  ];
  const rows = [...endpoints].map(([endpoint, { name, counters: own }]) => {
    return [endpoint, name, own.received, own.sent, own.refused];
  });
  const refused = Object.entries(underlay.refused).map(([error, count]) => `, ${grouped(count)} not sent (${error})`);
  const drops = [...dropRows('egress', egress.drops), ...dropRows('ingress', ingress.drops)];
  return [
    `${node}: ran for ${seconds.toFixed(1)} s`,
    '',
    ...table(columns, [row('egress', egress), row('ingress', ingress)]),
    '',
    `  underlay: ${grouped(underlay.received)} packets received, ${grouped(underlay.sent)} sent${refused.join('')}`,
    ...(underlay.overrun > 0 ? [`  ${grouped(underlay.overrun)} packets dropped by full socket buffers`] : []),
    ...(sealed + opened > 0 ? [`  ESP: ${grouped(sealed)} encrypted, ${grouped(opened)} decrypted`] : []),
    ...(noPort > 0 ? [`  ${grouped(noPort)} frames for endpoints without an interface`] : []),
    ...(skipped > 0 ? [`  ${grouped(skipped)} records of --frames skipped: ${PASSED_OVER}`] : []),
    ...(drops.length > 0 ? ['', ...table(DROP_COLUMNS, drops)] : []),
    ...workerLines(counters.workers ?? []),
    '',
    ...table(
      [
        words('endpoint', { shorten: 'end' }),
        words('interface', { shorten: 'end', keep: 1 }),
        numbers('frames from', { shorten: 'compact' }),
        numbers('frames to', { shorten: 'compact' }),
        numbers('refused', { shorten: 'compact', style: 'red' }),
      ],
      rows,
    ),
    ...refusalLines(endpoints),
  ];
}

function workerLines(workers: readonly WorkerCounters[]): Line[] {
  if (workers.length === 0) return [];
  const columns = [
    words('worker'),
    numbers('egress', { shorten: 'compact' }),
    numbers('ingress', { shorten: 'compact' }),
    numbers('encrypted', { shorten: 'compact' }),
    numbers('decrypted', { shorten: 'compact' }),
    numbers('handed over', { shorten: 'compact' }),
    numbers('taken over', { shorten: 'compact' }),
  ];
  const rows = workers.map(({ egress, ingress, sealed, opened, given, taken }, i): Cell[] => {
    return [String(i), egress, ingress, sealed, opened, given, taken];
  });
  return ['', ...table(columns, rows)];
}

const DROP_COLUMNS = [
  words('dropped on'),
  numbers('packets', { style: 'red' }),
  words('reason', { shorten: 'end', least: 16 }),
  remarks(''),
];
