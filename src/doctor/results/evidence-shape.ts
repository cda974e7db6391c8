/** The shape of a capture's evidence: what `CaptureExam.report` returns, within the bounds of its tables. */
import type { GossipReport, SurveyReport } from '../../inspect/index.js';
import { MAX_PENDING } from '../capture/dns-watch.js';
import { MAX_HOMES } from '../capture/endpoint-watch.js';
import { MAX_EVENT_ROWS } from '../capture/event-table.js';
import { MAX_SPIS, type SpiTrace } from '../capture/esp-watch.js';
import { MAX_PAIRS, MAX_TUNNELS } from '../capture/limits.js';
import { MAX_CONNECTIONS } from '../capture/tcp-watch.js';
import type { CaptureEvidence, InnerOccurrence, Occurrence, TunnelOccurrence } from '../evidence/capture.js';
import {
  boolean,
  type Fields,
  int,
  list,
  matching,
  nullable,
  number,
  object,
  oneOf,
  optional,
  plainData,
  record,
  type Shape,
  text,
} from '../../inspect/internal.js';

/** Most files of a capture, and characters of a name. */
const MAX_FILES = 1000;
const MAX_NAME = 4096;
/** Texts about what is wrong. */
const MAX_TEXT = 4096;
/** Rows of a survey's tables, and packets that an occurrence shows. */
const MAX_ROWS = 65_536;
const MAX_SHOWN = 5;
const MAX_INTERVALS = 240;
const MAX_NETWORKS = 1025;
/** Names that gossip has: bytes of an UDP packet at most. */
const gossipText = text(65_536);
const MAX_GOSSIP = 1 << 20;
/** Kinds, reasons, codes: what isn't by address. */
const MAX_KINDS = 1024;

