/** Reports of captures for tests, with invented traffic. */
import type { ConversationReport, SurveyReport } from '../../src/inspect/index.js';

type Tunnel = SurveyReport['tunnels'][number];
type Endpoint = SurveyReport['endpoints'][number];
type Network = SurveyReport['networks'][number];
type Series = NonNullable<SurveyReport['timeSeries']>;

const NO_SIZES = { count: 0, smallest: 0, largest: 0, mean: 0, classes: [] };

/** A report of a capture with nothing in it, except what is given. */
export function survey(of: Partial<SurveyReport> = {}): SurveyReport {
  return {
    file: 'capture.pcap',
    files: ['capture.pcap'],
    format: 'pcap',
    linkTypes: ['EN10MB'],
    packets: 0,
    bytes: 0,
    firstTime: '2026-11-21T03:26:52.831279000Z',
    lastTime: '2026-11-21T03:27:02.831279000Z',
    durationSeconds: 10,
    accounting: { inFrames: 0, esp: 0, other: 0, held: 0, filtered: 0, dropped: {} },
    filtered: [],
    vxlanPorts: [],
    frames: 0,
    networks: [],
    timeSeries: null,
    flows: null,
    services: null,
    tunnels: [],
    endpoints: [],
    esp: [],
    sizes: { wire: NO_SIZES, inner: NO_SIZES },
    fragments: { fragments: 0, reassembled: 0, held: 0, inner: 0 },
    checksums: [],
    otherTraffic: [],
    gossip: null,
    problems: [],
    cipher: null,
    ...of,
  };
}

/** One direction between two nodes. */
export function tunnel(source: string, destination: string, of: Partial<Tunnel> = {}): Tunnel {
  return { source, destination, frames: 10, bytes: 1000, espPackets: 0, espBytes: 0, vnis: [4096], ...of };
}

/** An endpoint behind a node. */
export function endpoint(vtep: string, ip: string | null, of: Partial<Endpoint> = {}): Endpoint {
  const counts = { moves: 0, sentFrames: 1, sentBytes: 100, receivedFrames: 1, receivedBytes: 100 };
  return { vni: 4096, mac: '02:42:0a:00:00:01', ip, vtep, ...counts, ...of };
}

/** A network. */
export function network(vni: number, of: Partial<Network> = {}): Network {
  return { vni, frames: 10, bytes: 1000, truncated: 0, encrypted: 0, endpoints: 2, ...of };
}

/** Traffic in intervals of one second. */
export function series(...networks: readonly (readonly [vni: number | null, bytes: readonly number[]])[]): Series {
  return {
    startTime: '2026-11-21T03:26:52.831279000Z',
    intervalSeconds: 1,
    networks: networks.map(([vni, bytes]) => ({ vni, bytes, packets: bytes.map(() => 1) })),
  };
}

/** A TCP conversation between two sockets. */
export function conversation(a: string, b: string, of: Partial<ConversationReport> = {}): ConversationReport {
  const side = {
    port: 80,
    packets: 5,
    bytes: 500,
    payloadBytes: 400,
    laterFragments: 0,
    tcpFlags: 0,
    retransmissions: 0,
    fastRetransmissions: 0,
    resets: 0,
    zeroWindows: 0,
  };
  return {
    vni: 4096,
    protocol: 'TCP',
    protocolNumber: 6,
    family: 4,
    a: { ...side, address: a },
    b: { ...side, address: b },
    packets: 10,
    bytes: 1000,
    startTime: null,
    durationSeconds: 1,
    bitsPerSecond: 8000,
    rttSeconds: null,
    serverRttSeconds: null,
    clientRttSeconds: null,
    retransmissions: 0,
    resets: 0,
    zeroWindows: 0,
    ...of,
  };
}

/** A report's conversations. */
export function flows(...conversations: readonly ConversationReport[]): NonNullable<SurveyReport['flows']> {
  const packets = conversations.reduce((sum, one) => sum + one.packets, 0);
  const outside = { withoutIp: 0, unreadable: 0, strayFragments: 0, unlisted: 0 };
  return { accounting: { packets, inConversations: packets, ...outside }, conversations };
}

/** Every node sends to every other, in as many networks as given, with endpoints behind each. */
export function mesh(nodes: number, networks: number, endpoints: number): SurveyReport {
  const address = (node: number): string => `10.1.${node >> 8}.${node & 0xff}`;
  const ids = Array.from({ length: nodes }, (_, i) => i);
  return survey({
    networks: Array.from({ length: networks }, (_, i) => network(4096 + i, { bytes: 1000 + i })),
    tunnels: ids.flatMap((from) =>
      ids
        .filter((to) => to !== from)
        .map((to) => tunnel(address(from), address(to), { bytes: 1000 + from + to, vnis: [4096 + (to % networks)] })),
    ),
    endpoints: ids.flatMap((node) =>
      Array.from({ length: endpoints }, (_, k) =>
        endpoint(address(node), `10.0.${node & 0xff}.${k & 0xff}`, {
          vni: 4096 + (k % networks),
          mac: `02:42:00:00:${(node & 0xff).toString(16).padStart(2, '0')}:${(k & 0xff).toString(16).padStart(2, '0')}`,
          sentBytes: k,
        }),
      ),
    ),
  });
}
