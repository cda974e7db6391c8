/** Contents of pages for tests, with invented traffic. */
import type {
  ConversationReport,
  EspReport,
  KeyTimelineReport,
  Moment,
  ServiceReport,
  SizeReport,
  SpiSpan,
  SurveyReport,
} from '../../src/inspect/index.js';
import type { ReportContents, ReportFinding } from '../../src/report/index.js';
import { conversation, endpoint, flows, mesh, network, survey, tunnel } from '../picture/sample-survey.js';

const CLASSES = ['0-63', '64-127', '128-255', '256-511', '512-1023', '1024-1518', '1519-9216', '9217+'];
const START = Date.parse('2026-11-21T03:26:52.831Z');

function sizes(counts: readonly number[], smallest: number, largest: number, mean: number): SizeReport {
  const count = counts.reduce((sum, one) => sum + one, 0);
  return { count, smallest, largest, mean, classes: CLASSES.map((bytes, i) => ({ bytes, count: counts.at(i) ?? 0 })) };
}

/** A finding. */
export function finding(of: Partial<ReportFinding> = {}): ReportFinding {
  return {
    id: 'mtu-too-big',
    title: 'Packets are larger than the path between the nodes takes',
    severity: 'error',
    certainty: 'certain',
    summary: '192.168.50.1 sends packets of 1,556 bytes to 192.168.50.2, and no more than 1,500 arrive.',
    means: 'Handshakes and small answers get through, and everything larger hangs.',
    exhibits: [
      { text: '6 outer fragments from 192.168.50.1, first at 03:26:54', places: [{ file: 'wire.pcap', packet: 41 }] },
      { text: 'the MTU of eth0 is 1,500', places: [{ file: 'node1.txt', line: 12 }] },
    ],
    advice: ['Set the MTU of the network to 1424.', 'Then recreate its services.'],
    commands: ['docker network create -d overlay --opt encrypted --opt com.docker.network.driver.mtu=1424 web-net'],
    threads: ['moby/moby#36689', 'libnetwork#2661'],
    ...of,
  };
}

/** A moment of the invented captures. */
export function moment(offset: number): Moment {
  return { time: new Date(START + 1000 * offset).toISOString(), offset };
}

/** An SPI of a direction. */
export function span(spi: string, first: number, last: number, of: Partial<SpiSpan> = {}): SpiSpan {
  return {
    spi,
    inUdp: false,
    packets: 100,
    bytes: 10_000,
    first: moment(first),
    last: moment(last),
    current: false,
    firstSequence: 1,
    lastSequence: 100,
    highestSequence: 100,
    missingSequences: 0,
    sequenceRestarts: 0,
    sequenceRate: 10,
    extended: false,
    runsOut: { seconds: 4e8, beforeRotation: false },
    opened: 100,
    failed: {},
    key: null,
    ...of,
  };
}

/** Directions with the given SPIs; each switches from one to the next. */
export function timeline(
  seconds: number,
  ...all: readonly (readonly [from: string, to: string, spans: readonly SpiSpan[]])[]
): KeyTimelineReport {
  const directions = all.map(([source, destination, spis]) => ({
    source,
    destination,
    spis,
    switches: spis.slice(1).map((next, i) => ({
      at: next.first ?? moment(0),
      from: spis[i].spi,
      to: next.spi,
      gapSeconds: 0.25,
      overlap: null,
    })),
  }));
  const [first] = directions.flatMap(({ switches }) => switches.map(({ at }) => at));
  const spans = all.flatMap(([, , spis]) => spis);
  return {
    directions,
    entries: directions.flatMap(({ source, destination, switches }) =>
      switches.map(({ at, ...rest }) => ({ ...at, kind: 'switch' as const, source, destination, ...rest })),
    ),
    summary: {
      packets: spans.reduce((sum, one) => sum + one.packets, 0),
      spis: spans.length,
      firstTime: moment(0).time,
      durationSeconds: seconds,
      rotations:
        (first as Moment | undefined) === undefined
          ? []
          : [
              {
                start: first,
                seconds: 1.5,
                directions: directions.length,
                nodes: directions.map(({ source }) => ({ address: source, at: first })),
              },
            ],
      unlisted: { packets: 0, silences: 0, returns: 0, made: 0 },
      problems: [],
    },
  };
}

