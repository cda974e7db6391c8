/** Makes the report of a survey from its tables. */
import { linkTypeName } from '../capture/portable.js';
import { FragmentSource } from '../dataplane/index.js';
import type { RingSa } from '../overlay/index.js';
import { formatTime } from './capture-clock.js';
import { decoderAccounting } from './decoder-accounting.js';
import type { EndpointRow } from './endpoint-table.js';
import type { EspSurvey } from './esp-survey.js';
import { type FlowReport, flowReport, timeSeriesReport } from './flows/flow-report.js';
import type { FlowTable } from './flows/flow-table.js';
import type { GossipSurvey } from './gossip/gossip-survey.js';
import type { SourceSummary } from './source-summary.js';
import type { SurveyTables } from './parts/survey-tables.js';
import type { CipherReport, SizeReport, SurveyReport } from './report.js';
import type { AddressNames } from './services/address-names.js';
import { type SizeTable, sizeClassName } from './size-table.js';
import { gossipProblems, surveyProblems } from './survey-problems.js';

/** What a survey counted, and what it was told. */
export interface SurveyedTables extends SurveyTables {
  readonly esp: EspSurvey;
  readonly gossip: GossipSurvey | undefined;
  readonly flows: FlowTable | undefined;
  /** Whether conversations are in the report. */
  readonly listsFlows: boolean;
  readonly names: AddressNames | undefined;
  readonly ringSas: readonly RingSa[];
  readonly cipher: CipherReport | null;
}

type EndpointReport = SurveyReport['endpoints'][number];

/**
 * Everything that a survey counted.
 * @param sources the captures, in the order in which they were read
 */
export function surveyReport(
  surveyed: SurveyedTables,
  sources: readonly [SourceSummary, ...SourceSummary[]],
): SurveyReport {
  const { decoder, frames, esp, names, order, series, wireSizes, encapsulated, ringSas } = surveyed;
  const [{ format }] = sources;
  const files = sources.map(({ name }) => name);
  const { known } = order;
  const endpoints = new Map<number, number>();
  for (const row of frames.endpoints.rows) endpoints.set(row.vni, (endpoints.get(row.vni) ?? 0) + 1);
  const text = (id: number): string => frames.addresses.text(id);
  const named = frames.endpoints.rows
    .map((row) => endpointReport(row, text(row.vtep)))
    .sort((a, b) => a.vni - b.vni)
    .map((row) => nameEndpoint(row, names));
  const flows = namedFlows(surveyed.flows, names, named);
  const first = known ? { seconds: order.firstSeconds, nanoseconds: order.firstNanos } : undefined;
  const gossip = surveyed.gossip?.report(first, names) ?? null;
  return {
    file: files.join(', '),
    files,
    format: sources.every((source) => source.format === format) ? format : 'mixed',
    linkTypes: [...order.linkTypes].map(linkTypeName),
    packets: decoder.packets,
    bytes: wireSizes.bytes,
    firstTime: known ? formatTime(order.firstSeconds, order.firstNanos) : null,
    lastTime: known ? formatTime(order.lastSeconds, order.lastNanos) : null,
    durationSeconds: known ? order.lastSeconds - order.firstSeconds + (order.lastNanos - order.firstNanos) / 1e9 : 0,
    accounting: decoderAccounting(decoder),
    filtered: decoder.filtered.vnis,
    vxlanPorts: decoder.guess.ports,
    frames: decoder.frames,
    networks: frames.networks.rows
      .map((row) => ({ ...row, endpoints: endpoints.get(row.vni) ?? 0 }))
      .sort((a, b) => a.vni - b.vni),
    timeSeries: timeSeriesReport(series),
    flows: surveyed.listsFlows ? (flows ?? null) : null,
    services: names?.serviceLoad(flows?.conversations ?? []) ?? null,
    tunnels: frames.tunnels.rows.map((row) => ({
      source: text(row.source),
      destination: text(row.destination),
      frames: row.frames,
      bytes: row.bytes,
      espPackets: row.espPackets,
      espBytes: row.espBytes,
      vnis: [...row.vnis].sort((a, b) => a - b),
    })),
    endpoints: named,
    esp: esp.report(ringSas),
    sizes: { wire: sizeReport(wireSizes), inner: sizeReport(frames.sizes) },
    fragments: {
      fragments: decoder.reassembly.of(FragmentSource.Wire).fragments,
      reassembled: decoder.reassembly.of(FragmentSource.Wire).datagrams,
      held: decoder.held,
      inner: frames.counts.innerFragments,
    },
    checksums: frames.checksums?.rows ?? [],
    otherTraffic: surveyed.traffic.rows.sort((a, b) => b.packets - a.packets),
    gossip,
    problems: [
      ...surveyProblems({
        sources,
        decoder,
        drops: decoder.drops.counts,
        frames,
        esp,
        ringSas,
        series,
        flows: surveyed.flows,
        names,
        endpoints: named,
        encapsulated: encapsulated.packets,
        encapsulations: encapsulated.kinds,
        backwards: order.backwards,
      }),
      ...gossipProblems(gossip),
    ],
    cipher: surveyed.cipher,
  };
}

function endpointReport(row: EndpointRow, vtep: string): EndpointReport {
  const { vni, mac, ip, moves, sentFrames, sentBytes, receivedFrames, receivedBytes } = row;
  return { vni, mac, ip: ip ?? null, vtep, moves, sentFrames, sentBytes, receivedFrames, receivedBytes };
}

function nameEndpoint(row: EndpointReport, names: AddressNames | undefined): EndpointReport {
  if (names === undefined) return row;
  const { vni, ip, vtep, sentFrames } = row;
  const name = ip === null ? undefined : names.find(vni, ip);
  const stale = name?.vtep !== undefined && sentFrames > 0 && name.vtep !== vtep;
  return { ...row, name: name?.text ?? null, stale };
}

/** The conversations with names; undefined if they weren't collected. */
function namedFlows(
  flows: FlowTable | undefined,
  names: AddressNames | undefined,
  endpoints: readonly EndpointReport[],
): FlowReport | undefined {
  if (flows === undefined || names === undefined) return flows && flowReport(flows);
  const stale = new Set(endpoints.flatMap(({ vni, ip, stale: is }) => (is === true ? [`${vni} ${ip ?? ''}`] : [])));
  return flowReport(flows, (vni, address) => {
    const name = names.find(vni, address)?.text;
    return name !== undefined && stale.has(`${vni ?? ''} ${address}`) ? `${name} (stale)` : name;
  });
}

function sizeReport(table: SizeTable): SizeReport {
  return {
    count: table.packets,
    smallest: table.packets === 0 ? 0 : table.smallest,
    largest: table.largest,
    mean: table.packets === 0 ? 0 : table.bytes / table.packets,
    classes: Array.from(table.counts, (count, index) => ({ bytes: sizeClassName(index), count })),
  };
}