const count = int();
/** Addresses get into commands that doctor suggests: nothing else may. */
const address = matching(/^[0-9a-f.:]{2,45}$/, 'an IP address');
const mac = matching(/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/, 'a MAC address');
const vni = int(-1, 0xff_ffff);
const port = int(0, 0xffff);
const spiText = matching(/^0x[0-9a-f]{8}$/, 'an SPI');
const time = matching(/^[\d:.TZ+-]{1,40}$/, 'a time');
const word = matching(/^[\w ./()+:,'-]{1,200}$/, 'a name', 200);
const counts = record(count, MAX_KINDS);
const key = nullable(object<NonNullable<SpiTrace['key']>>({ tag: count, spiForm: word }));

const OCCURRENCE: Fields<Occurrence> = {
  count,
  packets: list(int(1), MAX_SHOWN),
  firstSeconds: optional(number),
  lastSeconds: optional(number),
};
const occurrence = object(OCCURRENCE);
const TUNNEL: Fields<TunnelOccurrence> = { ...OCCURRENCE, source: address, destination: address, vni };
const INNER: Omit<Fields<InnerOccurrence>, 'source' | 'destination'> = {
  ...OCCURRENCE,
  vni,
  innerSource: address,
  innerDestination: address,
};
const PORTS = { sourcePort: port, destinationPort: port };

function rows<T>(fields: Fields<T>, most: number = MAX_EVENT_ROWS): Shape {
  return list(object(fields), most);
}

type Row<K extends keyof CaptureEvidence> = CaptureEvidence[K] extends readonly (infer T)[] | undefined ? T : never;
type SurveyRow<K extends keyof SurveyReport> = SurveyReport[K] extends readonly (infer T)[] ? T : never;
type GossipRow<K extends keyof GossipReport> = GossipReport[K] extends readonly (infer T)[] ? T : never;

const GOSSIP_COUNTS: Fields<GossipReport['packets']> = { total: count, decrypted: count, clear: count, failed: counts };

const gossip = object<GossipReport>({
  packets: object(GOSSIP_COUNTS),
  streams: object<GossipReport['streams']>({ ...GOSSIP_COUNTS, incomplete: count }),
  invalid: counts,
  keys: rows<GossipRow<'keys'>>(
    { tag: count, packets: count, streams: count, firstTime: nullable(time), lastTime: nullable(time) },
    MAX_ROWS,
  ),
  undecryptable: rows<GossipRow<'undecryptable'>>({ address, count }),
  messages: counts,
  members: rows<GossipRow<'members'>>(
    {
      name: gossipText,
      host: nullable(gossipText),
      address: nullable(address),
      port,
      state: word,
      incarnation: count,
    },
    MAX_GOSSIP,
  ),
  networks: rows<GossipRow<'networks'>>(
    {
      id: gossipText,
      name: nullable(gossipText),
      ingress: boolean,
      nodes: list(gossipText, MAX_GOSSIP),
      left: list(gossipText, MAX_GOSSIP),
      peers: count,
      endpoints: count,
    },
    MAX_GOSSIP,
  ),
  entries: rows<GossipRow<'entries'>>(
    {
      table: gossipText,
      network: gossipText,
      key: gossipText,
      owner: gossipText,
      lTime: number,
      deleted: boolean,
      record: nullable(plainData(6, MAX_ROWS)),
    },
    MAX_GOSSIP,
  ),
  events: rows<GossipRow<'events'>>(
    {
      time: nullable(time),
      offset: nullable(number),
      event: word,
      node: gossipText,
      network: nullable(gossipText),
      table: nullable(gossipText),
      key: nullable(gossipText),
      via: word,
      lTime: nullable(number),
      text: gossipText,
    },
    MAX_GOSSIP,
  ),
  bulkSyncs: rows<GossipRow<'bulkSyncs'>>(
    {
      time: nullable(time),
      offset: nullable(number),
      from: gossipText,
      to: gossipText,
      networks: list(gossipText, MAX_SHOWN * 16),
      entries: count,
      unsolicited: boolean,
    },
    MAX_GOSSIP,
  ),
  unlisted: count,
});

const size = object<SurveyReport['sizes']['wire']>({
  count,
  smallest: count,
  largest: count,
  mean: number,
  classes: rows({ bytes: word, count }, MAX_KINDS),
});
const series = { bytes: list(count, MAX_INTERVALS), packets: list(count, MAX_INTERVALS) };

const survey = object<SurveyReport>({
  file: text(MAX_FILES * MAX_NAME),
  files: list(text(MAX_NAME), MAX_FILES),
  format: oneOf('pcap', 'pcapng', 'live', 'mixed'),
  linkTypes: list(word, MAX_KINDS),
  packets: count,
  bytes: count,
  firstTime: nullable(time),
  lastTime: nullable(time),
  durationSeconds: number,
  accounting: object<SurveyReport['accounting']>({
    inFrames: count,
    esp: count,
    other: count,
    held: count,
    filtered: count,
    dropped: counts,
  }),
  filtered: rows<SurveyRow<'filtered'>>({ vni, packets: count }),
  vxlanPorts: rows<SurveyRow<'vxlanPorts'>>({ port, packets: count, vnis: list(vni, MAX_KINDS) }),
  frames: count,
  networks: rows<SurveyRow<'networks'>>(
    { vni, frames: count, bytes: count, truncated: count, encrypted: count, endpoints: count },
    MAX_ROWS,
  ),
  timeSeries: nullable(
    object<NonNullable<SurveyReport['timeSeries']>>({
      startTime: time,
      intervalSeconds: number,
      networks: rows({ vni: nullable(vni), ...series }, MAX_NETWORKS),
      esp: optional(object(series)),
    }),
  ),
  // Those of an exam have neither.
  flows: oneOf(null),
  services: oneOf(null),
  tunnels: rows<SurveyRow<'tunnels'>>(
    {
      source: address,
      destination: address,
      frames: count,
      bytes: count,
      espPackets: count,
      espBytes: count,
      vnis: list(vni, MAX_ROWS),
    },
    MAX_ROWS,
  ),
  endpoints: rows<SurveyRow<'endpoints'>>(
    {
      vni,
      mac,
      ip: nullable(address),
      name: oneOf(undefined),
      stale: oneOf(undefined),
      vtep: address,
      moves: count,
      sentFrames: count,
      sentBytes: count,
      receivedFrames: count,
      receivedBytes: count,
    },
    MAX_ROWS,
  ),
  esp: rows<SurveyRow<'esp'>>(
    {
      spi: spiText,
      source: address,
      destination: address,
      inUdp: boolean,
      packets: count,
      bytes: count,
      firstSequence: count,
      lastSequence: count,
      highestSequence: count,
      opened: count,
      failed: counts,
      missingSequences: count,
      repeatedSequences: count,
      nonceReused: count,
      ivRepeated: count,
      duplicates: count,
      key,
    },
    MAX_ROWS,
  ),
  sizes: object<SurveyReport['sizes']>({ wire: size, inner: size }),
  fragments: object<SurveyReport['fragments']>({ fragments: count, reassembled: count, held: count, inner: count }),
  checksums: rows<SurveyRow<'checksums'>>({ name: word, good: count, absent: count, partial: count, bad: count }),
  otherTraffic: rows<SurveyRow<'otherTraffic'>>({ name: text(MAX_TEXT), packets: count, bytes: count }),
  gossip: nullable(gossip),
  problems: rows<SurveyRow<'problems'>>({
    code: word,
    severity: oneOf('warning', 'note'),
    count,
    message: text(MAX_FILES * MAX_NAME),
  }),
  cipher: nullable(
    object<NonNullable<SurveyReport['cipher']>>({
      name: word,
      skipped: rows({ name: word, code: word, reason: text(MAX_TEXT) }, MAX_KINDS),
    }),
  ),
});

/** The evidence of a capture, without its trace. */
export const evidenceShape: Shape = object<Omit<CaptureEvidence, 'trace'>>({
  file: text(MAX_NAME),
  files: optional(
    rows<Row<'files'>>(
      { name: text(MAX_NAME), packets: count, firstSeconds: optional(number), damage: optional(text(MAX_TEXT)) },
      MAX_FILES,
    ),
  ),
  survey,
  firstSeconds: optional(number),
  lastSeconds: optional(number),
  damage: optional(text(MAX_TEXT)),
  hasKeys: boolean,
  frames: rows<Row<'frames'>>({
    ...TUNNEL,
    encrypted: boolean,
    transports: object<Row<'frames'>['transports']>({ tcp: count, udp: count, icmp: count, other: count }),
    largest: count,
  }),
  traffic: rows<Row<'traffic'>>(
    { source: address, destination: address, esp: occurrence, gossipUdp: occurrence, gossipTcp: occurrence },
    2 * MAX_TUNNELS,
  ),
  fragments: rows<Row<'fragments'>>({
    ...TUNNEL,
    protocol: oneOf('VXLAN', 'ESP', 'other'),
    largest: count,
    incomplete: occurrence,
    withoutRests: count,
    complete: count,
  }),
  tooBig: rows<Row<'tooBig'>>(
    {
      ...OCCURRENCE,
      underlay: boolean,
      vni,
      reporter: address,
      sender: address,
      destination: address,
      mtu: count,
      ignored: occurrence,
    },
    2 * MAX_EVENT_ROWS,
  ),
  wrongChecksums: rows<Row<'wrongChecksums'>>({
    ...TUNNEL,
    kind: word,
    of: count,
    difference: optional(int(0, 0xffff)),
  }),
  spis: rows<Row<'spis'>>(
    {
      ...TUNNEL,
      spi: int(0, 0xffff_ffff),
      inUdp: boolean,
      firstSequence: count,
      highestSequence: count,
      opened: count,
      failures: rows({ ...OCCURRENCE, reason: word }, MAX_KINDS),
      missing: count,
      gaps: occurrence,
      late: occurrence,
      mostLate: count,
      repeated: occurrence,
      samePackets: occurrence,
      nonceReused: occurrence,
      restarts: occurrence,
      key,
    },
    MAX_SPIS,
  ),
  pairs: rows<Row<'pairs'>>(
    {
      ...TUNNEL,
      ...INNER,
      syns: count,
      echoRequests: count,
      answers: count,
      answeredFrom: optional(address),
    },
    2 * MAX_PAIRS,
  ),
  homes: rows<Row<'homes'>>({ ...OCCURRENCE, vni, address, mac, vtep: address }, MAX_HOMES),
  tcp: rows<Row<'tcp'>>(
    {
      ...INNER,
      ...PORTS,
      handshake: boolean,
      retransmissions: occurrence,
      stuck: count,
      stuckBytes: count,
      largestAcknowledged: count,
      cut: optional(object<NonNullable<Row<'tcp'>['cut']>>({ idleSeconds: number, packet: int(1), seconds: number })),
    },
    2 * MAX_CONNECTIONS,
  ),
  storms: rows<Row<'storms'>>(
    {
      vni,
      innerSource: address,
      innerDestination: address,
      ...PORTS,
      first: count,
      segments: count,
      retransmissions: count,
      repeated: occurrence,
    },
    2 * MAX_CONNECTIONS,
  ),
  unansweredQueries: rows<Row<'unansweredQueries'>>({ ...INNER, answered: count }, MAX_PENDING),
  reservedBits: rows<Row<'reservedBits'>>({ ...TUNNEL, flags: int(0, 0xff), groupPolicy: boolean }),
  flooded: rows<Row<'flooded'>>({ ...TUNNEL, kind: oneOf('ARP', 'broadcast', 'multicast') }),
  unlisted: count,
});