/** An SPI's counts. */
export function esp(spi: string, source: string, destination: string, of: Partial<EspReport> = {}): EspReport {
  return {
    spi,
    source,
    destination,
    inUdp: false,
    packets: 100,
    bytes: 10_000,
    firstSequence: 1,
    lastSequence: 100,
    highestSequence: 100,
    opened: 100,
    failed: {},
    missingSequences: 0,
    repeatedSequences: 0,
    nonceReused: 0,
    ivRepeated: 0,
    duplicates: 0,
    key: null,
    ...of,
  };
}

/** A service with a backend per share of its bytes. */
export function service(
  name: string | null,
  shares: readonly number[],
  of: Partial<ServiceReport> = {},
): ServiceReport {
  const bytes = shares.reduce((sum, share) => sum + share, 0);
  const front = { connections: 0, packets: 0, bytes: 0 };
  return {
    name,
    network: 'web-net',
    vni: 4097,
    mode: 'vip',
    vip: '10.0.1.2',
    ports: ['8080:80/tcp'],
    connections: 6,
    packets: 124,
    bytes,
    atVip: { connections: 6, packets: 60, bytes: 5000 },
    atPorts: front,
    backends: shares.map((share, i) => ({
      name: `${name ?? 'task'}.${i + 1}`,
      address: `10.0.1.${10 + i}`,
      node: `node${1 + (i % 2)}`,
      connections: 2,
      packets: 40,
      bytes: share,
      share: share / bytes,
    })),
    ...of,
  };
}

/** Endpoints of each node. */
const NAMES = [
  ['web.1', 'web.3', 'lb web-net@node1'],
  ['web.2', 'api.1', 'lb web-net@node2'],
  ['db.1', 'cache.1', 'lb backend@node3'],
];

const ONE = '192.168.50.1';
const TWO = '192.168.50.2';
const THREE = '192.168.50.3';

/** Traffic that rises and falls, in 90 intervals of a second. */
function wave(height: number, phase: number): number[] {
  return Array.from({ length: 90 }, (_, i) =>
    Math.round(height * (1 + Math.sin(i / 7 + phase) * Math.cos(i / 23)) + height * ((i * 37) % 11) * 0.05),
  );
}

