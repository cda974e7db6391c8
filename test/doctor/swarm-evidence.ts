/** Evidence of a healthy swarm with two nodes, as plain objects, and changes to it. */
import type { CaptureEvidence } from '../../src/doctor/evidence/capture.js';
import type { EngineView, NetworkView } from '../../src/doctor/evidence/docker.js';
import { type Evidence, InputKind, type InputSummary, type NodeEvidence } from '../../src/doctor/evidence/evidence.js';
import type { FirewallRule, TrackedConnection, VirtualServer } from '../../src/doctor/evidence/firewall.js';
import type { FdbRow, Link, NeighbourRow, XfrmCounter, XfrmPolicy, XfrmSa } from '../../src/doctor/evidence/kernel.js';
import type { Place } from '../../src/doctor/evidence/place.js';
import type { Diagnosis, Finding } from '../../src/doctor/finding.js';
import type { SurveyReport } from '../../src/inspect/index.js';
import { deriveSpi, parseIp, SpiForm } from '../../src/overlay/index.js';

export const ONE = '192.168.50.1';
export const TWO = '192.168.50.2';
/** Tags of the cluster's keys: the oldest, the current and the next one. */
export const TAGS = [29_943, 29_944, 29_945] as const;
const MARK = '0xd0c4e3/0xffffffff';

export function at(file: string, line = 1, namespace?: string): Place {
  return namespace === undefined ? { file, line } : { file, line, namespace };
}

export function spiOf(source: string, destination: string, tag: number, form: SpiForm = SpiForm.Mapped): number {
  return deriveSpi(parseIp(source), parseIp(destination), tag, form);
}

/** An SA of Docker's. */
export function sa(source: string, destination: string, tag: number, changes: Partial<XfrmSa> = {}): XfrmSa {
  return {
    place: at('xfrm.txt'),
    source,
    destination,
    protocol: 'esp',
    spi: spiOf(source, destination, tag),
    mode: 'transport',
    algorithm: 'rfc4106(gcm(aes))',
    icvBits: 64,
    keyId: tag.toString(16).padStart(8, '0'),
    replayWindow: 0,
    esn: false,
    sent: 0,
    received: 0,
    mark: '',
    bytes: 9477,
    packets: 44,
    added: '2026-11-21 03:27:21',
    used: '2026-11-21 03:38:06',
    replayErrors: 0,
    integrityErrors: 0,
    ...changes,
  };
}

/** The SAs of a node for a peer: one to send with, and three to receive with. */
export function sasOf(
  own: string,
  peer: string,
  file: string,
  tags: readonly number[] = TAGS,
  form?: SpiForm,
): XfrmSa[] {
  const place = at(file);
  const [, current] = tags;
  return [
    ...tags.map((tag) => sa(peer, own, tag, { place, spi: spiOf(peer, own, tag, form) })),
    sa(own, peer, current, { place, spi: spiOf(own, peer, current, form), sent: 44 }),
  ];
}

export function policy(own: string, peer: string, file: string, changes: Partial<XfrmPolicy> = {}): XfrmPolicy {
  return {
    place: at(file),
    source: `${own}/32`,
    destination: `${peer}/32`,
    protocol: 'udp',
    sourcePort: undefined,
    destinationPort: 4789,
    direction: 'out',
    action: 'allow',
    mark: MARK,
    spi: spiOf(own, peer, TAGS[1]),
    ...changes,
  };
}

export function counter(name: string, count: number, later?: number): XfrmCounter {
  return { place: at('xfrm_stat'), name, count, later };
}

export function link(name: string, changes: Partial<Link> = {}): Link {
  return {
    place: at('link.txt'),
    name,
    mtu: 1500,
    up: true,
    kind: '',
    mac: '02:00:00:00:00:01',
    master: '',
    vxlan: undefined,
    addresses: [],
    counters: undefined,
    ...changes,
  };
}

