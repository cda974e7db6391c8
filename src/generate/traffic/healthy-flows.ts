/** The flows of a network in which nothing is wrong. */
import type { Endpoint } from '../../overlay/index.js';
import { GenerateError } from '../error.js';
import { type Exchanges, Flow } from '../flow.js';
import { innerHeaderLength } from '../lane.js';
import type { Lanes, NetworkBuilder } from '../network-builder.js';
import { TRAFFIC_KINDS, TrafficKind } from '../options.js';
import { SizeDraw } from '../sizes.js';
import { ClientPorts, MAX_CONNECTIONS } from './client-ports.js';
import { DnsExchanges, dnsAnswer, dnsQuery } from './dns-flow.js';
import { EchoExchanges } from './echo-flow.js';
import { SMALLEST_CONNECTION, TcpExchanges, type TcpSettings } from './tcp-flow.js';
import { UdpExchanges } from './udp-flow.js';

/** Ports that no dissector takes for something else; of TCP, every hundredth from there on, too. */
const TCP_PORT = 8000;
const TCP_PORT_STEP = 100;
const UDP_PORT = 9000;
const DNS_PORT = 53;
const FIRST_UDP_CLIENT = 33_000;
const UDP_CLIENTS = 25_000;
const SECOND = 1e9;
/** IPVS and routing between namespaces take one from the TTL. */
const ROUTED_TTL = 63;
/** A name's label has at most 63 characters. */
const DOMAIN = 'internal';
/** Names that are asked for, of each network. */
const NAMES = 200;
/** Packets of a request and its answer. */
const PAIR = 2;
/** Tasks of the service with published ports: ingress has addresses for no more of them and the balancers. */
const INGRESS_TASKS = 120;

/** Draws two containers of a network on different nodes. */
function pairOf(builder: NetworkBuilder, network: number): readonly [Endpoint, Endpoint] {
  const members = builder.world.members(network);
  const { random } = builder;
  const from = members[random.below(members.length)];
  const others = members.filter(({ node }) => node !== from.node);
  return [from, others[random.below(others.length)]];
}

/** The kind of each flow: in turn, as often as their shares say. Flows for which there aren't packets enough are left out. */
function kindsOf({ options }: NetworkBuilder): TrafficKind[] {
  const { traffic, flows, packets, faults } = options;
  const given = TRAFFIC_KINDS.map((kind) => ({ kind, share: traffic[kind] ?? 0, credit: 0 }));
  const total = given.reduce((sum, { share }) => sum + share, 0);
  const kinds: TrafficKind[] = [];
  let left = packets;
  for (let i = 0; i < flows && left >= PAIR; i++) {
    for (const one of given) one.credit += one.share;
    const next = given.reduce((best, one) => (one.credit > best.credit ? one : best));
    next.credit -= total;
    const smallest = smallestOf(next.kind);
    if (smallest > left) continue;
    left -= smallest;
    kinds.push(next.kind);
  }
  if (kinds.length === 0 && faults.length === 0) {
    const smallest = given.reduce(
      (least, { kind, share }) => (share > 0 ? Math.min(least, smallestOf(kind)) : least),
      9,
    );
    throw new GenerateError('BAD_OPTION', `${packets} packets are too few: this traffic takes at least ${smallest}`);
  }
  return kinds;
}

/** Packets of the smallest exchange of a kind. */
function smallestOf(kind: TrafficKind): number {
  const isConnection = kind === TrafficKind.Tcp || kind === TrafficKind.Vip || kind === TrafficKind.Ingress;
  return isConnection ? SMALLEST_CONNECTION : PAIR;
}

/** Adds the flows that the options ask for. */
export function addHealthyFlows(builder: NetworkBuilder): void {
  new HealthyFlows(builder, kindsOf(builder)).add();
}

/** Connections between two containers: how many flows have them, and their clients' ports by the server's port. */
interface Conversations {
  flows: number;
  readonly ports: ClientPorts[];
}

/** Adds flows; those between the same two containers share lanes, unless their payload says whose they are. */
class HealthyFlows {
  readonly #builder: NetworkBuilder;
  readonly #kinds: readonly TrafficKind[];
  readonly #sizes: SizeDraw;
  /** Mean time between packets of a flow, in nanoseconds. */
  readonly #interval: number;
  readonly #lanes = new Map<string, Lanes>();
  readonly #conversations = new Map<string, Conversations>();
  readonly #settings = new Map<number, TcpSettings>();

  constructor(builder: NetworkBuilder, kinds: readonly TrafficKind[]) {
    this.#builder = builder;
    this.#kinds = kinds;
    this.#sizes = new SizeDraw(builder.options.sizes);
    this.#interval = (SECOND * kinds.length) / builder.options.rate;
  }