/** A report of three nodes and two networks with everything in it. */
export function sampleSurvey(): SurveyReport {
  const [web, backend, other] = [wave(900_000, 0), wave(300_000, 2), wave(60_000, 4)];
  const sum = (all: readonly number[]): number => all.reduce((total, one) => total + one, 0);
  const inner = sum(web) + sum(backend);
  const frames = 180_000;
  const rows: ConversationReport[] = Array.from({ length: 14 }, (_, i) =>
    conversation(`10.0.${1 + (i % 2)}.${5 + i}`, `10.0.${1 + (i % 2)}.${30 + (i % 5)}`, {
      vni: 4097 + (i % 2),
      bytes: Math.round(40_000_000 / (i + 1) ** 1.4),
      packets: Math.round(48_000 / (i + 1) ** 1.3),
      bitsPerSecond: 3_600_000 / (i + 1),
      durationSeconds: 88 / (1 + (i % 4)),
      rttSeconds: i % 3 === 0 ? null : 0.0004 * (i + 1),
      retransmissions: i % 5 === 2 ? 31 : 0,
      startTime: moment(i).time,
    }),
  );
  return survey({
    file: 'node1-eth0.pcapng',
    files: ['captures/node1-eth0.pcapng'],
    format: 'pcapng',
    packets: 214_518,
    bytes: inner + frames * 66 + sum(other),
    firstTime: moment(0).time,
    lastTime: moment(90).time,
    durationSeconds: 90,
    accounting: { inFrames: frames, esp: 0, other: 34_506, held: 12, filtered: 0, dropped: {} },
    frames,
    networks: [
      network(4097, { frames: 120_000, bytes: sum(web), endpoints: 6, encrypted: 120_000 }),
      network(4098, { frames: 60_000, bytes: sum(backend), endpoints: 4 }),
    ],
    timeSeries: {
      startTime: moment(0).time,
      intervalSeconds: 1,
      networks: [
        { vni: 4097, bytes: web, packets: web },
        { vni: 4098, bytes: backend, packets: backend },
        { vni: null, bytes: other, packets: other },
      ],
    },
    flows: flows(...rows, conversation(ONE, TWO, { vni: null, protocol: 'UDP' })),
    services: [
      service('web', [5200, 3100, 2950]),
      service('api', [9000, 8000], { vni: 4098, network: 'backend' }),
      service('idle', [], { packets: 0, connections: 0, atVip: { connections: 0, packets: 0, bytes: 0 } }),
    ],
    tunnels: [
      tunnel(ONE, TWO, { frames: 70_000, bytes: 60_000_000, espPackets: 70_000, espBytes: 65_000_000, vnis: [4097] }),
      tunnel(TWO, ONE, { frames: 50_000, bytes: 21_000_000, espPackets: 50_000, espBytes: 24_500_000, vnis: [4097] }),
      tunnel(ONE, THREE, { frames: 40_000, bytes: 18_000_000, vnis: [4098] }),
      tunnel(THREE, ONE, { frames: 20_000, bytes: 9_000_000, vnis: [4098] }),
    ],
    endpoints: [ONE, TWO, THREE].flatMap((vtep, node) =>
      Array.from({ length: 3 }, (_, i) =>
        endpoint(vtep, `10.0.${1 + Math.floor(node / 2)}.${10 * (node + 1) + i}`, {
          vni: 4097 + Math.floor(node / 2),
          mac: `02:42:0a:00:0${node}:0${i}`,
          name: NAMES[node].at(i) ?? null,
          sentBytes: 9_000_000 / (i + 1 + node),
          receivedBytes: 4_000_000 / (i + 2),
        }),
      ),
    ),
    esp: [
      esp('0x0b16c0de', ONE, TWO, { packets: 40_000, bytes: 36_000_000, opened: 40_000 }),
      esp('0x5eedf00d', ONE, TWO, { packets: 30_000, bytes: 29_000_000, opened: 30_000 }),
      esp('0x1234abcd', TWO, ONE, { packets: 30_000, bytes: 14_500_000, opened: 30_000 }),
      esp('0x77665544', TWO, ONE, { packets: 20_000, bytes: 10_000_000, opened: 20_000, missingSequences: 14 }),
    ],
    sizes: {
      wire: sizes([0, 31_000, 42_000, 9_000, 6_518, 126_000, 0, 0], 70, 1514, 918.4),
      inner: sizes([0, 52_000, 11_000, 8_000, 5_000, 104_000, 0, 0], 42, 1464, 788.2),
    },
    fragments: { fragments: 412, reassembled: 200, held: 12, inner: 3 },
    checksums: [{ name: 'outer UDP', good: 90_000, absent: 90_000, partial: 0, bad: 0 }],
    otherTraffic: [
      { name: 'UDP 7946', packets: 30_000, bytes: 4_100_000 },
      { name: 'ARP', packets: 4_506, bytes: 270_360 },
    ],
    problems: [
      {
        code: 'FRAGMENTS_HELD',
        severity: 'note',
        count: 12,
        message: 'fragments of packets that are incomplete in the capture',
      },
      {
        code: 'CLEAR_VXLAN',
        severity: 'warning',
        count: 7,
        message: 'clear frames of a VNI that is otherwise encrypted',
      },
    ],
    cipher: { name: 'ipsec-mb', skipped: [] },
  });
}