export function vxlanLink(
  vni: number,
  mtu: number,
  file: string,
  changes: Partial<NonNullable<Link['vxlan']>> = {},
): Link {
  return link('vxlan0', {
    place: at(file, vni, `1-${vni}`),
    mtu,
    kind: 'vxlan',
    master: 'br0',
    vxlan: {
      vni,
      port: 4789,
      local: '',
      device: '',
      learning: true,
      proxy: true,
      l2miss: true,
      l3miss: true,
      ...changes,
    },
  });
}

export function fdb(mac: string, destination: string, changes: Partial<FdbRow> = {}): FdbRow {
  return {
    place: at('fdb.txt'),
    mac,
    device: 'vxlan0',
    destination,
    vni: undefined,
    self: true,
    master: false,
    permanent: true,
    learned: false,
    ...changes,
  };
}

/** What the bridge learned at a device. */
export function bridgeRow(mac: string, device: string, changes: Partial<FdbRow> = {}): FdbRow {
  return fdb(mac, '', { device, self: false, master: true, permanent: false, learned: true, ...changes });
}

export function neighbour(address: string, mac: string, changes: Partial<NeighbourRow> = {}): NeighbourRow {
  return { place: at('neigh.txt'), address, device: 'vxlan0', mac, state: 'PERMANENT', ...changes };
}

/** Docker's MAC of an address. */
export function macOf(address: string): string {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return `02:42:${bytes.join(':')}`;
}

export function network(name: string, vni: number, changes: Partial<NetworkView> = {}): NetworkView {
  return {
    place: at('networks.json', vni),
    name,
    id: `${name}idp3x0gqmfr9wq`.slice(0, 16),
    ingress: false,
    vnis: [vni],
    subnets: [],
    encrypted: false,
    encryptedOption: undefined,
    driverMtu: undefined,
    options: { 'com.docker.network.driver.overlay.vxlanid_list': `${vni}` },
    ipv6: false,
    endpoints: [],
    peers: [ONE, TWO],
    tasks: undefined,
    classic: false,
    ...changes,
  };
}

export function endpoint(name: string, ipv4: string, ipv6 = ''): NetworkView['endpoints'][number] {
  return { name, mac: macOf(ipv4), ipv4, ipv6 };
}

export function engine(changes: Partial<EngineView> = {}): EngineView {
  return {
    place: at('info.txt'),
    version: '27.1.1',
    kernel: '6.1.0',
    name: 'node1',
    swarm: 'active',
    nodeAddress: ONE,
    dataPathPort: 4789,
    managers: [`${ONE}:2377`],
    warnings: ['WARNING: No swap limit support'],
    ...changes,
  };
}

export function rule(chain: string, text: string, changes: Partial<FirewallRule> = {}): FirewallRule {
  return {
    place: at('rules.txt'),
    family: 'ipv4',
    table: 'filter',
    chain,
    hook: /^[A-Z]+$/.test(chain) ? chain.toLowerCase() : '',
    protocol: '',
    destinationPorts: [],
    sourcePorts: [],
    source: '',
    destination: '',
    inDevice: '',
    outDevice: '',
    verdict: '',
    conditions: [],
    isPolicy: false,
    packets: -1,
    text,
    ...changes,
  };
}

export function chainPolicy(chain: string, verdict: string, changes: Partial<FirewallRule> = {}): FirewallRule {
  return rule(chain, `:${chain} ${verdict.toUpperCase()}`, { verdict, isPolicy: true, packets: 12, ...changes });
}

/** Docker's rules for an encrypted network. */
export function encryptionRules(vni: number): FirewallRule[] {
  const word = `0x0>>0x16&0x3c@0xc&0xffffff00=0x${(vni * 256).toString(16)}`;
  const common = { protocol: 'udp', destinationPorts: [4789], vnis: [vni] };
  return [
    rule('OUTPUT', `-A OUTPUT -p udp --dport 4789 -m u32 --u32 "${word}" -j MARK`, {
      ...common,
      table: 'mangle',
      verdict: 'mark',
      conditions: [`-m u32 --u32 ${word}`],
    }),
    rule('INPUT', `-A INPUT -p udp -m policy --dir in --pol none --dport 4789 -m u32 --u32 "${word}" -j DROP`, {
      ...common,
      verdict: 'drop',
      conditions: ['-m policy --dir in --pol none', `-m u32 --u32 ${word}`],
    }),
  ];
}

