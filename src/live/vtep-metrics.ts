/** What a VTEP that runs has counted, for Prometheus. */
import type { DropCounters } from '../dataplane/index.js';
import type { FramePortCounters } from './frame-port.js';
import type { LiveVtep } from './live-vtep.js';
import type { DirectionCounters } from './node-chains.js';
import { PrometheusText } from './prometheus-text.js';

/** What is said besides counters. */
export interface MetricsContext {
  readonly version: string;
  /** The cipher, where there is one. */
  readonly aead?: string;
  /** Configs that were taken over, and that were refused, since it began. */
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
  text.family('vtep_info', 'gauge', 'What runs.', [[info, 1]]);
  const byDirection = (name: string, help: string, value: (of: DirectionCounters) => number): void =>
    text.family(
      name,
      name.endsWith('_total') ? 'counter' : 'gauge',
      help,
      DIRECTIONS.map((direction) => [{ direction }, value(counters[direction])]),
    );
  byDirection('vtep_packets_in_total', 'Frames of endpoints (egress), packets off the wire (ingress).', (of) => of.in);
  byDirection('vtep_packets_made', 'Copies, answers and fragments made, less what was put together.', (of) => of.made);
  byDirection('vtep_packets_out_total', 'Packets that came out at the other end, answers among them.', (of) => of.out);
  byDirection('vtep_packets_held', 'Fragments that wait for their rest.', (of) => of.held);
  text.family(
    'vtep_packets_dropped_total',
    'counter',
    'Packets that went no further, by reason.',
    DIRECTIONS.flatMap((direction) => dropSamples(direction, counters[direction].drops)),
  );
  text.family('vtep_esp_packets_total', 'counter', 'ESP packets that were sealed or opened.', [
    [{ operation: 'seal' }, counters.sealed],
    [{ operation: 'open' }, counters.opened],
  ]);
  const { underlay } = counters;
  text.family('vtep_underlay_packets_total', 'counter', 'Packets that sockets gave and took.', [
    [{ direction: 'in' }, underlay.received],
    [{ direction: 'out' }, underlay.sent],
  ]);
  const refused = Object.entries(underlay.refused);
  text.family(
    'vtep_underlay_refused_total',
    'counter',
    'Packets that the system did not send.',
    refused.map(([error, count]) => [{ error }, count]),
  );
  text.family('vtep_underlay_overrun_total', 'counter', 'Packets that found no room in the queues of sockets.', [
    [{}, underlay.overrun],
  ]);
  endpointMetrics(text, vtep);
  text.family('vtep_forwarding_entries', 'gauge', 'Entries of the forwarding table.', [[{}, node.forwardingEntries]]);
  if (sas !== undefined) {
    const tags = sas.tags.map((tag, place) => [{ place: String(place) }, tag] as const);
    text.family('vtep_key_tag', 'gauge', 'Tags of the key ring, from the oldest on.', tags);
    const peers = tables.nodes.map((peer, index) => [{ peer: peer?.name ?? '' }, sas.secondsLeft(index)] as const);
    const known = peers.flatMap(([peer, left]) => (left === undefined ? [] : [[peer, left] as const]));
    text.family('vtep_sa_seconds_left', 'gauge', 'How long sequence numbers last at the present rate.', known);
  }
  text.family('vtep_config_reloads_total', 'counter', 'Configs that were read anew.', [
    [{ result: 'taken' }, reloads.taken],
    [{ result: 'refused' }, reloads.refused],
  ]);
  text.family('process_resident_memory_bytes', 'gauge', 'Memory of the process.', [[{}, process.memoryUsage.rss()]]);
  return text.toString();
}

function dropSamples(
  direction: string,
  drops: DropCounters,
): (readonly [{ direction: string; reason: string }, number])[] {
  return Object.entries(drops.byName()).map(([reason, count]) => [{ direction, reason }, count]);
}

function endpointMetrics(text: PrometheusText, { node, counters }: LiveVtep): void {
  const reports = node.endpointReports;
  const ports = [...node.ports.keys()].map(
    (endpoint) => [endpoint, reports.get(endpoint)?.counters ?? NOTHING] as const,
  );
  text.family(
    'vtep_endpoint_frames_total',
    'counter',
    'Frames that endpoints sent, and that they were given.',
    ports.flatMap(([endpoint, { received, sent }]) => [
      [{ endpoint, direction: 'from' }, received] as const,
      [{ endpoint, direction: 'to' }, sent] as const,
    ]),
  );
  text.family(
    'vtep_endpoint_refused_total',
    'counter',
    'Frames that could not be handed over, by reason.',
    ports.flatMap(([endpoint, { refusedBy = {} }]) =>
      Object.entries(refusedBy).map(([reason, count]) => [{ endpoint, reason }, count] as const),
    ),
  );
  text.family('vtep_frames_without_port_total', 'counter', 'Frames for endpoints that have no interface.', [
    [{}, counters.noPort],
  ]);
}
