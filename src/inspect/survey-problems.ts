/** What is wrong with a capture, and what explains unusual numbers: the problems of a survey's report. */
import {
  DropReason,
  dropReasonName,
  dropReasonText,
  guessText,
  type UnderlayDecoder,
  type VniCounts,
} from '../dataplane/index.js';
import type { RingSa } from '../overlay/index.js';
import { type Encapsulation, encapsulationName } from '../wire/index.js';
import type { EspSurvey } from './esp-survey.js';
import type { FlowTable } from './flows/flow-table.js';
import type { TrafficSeries } from './flows/traffic-series.js';
import type { FrameSurvey } from './frame-survey.js';
import type { GossipReport } from './gossip/index.js';
import type { SourceSummary } from './source-summary.js';
import type { Problem, SurveyReport } from './report.js';
import type { AddressNames } from './services/address-names.js';

/** What a survey counted. */
export interface Surveyed {
  readonly sources: readonly SourceSummary[];
  readonly decoder: UnderlayDecoder;
  /** Dropped packets by `DropReason`. */
  readonly drops: Float64Array;
  readonly frames: FrameSurvey;
  readonly esp: EspSurvey;
  readonly ringSas: readonly RingSa[];
  readonly series: TrafficSeries;
  readonly flows: FlowTable | undefined;
  readonly names: AddressNames | undefined;
  readonly endpoints: SurveyReport['endpoints'];
  /** Packets with encapsulations around VXLAN or ESP, and which ones. */
  readonly encapsulated: number;
  readonly encapsulations: ReadonlySet<number>;
  /** Packets older than an earlier one. */
  readonly backwards: number;
}

/** The problems of a survey, in the order of their importance. */
export function surveyProblems(surveyed: Surveyed): Problem[] {
  const { sources, decoder, drops, frames, esp, ringSas, series, flows, names, endpoints } = surveyed;
  const { encapsulated, encapsulations, backwards } = surveyed;
  const problems: Problem[] = [];
  const warning = (code: string, count: number, message: string): void => {
    if (count > 0) problems.push({ code, severity: 'warning', count, message });
  };
  const note = (code: string, count: number, message: string): void => {
    if (count > 0) problems.push({ code, severity: 'note', count, message });
  };
  for (const { damage, name } of sources) {
    if (damage === undefined) continue;
    warning(damage.code, 1, sources.length === 1 ? damage.message : `${name}: ${damage.message}`);
  }
  const { reserved, policyPackets } = decoder;
  drops.forEach((count, reason) => {
    const text = `packets dropped: ${dropReasonText(reason)}${
      reason === DropReason.VxlanReservedBits ? reservedText(reserved, policyPackets) : ''
    }`;
    // Networks duplicate fragments, and senders use dummies to hide traffic patterns; nothing is lost.
    if (reason === DropReason.DuplicateFragment || reason === DropReason.EspDummy)
      note(dropReasonName(reason), count, text);
    else warning(dropReasonName(reason), count, text);
  });
  problems.push(...esp.problems(ringSas));
  const clear = frames.networks.rows.reduce(
    (sum, row) => sum + (row.encrypted > 0 ? row.frames - row.encrypted : 0),
    0,
  );
  warning('CLEAR_VXLAN', clear, 'clear frames of a VNI that is otherwise encrypted: Swarm drops them (fail closed)');
  const moved = frames.endpoints.rows.filter((row) => row.moves > 0).length;
  warning('ENDPOINT_MOVED', moved, 'endpoints that sent from behind more than one VTEP');
  warning(
    'MAC_INVALID_SOURCE',
    frames.counts.badSources,
    'frames whose source MAC is zero or a group address: the kernel drops them',
  );
  warning('INNER_HEADER', frames.counts.innerFaults, 'frames whose inner headers are truncated or invalid');
  for (const row of frames.checksums?.rows ?? []) {
    warning('CHECKSUM_BAD', row.bad, `wrong checksums: ${row.name}`);
  }
  note('FRAGMENTS_HELD', decoder.held, 'fragments of packets that are incomplete in the capture');
  const partial = (frames.checksums?.rows ?? []).reduce((sum, row) => sum + row.partial, 0);
  note(
    'CHECKSUM_PARTIAL',
    partial,
    'partial checksums, left for the NIC to complete: the capture was taken on the sending host with offloads on',
  );
  note(
    'SUPER_FRAMES',
    frames.counts.superFrames,
    'frames too large for the wire: recorded before segmentation offload (or after receive offload coalesced them)',
  );
  note(
    'LENGTH_UNSET',
    frames.counts.unsetLengths,
    'packets with an IP length of 0, assumed to extend to their end: recorded on the sending host, before segmentation' +
      ' offload set it (TSO), or too long for the field (BIG TCP)',
  );
  note(
    'ENCAPSULATED',
    encapsulated,
    `packets with VXLAN or ESP inside another encapsulation, which was removed: ${[...encapsulations]
      .map((kind) => encapsulationName(kind as Encapsulation))
      .join(', ')}`,
  );
  for (const guess of decoder.guess.ports) note('VXLAN_OTHER_PORT', guess.packets, guessText(guess));
  note(
    'ESP_WITHOUT_KEYS',
    decoder.espPackets,
    'ESP packets that are not decrypted; --keys FILE decrypts them (on a node: ip -d xfrm state > FILE)',
  );
  note('ARP_IN_TUNNEL', frames.counts.arpFrames, 'inner ARP frames: a learning overlay; Swarm answers ARP on the node');
  if (names !== undefined) {
    const stale = endpoints.filter((row) => row.stale === true).length;
    note('NAME_STALE', stale, 'endpoints behind another VTEP than their name says: it was given out again, or moved');
    const unknown = endpoints.filter(({ vni, ip }) => ip !== null && names.isUnknown(vni, ip)).length;
    note('NAME_UNKNOWN', unknown, 'endpoints in named networks that have no name: they came later, or ended earlier');
  }
  note(
    'TIME_BACKWARDS',
    backwards,
    'packets older than an earlier one: first and last time are the earliest and the latest, not in file order',
  );
  const tables = [frames.addresses, frames.networks, frames.tunnels, frames.endpoints, esp.spis, series];
  const unlisted = tables.reduce((sum, table) => sum + table.unlisted, 0);
  warning('TABLE_FULL', unlisted, 'rows not listed because a table is full, but counted in the totals');
  const unlistedFlows = flows?.accounting.unlisted ?? 0;
  warning(
    'FLOWS_FULL',
    unlistedFlows,
    'packets of conversations not listed, because the table of conversations is full',
  );
  for (const { notes, name } of sources) {
    for (const { count, message } of notes) {
      note('CAPTURE_ODD', count, sources.length === 1 ? message : `${name}: ${message}`);
    }
  }
  return problems;
}