export function connection(changes: Partial<TrackedConnection> = {}): TrackedConnection {
  return {
    place: at('conntrack.txt'),
    protocol: 'udp',
    state: '',
    timeout: 28,
    source: ONE,
    destination: TWO,
    sourcePort: 40_000,
    destinationPort: 4789,
    replySource: TWO,
    replyDestination: ONE,
    replySourcePort: 4789,
    replyDestinationPort: 40_000,
    unreplied: true,
    assured: false,
    ...changes,
  };
}

export function virtualServer(
  mark: number,
  backends: readonly (readonly [address: string, weight: number])[],
): VirtualServer {
  const place = at('ipvs.txt');
  return {
    place,
    protocol: 'FWM',
    mark,
    address: '',
    port: 0,
    servers: backends.map(([address, weight]) => ({
      place,
      address,
      port: 0,
      weight,
      forwarding: 'Masq',
      active: 0,
      inactive: 1,
    })),
  };
}

/** The survey of a capture without anything unusual. */
export function survey(changes: Partial<SurveyReport> = {}): SurveyReport {
  const size = { count: 100, smallest: 64, largest: 1500, mean: 700, classes: [] };
  return {
    file: 'node2.pcap',
    files: ['node2.pcap'],
    format: 'pcap',
    linkTypes: ['Ethernet'],
    packets: 100,
    bytes: 70_000,
    firstTime: null,
    lastTime: null,
    durationSeconds: 1,
    accounting: { inFrames: 100, esp: 0, other: 0, held: 0, filtered: 0, dropped: {} },
    filtered: [],
    vxlanPorts: [],
    frames: 100,
    networks: [],
    timeSeries: null,
    flows: null,
    services: null,
    tunnels: [
      { source: ONE, destination: TWO, frames: 50, bytes: 1000, espPackets: 0, espBytes: 0, vnis: [4097] },
      { source: TWO, destination: ONE, frames: 50, bytes: 1000, espPackets: 0, espBytes: 0, vnis: [4097] },
    ],
    endpoints: [],
    esp: [],
    sizes: { wire: size, inner: size },
    fragments: { fragments: 0, reassembled: 0, held: 0, inner: 0 },
    checksums: [
      { name: 'inner TCP', good: 80, absent: 0, partial: 20, bad: 0 },
      { name: 'inner ICMP', good: 20, absent: 0, partial: 0, bad: 0 },
    ],
    otherTraffic: [],
    gossip: null,
    problems: [],
    cipher: null,
    ...changes,
  };
}

export function capture(
  changes: Partial<SurveyReport> = {},
  file = 'node2.pcap',
  tables: Partial<CaptureEvidence> = {},
): CaptureEvidence {
  return {
    file,
    survey: survey(changes),
    firstSeconds: undefined,
    lastSeconds: undefined,
    damage: undefined,
    hasKeys: false,
    frames: [],
    traffic: [],
    fragments: [],
    tooBig: [],
    wrongChecksums: [],
    spis: [],
    pairs: [],
    homes: [],
    tcp: [],
    storms: [],
    unansweredQueries: [],
    reservedBits: [],
    flooded: [],
    unlisted: 0,
    trace: undefined,
    ...tables,
  };
}

/** A node of which nothing is known. */
export function emptyNode(name = ''): NodeEvidence {
  return {
    name,
    addresses: [],
    captures: [],
    sas: [],
    has: new Set(),
    policies: [],
    xfrmCounters: [],
    links: [],
    fdb: [],
    neighbours: [],
    offloads: [],
    rules: [],
    connections: [],
    virtualServers: [],
    networks: [],
    services: [],
    engines: [],
    log: [],
    status: undefined,
  };
}

