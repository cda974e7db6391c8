/** The counters of a mesh for Prometheus: by host and service. */
import type { HistogramSample, PrometheusText } from '../../metrics/prometheus-text.js';
import type { MeshReport, RouteReport } from '../plan.js';

/**
 * Maximum numbers of series per family. A page must stay small enough to be made between packets; a histogram has 14 lines
 * for each of its series.
 */
const MAX_SERIES = 1000;
const MAX_HISTOGRAMS = 200;
const MAX_BACKENDS = 2000;

/** Routes of one host to one service: their paths would be too many. */
interface OfHost {
  readonly labels: { readonly host: string; readonly service: string };
  readonly routes: RouteReport[];
}

/** Adds the families about a mesh to a page. */
export function meshMetrics(text: PrometheusText, report: MeshReport): void {
  const hosts = byHost(report.routes);
  text.family(
    'vtep_mesh_requests_total',
    'counter',
    'Requests and connections of the HTTP mesh by hundreds of their status; none: there was no response.',
    hosts.flatMap(({ labels, routes }) =>
      Object.entries(summed(routes.map(({ responses }) => responses))).map(
        ([code, count]) => [{ ...labels, code }, count] as const,
      ),
    ),
  );
  text.family(
    'vtep_mesh_retries_total',
    'counter',
    'Attempts at further backends, or over further connections.',
    hosts.map(({ labels, routes }) => [labels, sumOf(routes, ({ retries }) => retries)]),
  );
  text.family(
    'vtep_mesh_received_bytes_total',
    'counter',
    'Bytes of content from clients.',
    hosts.map(({ labels, routes }) => [labels, sumOf(routes, ({ bytesIn }) => bytesIn)]),
  );
  text.family(
    'vtep_mesh_sent_bytes_total',
    'counter',
    'Bytes of content to clients.',
    hosts.map(({ labels, routes }) => [labels, sumOf(routes, ({ bytesOut }) => bytesOut)]),
  );
  text.histogram(
    'vtep_mesh_request_duration_seconds',
    'Time from the head of a request to the end of its response.',
    hosts.slice(0, MAX_HISTOGRAMS).map(({ labels, routes }) => [labels, merged(routes.map(({ seconds }) => seconds))]),
  );
  text.family(
    'vtep_mesh_failures_total',
    'counter',
    'Requests and connections that failed in the HTTP mesh, by reason.',
    Object.entries(summed(report.routes.map(({ failures }) => failures))).map(
      ([reason, count]) => [{ reason }, count] as const,
    ),
  );
  const totals = [
    ['vtep_mesh_unrouted_total', 'counter', 'Requests and connections to unknown hosts.', report.unrouted],
    ['vtep_mesh_connections', 'gauge', 'Connections of clients.', report.connections],
    ['vtep_mesh_log_dropped_total', 'counter', 'Lines of the access log that were dropped.', report.droppedLines],
  ] as const;
  for (const [name, type, help, value] of totals) text.family(name, type, help, [[{}, value]]);
  const backends = new Map<string, readonly [Readonly<Record<string, string>>, number]>();
  for (const { service, backends: own } of report.routes) {
    for (const { name, address, isDown } of own) {
      if (backends.size === MAX_BACKENDS) break;
      backends.set(`${service} ${name} ${address}`, [{ service, task: name, address }, isDown ? 0 : 1]);
    }
  }
  text.family('vtep_mesh_backend_up', 'gauge', 'Whether a backend gets requests.', [...backends.values()]);
}

function byHost(routes: readonly RouteReport[]): readonly OfHost[] {
  const hosts = new Map<string, OfHost>();
  for (const route of routes) {
    const { host, service } = route;
    const key = `${host} ${service}`;
    const known = hosts.get(key);
    if (known !== undefined) known.routes.push(route);
    else if (hosts.size < MAX_SERIES) hosts.set(key, { labels: { host, service }, routes: [route] });
  }
  return [...hosts.values()];
}

function sumOf(routes: readonly RouteReport[], value: (route: RouteReport) => number): number {
  return routes.reduce((sum, route) => sum + value(route), 0);
}

function summed(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const counts of all) for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

/** Histograms with the same bounds as one. */
function merged([first, ...others]: readonly HistogramSample[]): HistogramSample {
  return others.reduce(
    (all, { counts, sum }) => ({
      bounds: all.bounds,
      counts: all.counts.map((count, i) => count + counts[i]),
      sum: all.sum + sum,
    }),
    first,
  );
}
