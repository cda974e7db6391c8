/**
 * How long packets wait for a change of the topology: changes of each kind, one at a time, on a running node with 10 to
 * 100,000 endpoints.
 *
 *     node --expose-gc dist/bench/table-changes.js
 */
import { hkdfSha256, nodeBackend } from '../src/aead/index.js';
import { LiveNode, type UnderlayCounters, type UnderlayPort } from '../src/live/index.js';
import { Arena } from '../src/memory/index.js';
import {
  ChangeKind,
  ClusterKey,
  type EndpointRecord,
  FloodPolicy,
  KeyRing,
  type Network,
  type Node,
  Profile,
  TargetKind,
  type Topology,
  type TopologyChange,
} from '../src/overlay/index.js';
import { SeededRandom } from '../src/replay/random.js';
import { machine, printTable } from './machine.js';

const SIZES = [10, 1000, 10_000, 100_000] as const;
const NODES = 100;
const NETWORKS = 20;
/** Changes of each kind. */
const ROUNDS = 5000;
/** Warm-up rounds, which don't count. */
const WARM_UP = 1000;
const FIRST_VNI = 4097;

/** An underlay that carries nothing. */
class QuietUnderlay implements UnderlayPort {
  readonly name = 'quiet';
  readonly carriesEsp = true;
  readonly descriptors: readonly number[] = [];
  readonly counters: UnderlayCounters = { received: 0, sent: 0, refused: {}, overrun: 0 };

  setNodes(): void {
    // Nothing is sent.
  }

  receive(): number {
    return 0;
  }

  send(): void {
    // Drops everything.
  }

  close(): void {
    // There is nothing to close.
  }
}

function nodeOf(number: number): Node {
  return { name: `node${number}`, vtep: Uint8Array.of(10, 0, number >>> 8, number), mac: undefined, mtu: 1500 };
}

function networkOf(number: number): Network {
  const plain = { subnets: [], gateways: [], mtu: undefined };
  const [flood, learning] = [FloodPolicy.Replicate, true];
  return { name: `net${number}`, vni: FIRST_VNI + number, encrypted: false, ...plain, flood, learning };
}

/** An endpoint on another node. */
function endpointOf(number: number, home = 1 + (number % (NODES - 1))): EndpointRecord {
  const [high, middle, low] = [number >>> 16, number >>> 8, number];
  return {
    name: `endpoint${number}`,
    vni: FIRST_VNI + (number % NETWORKS),
    vtep: nodeOf(home).vtep,
    ip: Uint8Array.of(10, high, middle, low),
    mac: Uint8Array.of(2, 0x42, 0, high, middle, low),
  };
}

function topologyOf(endpoints: number, ring: KeyRing | undefined): Topology {
  return {
    profile: Profile.Swarm,
    port: 4789,
    nodes: Array.from({ length: NODES }, (_, i) => nodeOf(i)),
    networks: Array.from({ length: NETWORKS }, (_, i) => networkOf(i)),
    endpoints: Array.from({ length: endpoints }, (_, i) => {
      const { name, ip, mac } = endpointOf(i);
      return { name, ip, mac, network: i % NETWORKS, node: 1 + (i % (NODES - 1)) };
    }),
    ring,
  };
}

/** A change, and the one that undoes it. */
type ChangePair = readonly [TopologyChange, TopologyChange];

/** The measured changes, in pairs that cancel each other out, by round. */
const PAIRS: readonly (readonly [names: readonly [string, string], of: (number: number) => ChangePair])[] = [
  [
    ['endpoint added', 'endpoint removed'],
    (number) => {
      const endpoint = endpointOf(1_000_000 + number);
      return [
        { kind: ChangeKind.AddEndpoint, endpoint },
        { kind: ChangeKind.RemoveEndpoint, id: endpoint.name },
      ];
    },
  ],
  [
    ['endpoint moved', 'and moved back'],
    () => [
      { kind: ChangeKind.ChangeEndpoint, endpoint: { ...endpointOf(0), vtep: nodeOf(2).vtep } },
      { kind: ChangeKind.ChangeEndpoint, endpoint: endpointOf(0) },
    ],
  ],
  [
    ['network added', 'network removed'],
    (number) => {
      const network = networkOf(NETWORKS + (number % 1000));
      return [
        { kind: ChangeKind.AddNetwork, network },
        { kind: ChangeKind.RemoveNetwork, vni: network.vni },
      ];
    },
  ],
  [
    ['node added', 'node removed'],
    (number) => {
      const node = nodeOf(NODES + (number % 1000));
      return [
        { kind: ChangeKind.AddNode, node },
        { kind: ChangeKind.RemoveNode, vtep: node.vtep },
      ];
    },
  ],
];

