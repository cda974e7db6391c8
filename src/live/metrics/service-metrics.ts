/** The counters of a node's services, for Prometheus: by network, service and task. */
import { type BalancedCounts, type NetworkCounts, type TaskCounts } from '../../service/index.js';
import type { LiveServices } from '../services/live-services.js';
import type { PrometheusText } from './prometheus-text.js';

/**
 * Maximum number of series per family about tasks. A page must stay small enough to be made between packets; the sums
 * by service have all tasks, also those beyond.
 */
const MAX_TASKS = 2000;
const MAX_SERVICES = 2000;

interface OfService {
  readonly labels: { readonly network: string; readonly service: string };
  readonly counts: BalancedCounts;
}

interface OfTask {
  readonly labels: { readonly network: string; readonly service: string; readonly task: string; readonly node: string };
  readonly counts: TaskCounts;
}

/** Adds the families about services to a page. */
export function serviceMetrics(text: PrometheusText, live: LiveServices): void {
  const networks = live.counts();
  const all = networks.flatMap(({ network, services }) =>
    services.map((one): OfService => ({ labels: { network, service: one.name }, counts: one })),
  );
  const services = all.slice(0, MAX_SERVICES);
  const tasks = services
    .flatMap(({ labels, counts: { backends } }) =>
      backends.map((one): OfTask => ({ labels: { ...labels, task: one.task, node: one.node }, counts: one })),
    )
    .slice(0, MAX_TASKS);
  text.family(
    'vtep_service_connections_opened_total',
    'counter',
    'Connections that load balancers opened, by service.',
    services.map(({ labels, counts: { opened } }) => [labels, opened]),
  );
  text.family(
    'vtep_service_connections_refused_total',
    'counter',
    'Connections for which a service had no task.',
    services.map(({ labels, counts: { refused } }) => [labels, refused]),
  );
  text.family(
    'vtep_service_packets_total',
    'counter',
    'Packets that load balancers translated, by service.',
    bothWays(services, 'packets'),
  );
  text.family('vtep_service_bytes_total', 'counter', 'Bytes of these IP packets.', bothWays(services, 'bytes'));
  text.family(
    'vtep_task_connections',
    'gauge',
    'Connections of tasks in the tables of load balancers.',
    tasks.map(({ labels, counts: { connections } }) => [labels, connections]),
  );
  text.family(
    'vtep_task_connections_active',
    'gauge',
    "Tasks' TCP connections and SCTP associations that both sides haven't closed.",
    tasks.map(({ labels, counts: { active } }) => [labels, active]),
  );
  text.family(
    'vtep_task_connections_opened_total',
    'counter',
    'Connections that load balancers opened, by task.',
    tasks.map(({ labels, counts: { opened } }) => [labels, opened]),
  );
  text.family(
    'vtep_task_packets_total',
    'counter',
    'Packets that load balancers translated, by task.',
    bothWays(tasks, 'packets'),
  );
  text.family('vtep_task_bytes_total', 'counter', 'Bytes of these IP packets.', bothWays(tasks, 'bytes'));
  text.family(
    'vtep_task_weight',
    'gauge',
    'Weight of a task: 0 if it gets no new connections.',
    tasks.map(({ labels, counts: { weight } }) => [labels, weight]),
  );
  balancerMetrics(text, networks, live.balancers);
  for (const part of live.parts) part.addMetrics(text);
}

/** Samples of both directions, to the tasks and from them. */
function bothWays(
  all: readonly (OfService | OfTask)[],
  what: 'packets' | 'bytes',
): (readonly [Record<string, string>, number])[] {
  return all.flatMap(({ labels, counts }) => [
    [{ ...labels, direction: 'to' }, what === 'packets' ? counts.packetsIn : counts.bytesIn] as const,
    [{ ...labels, direction: 'from' }, what === 'packets' ? counts.packetsOut : counts.bytesOut] as const,
  ]);
}

function balancerMetrics(
  text: PrometheusText,
  networks: readonly NetworkCounts[],
  balancers: LiveServices['balancers'],
): void {
  const accounts = networks.flatMap(({ network, accounting }) =>
    accounting === undefined ? [] : [{ network, accounting }],
  );
  text.family(
    'vtep_balancer_frames_total',
    'counter',
    'Frames received and sent by load balancers.',
    accounts.flatMap(({ network, accounting: { received, sent } }) => [
      [{ network, direction: 'in' }, received] as const,
      [{ network, direction: 'out' }, sent] as const,
    ]),
  );
  text.family(
    'vtep_balancer_dropped_total',
    'counter',
    'Frames dropped by load balancers, by reason.',
    accounts.flatMap(({ network, accounting: { dropped } }) =>
      Object.entries(dropped).map(([reason, count]) => [{ network, reason }, count] as const),
    ),
  );
  const tables = balancers.map(({ network, balancer }) => ({
    labels: { network },
    table: balancer.table,
    ports: balancer.ports,
  }));
  const byTable = (
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    value: (one: (typeof tables)[number]) => number,
  ): void =>
    text.family(
      name,
      type,
      help,
      tables.map((one) => [one.labels, value(one)]),
    );
  byTable(
    'vtep_balancer_connections',
    'gauge',
    'Connections in the table of a load balancer.',
    ({ table }) => table.size,
  );
  byTable('vtep_balancer_connections_limit', 'gauge', 'Maximum number of them.', ({ table }) => table.limit);
  byTable(
    'vtep_balancer_connections_half_open',
    'gauge',
    'Those that the task has not answered.',
    ({ table }) => table.halfOpen,
  );
  byTable(
    'vtep_balancer_connections_expired_total',
    'counter',
    'Connections that expired.',
    ({ table }) => table.expired,
  );
  byTable(
    'vtep_balancer_connections_evicted_total',
    'counter',
    'Half-open connections evicted from a full table.',
    ({ table }) => table.evicted,
  );
  byTable(
    'vtep_balancer_ports_remapped_total',
    'counter',
    'Connections whose source port had to change.',
    ({ ports }) => ports.remapped,
  );
  byTable(
    'vtep_balancer_ports_exhausted_total',
    'counter',
    'Connections refused for lack of a source port.',
    ({ ports }) => ports.exhausted,
  );
}