/** A timeline that fits it. */
export function sampleTimeline(): KeyTimelineReport {
  const key = { tag: 56_398, role: 'current', rotations: 0, fingerprint: '5e884898', spiForm: 'mapped' as const };
  return timeline(
    90,
    [ONE, TWO, [span('0x0b16c0de', 0, 52, { key }), span('0x5eedf00d', 52.3, 90, { current: true })]],
    [TWO, ONE, [span('0x1234abcd', 0.4, 58), span('0x77665544', 53.8, 89.5, { current: true })]],
  );
}

/** A page with everything on it. */
export function sampleContents(of: Partial<ReportContents> = {}): ReportContents {
  return {
    survey: sampleSurvey(),
    timeline: sampleTimeline(),
    findings: [
      finding({
        id: 'offload-checksums',
        severity: 'note',
        certainty: 'likely',
        title: 'Checksums are left to the network card',
        summary:
          '61 packets from 192.168.50.1 have a partial checksum: they were captured before the card completed it.',
      }),
      finding(),
      finding({
        id: 'rotation-missed',
        severity: 'warning',
        certainty: 'possible',
        title: 'A node switched keys later than the others',
        summary: '192.168.50.2 sent with SPI 0x1234abcd for 5.7 s after 192.168.50.1 had switched.',
      }),
    ],
    version: '1.2.3',
    ...of,
  };
}

/** What a long capture of a large swarm holds: all tables full, and more. */
export function largeContents(): ReportContents {
  const base = mesh(200, 40, 30);
  const interval = (seed: number): number[] =>
    Array.from({ length: 240 }, (_, i) => 1_000_000 + ((i * 7919 + seed * 104_729) % 9_999_991));
  const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
  const address = (i: number): string => `10.${20 + (i >> 16)}.${(i >> 8) & 0xff}.${i & 0xff}`;
  const spi = (i: number): string => `0x${(0x10000000 + i * 7919).toString(16)}`;
  const pairs = many(400, (i) => [address(i), address(i + 1)] as const);
  const sample = sampleSurvey();
  return {
    survey: {
      ...sample,
      packets: 100_000,
      networks: base.networks,
      tunnels: base.tunnels,
      endpoints: base.endpoints.map((row, i) => ({ ...row, name: `service-${i % 50}.${i % 17}` })),
      timeSeries: {
        startTime: moment(0).time,
        intervalSeconds: 0.512,
        networks: [
          ...base.networks.map(({ vni }, i) => ({ vni, bytes: interval(i), packets: interval(i) })),
          { vni: null, bytes: interval(99), packets: interval(99) },
        ],
      },
      flows: flows(
        ...many(20_000, (i) =>
          conversation(address(i), address(i + 77), {
            bytes: 1e9 - i * 1000,
            vni: 4096 + (i % 40),
            startTime: moment(i / 1000).time,
            rttSeconds: 0.001,
            retransmissions: i,
            resets: i,
            zeroWindows: i,
          }),
        ),
      ),
      services: many(60, (i) =>
        service(
          `service-${i}`,
          many(40, (k) => 1000 + k),
          { vni: 4096 + (i % 40) },
        ),
      ),
      esp: pairs.flatMap(([from, to], i) => many(4, (k) => esp(spi(4 * i + k), from, to))),
      otherTraffic: many(300, (i) => ({ name: `UDP ${1000 + i}`, packets: i, bytes: i * 100 })),
    },
    timeline: timeline(
      400,
      ...pairs.map(
        ([from, to], i) => [from, to, many(4, (k) => span(spi(4 * i + k), 100 * k, 100 * k + 101))] as const,
      ),
    ),
    findings: [
      ...many(35, (i) => finding({ id: `kind-${i}`, severity: i % 2 === 0 ? 'warning' : 'error' })),
      ...many(99, () => finding({ id: 'kind-1' })),
    ],
  };
}