const collect = (globalThis as { gc?: () => void }).gc;

function ringOf(random: SeededRandom): KeyRing {
  return new KeyRing(
    [1, 2, 3].map((tag) => {
      const bytes = new Uint8Array(16);
      random.fill(bytes);
      return new ClusterKey(tag, bytes);
    }),
  );
}

/** Microseconds of each change of a kind: wall-clock time, and CPU time, which other processes don't affect. */
class Times {
  readonly #clock: number[] = [];
  readonly #cpu: number[] = [];

  /** Adds a change. */
  add(clock: number, cpu: number): void {
    this.#clock.push(clock);
    this.#cpu.push(cpu);
  }

  /** Cells of a table: median, percentiles and the longest. */
  get cells(): string[] {
    const clock = this.#clock.sort((a, b) => a - b);
    const cpu = this.#cpu.sort((a, b) => a - b);
    const at = (times: readonly number[], share: number): number =>
      times[Math.min(times.length - 1, Math.floor(share * times.length))];
    return [
      ...[at(clock, 0.5), at(clock, 0.99)].map((time) => time.toFixed(1)),
      ...[at(cpu, 0.99), at(cpu, 0.999), at(cpu, 1), at(clock, 1)].map((time) => time.toFixed(0)),
    ];
  }
}

/** Measures a change and the one that undoes it. */
function measure(endpoints: number, keyed: boolean, pairOf: (number: number) => ChangePair): readonly [Times, Times] {
  const random = new SeededRandom(20261129);
  const node = new LiveNode({
    topology: topologyOf(endpoints, keyed ? ringOf(random) : undefined),
    node: 'node0',
    underlay: new QuietUnderlay(),
    arena: new Arena({ slots: 256, frameBytes: 2048 }),
    cipher: { aead: nodeBackend.create(), hkdf: hkdfSha256, random: (bytes) => random.fill(bytes) },
    clock: () => performance.now() / 1000,
  });
  const { forwarding } = node.tables;
  // Without learned entries, removing a node needs no search for them.
  forwarding.learn(FIRST_VNI, Uint8Array.of(6, 0, 0, 0, 0, 1), 0, TargetKind.Vtep, 1, 0);
  const times = [new Times(), new Times()] as const;
  collect?.();
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    const pair = pairOf(round);
    for (let i = 0; i < 2; i++) {
      const list = [pair[i]];
      const used = process.cpuUsage();
      const from = performance.now();
      node.apply(list);
      const clock = (performance.now() - from) * 1000;
      const { user, system } = process.cpuUsage(used);
      if (round >= WARM_UP) times[i].add(clock, user + system);
    }
  }
  node.close();
  return times;
}

process.stdout.write(`${machine()}\n\nMicroseconds that packets wait for one change, of ${ROUNDS} of each kind:\n\n`);
const rows: string[][] = [];
for (const endpoints of SIZES) {
  for (const [names, pairOf] of PAIRS) {
    for (const keyed of names[0].startsWith('node') ? [false, true] : [false]) {
      measure(endpoints, keyed, pairOf).forEach((times, i) => {
        rows.push([endpoints.toLocaleString('en'), keyed ? `${names[i]}, with SAs` : names[i], ...times.cells]);
      });
    }
  }
}
printTable(['endpoints', 'change', 'median', '99 %', 'CPU 99 %', 'CPU 99.9 %', 'CPU longest', 'longest'], rows);
