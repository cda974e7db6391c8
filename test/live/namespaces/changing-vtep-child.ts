/**
 * Run by table-changes.test.ts in a node's namespace: a VTEP of a config, with 10,000 more endpoints on the other node, that
 * takes 1,000 endpoints a second in and lets as many go, one change at a time, and now and then a node and a network. It says
 * `up` when it runs, and at SIGTERM what it did.
 */
import { readFileSync } from 'node:fs';
import { hkdfSha256, nodeBackend } from '../../../src/aead/index.js';
import { LiveVtep } from '../../../src/live/index.js';
import { parseConfig } from '../../../src/overlay/files.js';
import {
  ChangeKind,
  type EndpointRecord,
  FloodPolicy,
  type Network,
  type Topology,
  type TopologyChange,
} from '../../../src/overlay/index.js';

/** What it did. */
export interface ChangingVtepReport {
  readonly changes: number;
  readonly seconds: number;
  /** Microseconds that packets waited for a change. */
  readonly median: number;
  readonly p99: number;
  readonly longest: number;
  /** How many interfaces it had at its end, before and after its containers went. */
  readonly ports: readonly number[];
  /** Whether the sums of both directions add up. */
  readonly balanced: boolean;
  readonly drops: Readonly<Record<string, number>>;
}

const ENDPOINTS = 10_000;
const PER_SECOND = 1000;
/** Of so many endpoints that come and go, one brings a node and a network with it. */
const RARELY = 100;
/** Endpoints that are there at once, of those that come and go. */
const AT_ONCE = 50;
const MILLISECONDS = 1000;

function macOf(number: number, first: number): Uint8Array {
  return Uint8Array.of(first, 1, number >>> 24, number >>> 16, number >>> 8, number);
}

function withMany(topology: Topology, other: number): Topology {
  const many = Array.from({ length: ENDPOINTS }, (_, i) => ({
    name: `m${i}`,
    network: 0,
    node: other,
    ip: Uint8Array.of(10, 10, i >>> 8, i),
    mac: macOf(i, 0x02),
  }));
  return { ...topology, endpoints: [...topology.endpoints, ...many] };
}

/** The changes that bring the endpoint of a number, and those that take it away. */
function changesOf(number: number, vni: number, vtep: Uint8Array): readonly [TopologyChange[], TopologyChange[]] {
  const ip = Uint8Array.of(10, 11, number >>> 8, number);
  const plain: EndpointRecord = { name: `x${number}`, vni, vtep, ip, mac: macOf(number, 0x06) };
  if (number % RARELY !== 0) {
    return [[{ kind: ChangeKind.AddEndpoint, endpoint: plain }], [{ kind: ChangeKind.RemoveEndpoint, id: plain.name }]];
  }
  const node = { name: plain.name, vtep: Uint8Array.of(172, 16, number >>> 8, number), mac: undefined, mtu: 1500 };
  const network: Network = {
    ...{ name: plain.name, vni: 1_000_000 + (number & 0xffff), subnets: [], gateways: [], mtu: undefined },
    ...{ encrypted: false, flood: FloodPolicy.Replicate, learning: true },
  };
  const endpoint = { ...plain, vni: network.vni, vtep: node.vtep };
  return [
    [
      { kind: ChangeKind.AddNode, node },
      { kind: ChangeKind.AddNetwork, network },
      { kind: ChangeKind.AddEndpoint, endpoint },
    ],
    [
      { kind: ChangeKind.RemoveEndpoint, id: plain.name },
      { kind: ChangeKind.RemoveNetwork, vni: network.vni },
      { kind: ChangeKind.RemoveNode, vtep: node.vtep },
    ],
  ];
}

const [config, name] = process.argv.slice(2);
const topology = parseConfig(readFileSync(config, 'utf8'));
const other = topology.nodes.findIndex((node) => node.name !== name);
const [{ vni }] = topology.networks;
const { vtep: there } = topology.nodes[other];
const random = (bytes: Uint8Array): void => void globalThis.crypto.getRandomValues(bytes);
const containers = topology.endpoints.filter(({ node }) => node !== other);
const vtep = await LiveVtep.open({
  topology: withMany({ ...topology, endpoints: topology.endpoints.filter(({ node }) => node === other) }, other),
  node: name,
  cipher: { aead: nodeBackend.create(), hkdf: hkdfSha256, random },
});
const ending = new AbortController();
process.once('SIGTERM', () => ending.abort());

const pauses: number[] = [];
const began = performance.now();
let cycles = 0;

function apply(change: TopologyChange): void {
  const from = performance.now();
  vtep.apply([change]);
  pauses.push((performance.now() - from) * MILLISECONDS);
}

/** Catches up with the clock: where nothing happens, a turn waits for packets. */
function churn(): void {
  const due = ((performance.now() - began) / MILLISECONDS) * PER_SECOND;
  for (; cycles < due; cycles++) {
    changesOf(cycles, vni, there)[0].forEach(apply);
    if (cycles >= AT_ONCE) changesOf(cycles - AT_ONCE, vni, there)[1].forEach(apply);
  }
  if (!ending.signal.aborted) setTimeout(churn, 1);
}

// The node's own container comes by a change, too, and its interface with it.
const { vtep: here } = topology.nodes[1 - other];
for (const container of containers) {
  const endpoint = { ...container, vni, vtep: here };
  vtep.apply([{ kind: ChangeKind.AddEndpoint, endpoint }]);
}
await vtep.devicesSettled();
churn();
process.stdout.write('up\n');
await vtep.run(ending.signal);
const seconds = (performance.now() - began) / MILLISECONDS;
const { egress, ingress } = vtep.counters;
const ports = [vtep.node.ports.size];
for (const container of containers) vtep.apply([{ kind: ChangeKind.RemoveEndpoint, id: container.name }]);
ports.push(vtep.node.ports.size);
await vtep.close();
pauses.sort((a, b) => a - b);
const report: ChangingVtepReport = {
  changes: pauses.length,
  seconds,
  ports,
  median: pauses[pauses.length >> 1],
  p99: pauses[Math.floor(pauses.length * 0.99)],
  longest: pauses[pauses.length - 1],
  balanced: [egress, ingress].every((way) => way.in + way.made === way.out + way.held + way.drops.total),
  drops: { ...egress.drops.byName(), ...ingress.drops.byName() },
};
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