/** A node with some inputs. The kinds of what it has are added. */
export function node(name: string, facts: Partial<NodeEvidence>): NodeEvidence {
  const made = { ...emptyNode(name), ...facts };
  const has = new Set(made.has);
  const kinds: readonly (readonly [keyof NodeEvidence, InputKind])[] = [
    ['captures', InputKind.Capture],
    ['sas', InputKind.XfrmState],
    ['policies', InputKind.XfrmPolicy],
    ['xfrmCounters', InputKind.XfrmStat],
    ['links', InputKind.Link],
    ['fdb', InputKind.Fdb],
    ['neighbours', InputKind.Neighbours],
    ['offloads', InputKind.Offloads],
    ['rules', InputKind.Firewall],
    ['connections', InputKind.Conntrack],
    ['virtualServers', InputKind.Ipvs],
    ['networks', InputKind.Networks],
    ['services', InputKind.Services],
    ['engines', InputKind.Engine],
    ['log', InputKind.Log],
    ['status', InputKind.Status],
  ];
  for (const [field, kind] of kinds) if (facts[field] !== undefined) has.add(kind);
  return { ...made, has };
}

export function evidence(nodes: readonly NodeEvidence[], inputs: readonly InputSummary[] = []): Evidence {
  return { nodes, inputs, gossip: null };
}

/** An input whose time is known. */
export function input(
  file: string,
  nodeName: string,
  seconds?: number,
  kinds: readonly InputKind[] = [],
): InputSummary {
  return { file, node: nodeName, kinds, warnings: [], seconds };
}

/** The subjects of a network's endpoints: on the first node, on the second one, with a load balancer each. */
interface Plan {
  readonly name: string;
  readonly vni: number;
  readonly subnet: string;
  readonly encrypted: boolean;
}

const PLANS: readonly Plan[] = [
  { name: 'ingress', vni: 4096, subnet: '10.0.0', encrypted: false },
  { name: 'web', vni: 4097, subnet: '10.0.1', encrypted: false },
  { name: 'secure', vni: 4099, subnet: '10.0.11', encrypted: true },
];

function healthyNode(index: 0 | 1): NodeEvidence {
  const name = `node${index + 1}`;
  const [own, peer] = index === 0 ? [ONE, TWO] : [TWO, ONE];
  const file = `${name}.txt`;
  const views: NetworkView[] = [];
  const rows: FdbRow[] = [];
  const neighbours: NeighbourRow[] = [];
  for (const { name: title, vni, subnet, encrypted } of PLANS) {
    const ends = [
      [endpoint(`${title}.1`, `${subnet}.3`), endpoint(`lb-${title}`, `${subnet}.5`)],
      [endpoint(`${title}.2`, `${subnet}.4`), endpoint(`lb-${title}`, `${subnet}.6`)],
    ];
    const place = at(file, vni, `1-${vni}`);
    for (const { mac, ipv4 } of ends[1 - index]) {
      rows.push(fdb(mac, peer, { place, vni }), bridgeRow(mac, 'vxlan0', { place }));
      neighbours.push(neighbour(ipv4, mac, { place, vni }));
    }
    for (const { mac } of ends[index]) rows.push(bridgeRow(mac, 'veth0', { place }));
    rows.push(bridgeRow('36:28:52:85:44:33', 'vxlan0', { place, permanent: true, learned: false }));
    views.push(
      network(title, vni, {
        place: at(file, vni),
        ingress: title === 'ingress',
        subnets: [`${subnet}.0/24`],
        encrypted,
        encryptedOption: encrypted ? '' : undefined,
        endpoints: ends[index],
        tasks: ends.flatMap((list, host) =>
          list.map(({ name: task, ipv4 }) => ({
            name: task,
            service: title,
            vip: `${subnet}.2`,
            ip: ipv4,
            host: host === 0 ? ONE : TWO,
          })),
        ),
      }),
    );
  }
  const place = at(file);
  return node(name, {
    addresses: [own],
    captures: index === 0 ? [] : [capture()],
    sas: sasOf(own, peer, file),
    policies: [policy(own, peer, file)],
    xfrmCounters: ['XfrmInNoStates', 'XfrmInStateProtoError', 'XfrmOutNoStates'].map((one) => counter(one, 0)),
    links: [
      link('lo', { place, mtu: 65_536, addresses: ['127.0.0.1/8'] }),
      link('eth0', { place, addresses: [`${own}/24`] }),
      link('docker_gwbridge', { place, kind: 'bridge', addresses: ['172.18.0.1/16'] }),
      ...PLANS.map(({ vni, encrypted }) => vxlanLink(vni, encrypted ? 1424 : 1450, file)),
    ],
    fdb: rows,
    neighbours,
    offloads: [{ place, device: 'eth0', name: 'tx-checksum-ip-generic', on: true, fixed: false }],
    rules: [
      chainPolicy('INPUT', 'accept'),
      chainPolicy('OUTPUT', 'accept'),
      rule('FORWARD', '-A FORWARD -j DOCKER-USER', { verdict: 'jump DOCKER-USER' }),
      rule('DOCKER-USER', '-A DOCKER-USER -j RETURN', { verdict: 'return' }),
      ...encryptionRules(4099),
    ],
    connections: [
      connection({ source: own, destination: peer, replySource: peer, replyDestination: own }),
      connection({
        protocol: 'tcp',
        state: 'ESTABLISHED',
        destinationPort: 7946,
        replySourcePort: 7946,
        unreplied: false,
      }),
    ],
    virtualServers: [
      virtualServer(256, [
        ['10.0.1.3', 1],
        ['10.0.1.4', 1],
      ]),
    ],
    ipvsTimeouts: [{ place, tcp: 900, tcpFin: 120, udp: 300 }],
    networks: views,
    services: [
      {
        place,
        id: 'svc1',
        name: 'web',
        endpointMode: 'vip',
        vips: [{ network: views[1].id, address: '10.0.1.2/24' }],
        ports: [{ published: 8080, target: 80, protocol: 'tcp', mode: 'ingress' }],
      },
    ],
    engines: [engine({ place, name, nodeAddress: own })],
    log: [
      {
        place,
        text: 'time="2026-11-21T03:20:02Z" level=info msg="Node 5f6fa7f699a8/192.168.50.2, joined gossip cluster"',
      },
    ],
  });
}