/** What is wrong with gossip; nothing without its keys. */
export function gossipProblems(gossip: GossipReport | null): Problem[] {
  if (gossip === null) return [];
  const { packets, streams, invalid, unlisted } = gossip;
  const sum = (...counts: Readonly<Record<string, number>>[]): number =>
    counts.flatMap((each) => Object.values(each)).reduce((total, count) => total + count, 0);
  const sealed = (packets.failed['no-key-fits'] ?? 0) + (streams.failed['no-key-fits'] ?? 0);
  const problem = (code: string, severity: Problem['severity'], count: number, message: string): Problem[] =>
    count === 0 ? [] : [{ code, severity, count, message }];
  return [
    ...problem(
      'GOSSIP_SEALED',
      'warning',
      sealed,
      'gossip that none of the keys decrypts: of another swarm, or rotated',
    ),
    ...problem(
      'GOSSIP_CLEAR',
      'warning',
      packets.clear + streams.clear,
      "gossip in clear text: a swarm's is encrypted",
    ),
    ...problem(
      'GOSSIP_INVALID',
      'warning',
      sum(packets.failed, streams.failed, invalid) - sealed,
      'packets, streams and messages of gossip that are not valid',
    ),
    ...problem(
      'GOSSIP_INCOMPLETE',
      'note',
      streams.incomplete,
      'streams of gossip that the capture has only a part of',
    ),
    ...problem('GOSSIP_FULL', 'warning', unlisted, 'rows of gossip not listed because a table is full'),
  ];
}

/** VNIs with reserved bits, and packets with a group policy. */
function reservedText(reserved: VniCounts, policyPackets: number): string {
  const policy = policyPackets === 0 ? '' : `; ${policyPackets} carry a group policy, which Linux accepts with \`gbp\``;
  return `: ${reserved.text}${policy}`;
}
