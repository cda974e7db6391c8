/** The final report of `up`. */
import { dropReasonName, dropReasonText, type DropCounters } from '../../dataplane/index.js';
import type { DirectionCounters, EndpointReport, LiveVtepCounters } from '../../live/index.js';
import { numbers, table, words } from '../table.js';

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
    endpoints: Object.fromEntries([...endpoints].map(([endpoint, report]) => [endpoint, report.counters])),
  };
}

function dropLines(what: string, drops: DropCounters): string[] {
  return [...drops.counts].flatMap((count, reason) => {
    const named = reason;
    return count === 0 ? [] : [`  ${what}: ${count} ${dropReasonName(named)}, ${dropReasonText(named)}`];
  });
}

/** Why interfaces refused frames; the table of endpoints shows only the totals. */
function refusalLines(reports: ReadonlyMap<string, EndpointReport>): string[] {
  return [...reports].flatMap(([endpoint, { counters }]) =>
    Object.entries(counters.refusedBy ?? {}).map(([reason, count]) => `  ${endpoint}: ${count} refused (${reason})`),
  );
}

/** The report as lines of text. */
export function upLines({ node, seconds, counters, endpoints, skipped = 0 }: UpReport): string[] {
  const { egress, ingress, sealed, opened, noPort, underlay } = counters;
  const row = (what: string, of: DirectionCounters): (string | number)[] => {
    return [what, of.in, of.made, of.out, of.drops.total, of.held, isBalanced(of) ? 'yes' : 'no'];
  };
  const columns = [words(''), ...['in', 'made', 'out', 'dropped', 'held'].map(numbers), words('balanced')];
  const rows = [...endpoints].map(([endpoint, { name, counters: own }]) => {
    return [endpoint, name, own.received, own.sent, own.refused];
  });
  const refused = Object.entries(underlay.refused).map(([error, count]) => `, ${count} not sent (${error})`);
  return [
    `${node}: ran for ${seconds.toFixed(1)} s`,
    '',
    ...table(columns, [row('egress', egress), row('ingress', ingress)]),
    '',
    `  underlay: ${underlay.received} packets received, ${underlay.sent} sent${refused.join('')}`,
    ...(underlay.overrun > 0 ? [`  ${underlay.overrun} packets dropped by full socket buffers`] : []),
    ...(sealed + opened > 0 ? [`  ESP: ${sealed} sealed, ${opened} opened`] : []),
    ...(noPort > 0 ? [`  ${noPort} frames for endpoints without an interface`] : []),
    ...(skipped > 0 ? [`  ${skipped} records of --frames skipped: ${PASSED_OVER}`] : []),
    ...dropLines('egress', egress.drops),
    ...dropLines('ingress', ingress.drops),
    '',
    ...table(
      [words('endpoint'), words('interface'), numbers('frames from'), numbers('frames to'), numbers('refused')],
      rows,
    ),
    ...refusalLines(endpoints),
  ];
}