  add(): void {
    const { options, world } = this.#builder;
    this.#kinds.forEach((kind, i) => {
      this.#addFlow(kind, kind === TrafficKind.Ingress ? world.ingress : i % options.networks, i);
    });
    this.#builder.beginAtOnce();
  }

  #addFlow(kind: TrafficKind, network: number, i: number): void {
    const builder = this.#builder;
    const { random } = builder;
    const sizes = this.#sizes;
    const mtu = builder.mtuOf(network);
    switch (kind) {
      case TrafficKind.Tcp:
        this.#addTcp(...pairOf(builder, network), true, i);
        break;
      case TrafficKind.Vip:
      case TrafficKind.Ingress:
        this.#addTcp(...balancedPair(builder, network, i), false, i);
        break;
      case TrafficKind.Udp: {
        const [client, server] = pairOf(builder, network);
        const lanes = this.#shared(`udp ${client.name} ${server.name}`, () => builder.udp(client, server, UDP_PORT));
        const port = FIRST_UDP_CLIENT + (i % UDP_CLIENTS);
        this.#addExchanges(lanes, new UdpExchanges(port, random, sizes, mtu, innerHeaderLength(lanes.lanes[0])));
        break;
      }
      case TrafficKind.Icmp: {
        const lanes = builder.echo(...pairOf(builder, network), i & 0xffff);
        this.#addExchanges(lanes, new EchoExchanges(random, sizes, mtu, innerHeaderLength(lanes.lanes[0])));
        break;
      }
      case TrafficKind.Dns:
        this.#addExchanges(this.#dns(network, i % NAMES), new DnsExchanges(random));
    }
  }

  /** Adds a flow that begins at any time within its first exchange's share of the capture. */
  #addExchanges({ first }: Lanes, exchanges: Exchanges, packets = PAIR): void {
    const { options, random } = this.#builder;
    const latest = Math.min(packets * this.#interval, options.duration * SECOND);
    this.#builder.add(new Flow(first, this.#interval, exchanges), (random.word() / 2 ** 32) * latest);
  }

  #addTcp(client: Endpoint, server: Endpoint, direct: boolean, turn: number): void {
    const builder = this.#builder;
    const pair = `${client.name} ${server.name}`;
    let known = this.#conversations.get(pair);
    if (known === undefined) {
      known = { flows: 0, ports: [] };
      this.#conversations.set(pair, known);
    }
    const step = Math.floor(known.flows++ / MAX_CONNECTIONS);
    if (step === known.ports.length) known.ports.push(new ClientPorts(turn));
    const port = TCP_PORT + step * TCP_PORT_STEP;
    const lanes = this.#shared(`tcp ${pair} ${port}`, () =>
      direct ? builder.tcp(client, server, port) : builder.tcp(client, server, port, { ttl: ROUTED_TTL }, {}),
    );
    const exchanges = new TcpExchanges(known.ports[step], this.#settingsOf(client.network, lanes));
    this.#addExchanges(lanes, exchanges, SMALLEST_CONNECTION);
  }

  #settingsOf(network: number, { lanes }: Lanes): TcpSettings {
    let found = this.#settings.get(network);
    if (found === undefined) {
      const { random, options } = this.#builder;
      const { retransmissions } = options;
      const mtu = this.#builder.mtuOf(network);
      found = { random, sizes: this.#sizes, mtu, headers: innerHeaderLength(lanes[0]), retransmissions };
      this.#settings.set(network, found);
    }
    return found;
  }

  /** Queries to a network's first container, and answers. */
  #dns(network: number, number: number): Lanes {
    const builder = this.#builder;
    const { world } = builder;
    const members = world.members(network);
    const [server] = members;
    const client = clientOf(builder, network, server);
    const { name: networkName } = world.networks[network];
    return this.#shared(`dns ${client.name} ${number}`, () => {
      const name = `web-${number}.${networkName}.${DOMAIN}`;
      const address = members[number % members.length].ip ?? new Uint8Array(4);
      const query = { payload: dnsQuery(name, address) };
      return builder.udp(client, server, DNS_PORT, query, { payload: dnsAnswer(name, address) });
    });
  }

  #shared(key: string, make: () => Lanes): Lanes {
    let found = this.#lanes.get(key);
    if (found === undefined) {
      found = make();
      this.#lanes.set(key, found);
    }
    return found;
  }
}

/** A container on another node than the server. */
function clientOf(builder: NetworkBuilder, network: number, server: Endpoint): Endpoint {
  const others = builder.world.members(network).filter(({ node }) => node !== server.node);
  return others[builder.random.below(others.length)];
}

/** A load balancer, and a task of its service on another node: tasks take turns. */
function balancedPair(builder: NetworkBuilder, network: number, turn: number): readonly [Endpoint, Endpoint] {
  const { world, options } = builder;
  if (world.members(network).length === 0) {
    // Ingress has an address of each task of a service with published ports.
    const tasks = Math.min(options.nodes, INGRESS_TASKS);
    for (let node = 0; node < tasks; node++) world.addEndpoint(network, node, `ingress-web${node + 1}`);
  }
  const tasks = world.members(network);
  const task = tasks[turn % tasks.length];
  const node = (task.node + 1 + builder.random.below(options.nodes - 1)) % options.nodes;
  return [world.balancer(network, node, task.node), task];
}
