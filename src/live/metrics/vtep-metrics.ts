/** The counters of a running VTEP, for Prometheus. */
import type { DropCounters } from '../../dataplane/index.js';
import type { FramePortCounters } from '../port/frame-port.js';
import type { LiveVtep } from '../node/live-vtep.js';
import type { DirectionCounters } from '../node/node-chains.js';
import type { WorkerCounters } from '../workers/worker-counters.js';
import { PrometheusText } from './prometheus-text.js';
import { serviceMetrics } from './service-metrics.js';

/** Data besides the VTEP's counters. */
export interface MetricsContext {
  readonly version: string;
  /** The cipher, if there is one. */
  readonly aead?: string;
  /** Successful and failed config reloads since the start. */
  readonly reloads: { readonly taken: number; readonly refused: number };
}

const NOTHING: FramePortCounters = { received: 0, sent: 0, refused: 0 };
const DIRECTIONS = ['egress', 'ingress'] as const;

/** A page of metrics: drop reasons, endpoints, peers and errors are labels. */
export function vtepMetrics(vtep: LiveVtep, { version, aead = 'none', reloads }: MetricsContext): string {
  const text = new PrometheusText();
  const { counters, node } = vtep;
  const { tables, sas } = node;
  const info = { version, profile: tables.profile, aead, underlay: vtep.underlay };
  text.family('vtep_info', 'gauge', 'Version and configuration.', [[info, 1]]);
  const byDirection = (name: string, help: string, value: (of: DirectionCounters) => number): void =>
    text.family(
      name,
      name.endsWith('_total') ? 'counter' : 'gauge',
      help,
      DIRECTIONS.map((direction) => [{ direction }, value(counters[direction])]),
    );
  byDirection(
    'vtep_packets_in_total',
    'Frames from endpoints (egress), packets from the wire (ingress).',
    (of) => of.in,
  );
  byDirection(
    'vtep_packets_made',
    'Copies, replies and fragments generated, minus fragments reassembled.',
    (of) => of.made,
  );
  byDirection('vtep_packets_out_total', 'Packets sent or delivered, including replies.', (of) => of.out);
  byDirection('vtep_packets_held', 'Fragments waiting for reassembly.', (of) => of.held);
  text.family(
    'vtep_packets_dropped_total',
    'counter',
    'Dropped packets, by reason.',
    DIRECTIONS.flatMap((direction) => dropSamples(direction, counters[direction].drops)),
  );
  text.family('vtep_esp_packets_total', 'counter', 'ESP packets sealed or opened.', [
    [{ operation: 'seal' }, counters.sealed],
    [{ operation: 'open' }, counters.opened],
  ]);
  const { underlay } = counters;
  text.family('vtep_underlay_packets_total', 'counter', 'Packets received from and sent to sockets.', [
    [{ direction: 'in' }, underlay.received],
    [{ direction: 'out' }, underlay.sent],
  ]);
  const refused = Object.entries(underlay.refused);
  text.family(
    'vtep_underlay_refused_total',
    'counter',
    'Packets that the system refused to send.',
    refused.map(([error, count]) => [{ error }, count]),
  );
  text.family('vtep_underlay_overrun_total', 'counter', 'Received packets lost to full socket queues.', [
    [{}, underlay.overrun],
  ]);
  workerMetrics(text, counters.workers ?? []);
  endpointMetrics(text, vtep);
  serviceMetrics(text, vtep.services);
  text.family('vtep_forwarding_entries', 'gauge', 'Entries in the forwarding table.', [[{}, node.forwardingEntries]]);
  if (sas !== undefined) {
    const tags = sas.tags.map((tag, index) => [{ index: String(index) }, tag] as const);
    text.family('vtep_key_tag', 'gauge', 'Tags of the key ring, oldest first.', tags);
    const peers = tables.nodes.map((peer, index) => [{ peer: peer?.name ?? '' }, sas.secondsLeft(index)] as const);
    const known = peers.flatMap(([peer, left]) => (left === undefined ? [] : [[peer, left] as const]));
    for (const { peer, secondsLeft } of vtep.workerSas) {
      if (peer !== null && secondsLeft !== null) known.push([{ peer }, secondsLeft]);
    }
    text.family('vtep_sa_seconds_left', 'gauge', 'Time until sequence numbers run out at the current rate.', known);
  }
  text.family('vtep_config_reloads_total', 'counter', 'Config reloads, by result.', [
    [{ result: 'taken' }, reloads.taken],
    [{ result: 'refused' }, reloads.refused],
  ]);
  text.family('process_resident_memory_bytes', 'gauge', 'Resident memory of the process.', [
    [{}, process.memoryUsage.rss()],
  ]);
  return text.toString();
}

function dropSamples(
  direction: string,
  drops: DropCounters,
): (readonly [{ direction: string; reason: string }, number])[] {
  return Object.entries(drops.byName()).map(([reason, count]) => [{ direction, reason }, count]);
}

function workerMetrics(text: PrometheusText, workers: readonly WorkerCounters[]): void {
  if (workers.length === 0) return;
  const each = (of: (worker: WorkerCounters) => number): (readonly [{ worker: string }, number])[] =>
    workers.map((worker, index) => [{ worker: String(index) }, of(worker)]);
  text.family(
    'vtep_worker_packets_total',
    'counter',
    'Packets processed by each worker.',
    (['egress', 'ingress'] as const).flatMap((direction) =>
      each((worker) => worker[direction]).map(([labels, count]) => [{ ...labels, direction }, count] as const),
    ),
  );
  text.family(
    'vtep_worker_given_total',
    'counter',
    'Packets that each worker handed over to another.',
    each(({ given }) => given),
  );
}

function endpointMetrics(text: PrometheusText, { node, counters, endpointReports: reports }: LiveVtep): void {
  const ports = [...node.ports.keys()].map(
    (endpoint) => [endpoint, reports.get(endpoint)?.counters ?? NOTHING] as const,
  );
  text.family(
    'vtep_endpoint_frames_total',
    'counter',
    'Frames from and to endpoints.',
    ports.flatMap(([endpoint, { received, sent }]) => [
      [{ endpoint, direction: 'from' }, received] as const,
      [{ endpoint, direction: 'to' }, sent] as const,
    ]),
  );
  text.family(
    'vtep_endpoint_refused_total',
    'counter',
    'Frames that could not be delivered, by reason.',
    ports.flatMap(([endpoint, { refusedBy = {} }]) =>
      Object.entries(refusedBy).map(([reason, count]) => [{ endpoint, reason }, count] as const),
    ),
  );
  text.family('vtep_frames_without_port_total', 'counter', 'Frames for endpoints without an interface.', [
    [{}, counters.noPort],
  ]);
}