/** The status of a vtep node in the swarm. */
export function healthyStatus(): Record<string, unknown> {
  const direction = { in: 100_000, made: 0, out: 99_990, held: 0, dropped: { NEIGH_ANSWERED: 9, XfrmInNoStates: 1 } };
  return {
    version: 1,
    node: {
      name: 'probe',
      vtep: '192.168.50.3',
      egress: direction,
      ingress: direction,
      sockets: { received: 100_000, sent: 100_000, refused: {}, overrun: 0 },
    },
    endpoints: { total: 1, rows: [{ name: 'c1', address: '10.0.1.9', sent: 100, refused: 0, refusedBy: {} }] },
    gossip: {
      running: true,
      silent: [],
      unannounced: [],
      packetsReceived: 10_000,
      streamsOpened: 100,
      streamsFailed: 1,
      dropped: { 'no-key-fits': 2 },
    },
    members: {
      total: 1,
      rows: [
        {
          name: 'abc',
          address: '192.168.50.1',
          state: 'alive',
          tcpOnly: false,
          udpOnly: false,
          relayed: false,
          self: false,
        },
      ],
    },
    swarm: { state: 'ready', problem: null, problemText: null, certificateSecondsLeft: 5_000_000 },
    attachments: { rows: [{ network: 'web', problem: null }] },
  };
}

/** A healthy swarm: two nodes with Docker and one with vtep, with every kind of input. */
export function healthySwarm(): Evidence {
  return evidence(
    [healthyNode(0), healthyNode(1), node('probe', { addresses: ['192.168.50.3'], status: healthyStatus() })],
    ['node1', 'node2'].map((name) => input(`${name}.txt`, name, 1_795_230_000)),
  );
}

/** The swarm with one node changed. */
export function changed(
  name: string,
  change: (node: NodeEvidence) => Partial<NodeEvidence>,
  swarm = healthySwarm(),
): Evidence {
  return { ...swarm, nodes: swarm.nodes.map((one) => (one.name === name ? { ...one, ...change(one) } : one)) };
}

/** What a finding finds. */
export function found(finding: Finding, given: Evidence): Diagnosis[] {
  return [...finding.find(given)];
}
