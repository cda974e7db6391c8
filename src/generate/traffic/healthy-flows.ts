/** The flows of a network in which nothing is wrong. */
import type { Endpoint } from '../../overlay/index.js';
import { type Exchanges, Flow } from '../flow.js';
import { innerHeaderLength } from '../lane.js';
import type { Lanes, NetworkBuilder } from '../network-builder.js';
import { TRAFFIC_KINDS, TrafficKind } from '../options.js';
import { SizeDraw } from '../sizes.js';
import { DnsExchanges, dnsAnswer, dnsQuery } from './dns-flow.js';
import { EchoExchanges } from './echo-flow.js';
import { TcpExchanges } from './tcp-flow.js';
import { UdpExchanges } from './udp-flow.js';

/** Ports that no dissector takes for something else. */
const TCP_PORT = 8000;
const UDP_PORT = 9000;
const DNS_PORT = 53;
const FIRST_UDP_CLIENT = 33_000;
const UDP_CLIENTS = 25_000;
const SECOND = 1e9;
/** IPVS and routing between namespaces take one from the TTL. */
const ROUTED_TTL = 63;
/** A name's label has at most 63 characters. */
const DOMAIN = 'internal';

/** Draws two containers of a network on different nodes. */
function pairOf(builder: NetworkBuilder, network: number): readonly [Endpoint, Endpoint] {
  const members = builder.world.members(network);
  const { random } = builder;
  const from = members[random.below(members.length)];
  const others = members.filter(({ node }) => node !== from.node);
  return [from, others[random.below(others.length)]];
}

/** The kind of each flow: in turn, as often as their shares say. */
function kindsOf(builder: NetworkBuilder): TrafficKind[] {
  const { traffic, flows } = builder.options;
  const given = TRAFFIC_KINDS.map((kind) => ({ kind, share: traffic[kind] ?? 0, credit: 0 }));
  const total = given.reduce((sum, { share }) => sum + share, 0);
  return Array.from({ length: flows }, () => {
    for (const one of given) one.credit += one.share;
    const next = given.reduce((best, one) => (one.credit > best.credit ? one : best));
    next.credit -= total;
    return next.kind;
  });
}

/** Adds the flows that the options ask for. */
export function addHealthyFlows(builder: NetworkBuilder): void {
  const { options, random, world } = builder;
  const sizes = new SizeDraw(options.sizes);
  const interval = (SECOND * options.flows) / options.rate;
  kindsOf(builder).forEach((kind, i) => {
    const network = kind === TrafficKind.Ingress ? world.ingress : i % options.networks;
    const mtu = builder.mtuOf(network);
    const start = random.below(1000) * (interval / 1000);
    const add = ({ first }: Lanes, exchanges: Exchanges): void => {
      builder.add(new Flow(first, interval, exchanges), start);
    };
    const addTcp = (lanes: Lanes): void => {
      const headers = innerHeaderLength(lanes.lanes[0]);
      const settings = { random, sizes, mtu, headers, retransmissions: options.retransmissions };
      add(lanes, new TcpExchanges(i, options.flows, settings));
    };
    switch (kind) {
      case TrafficKind.Tcp:
        addTcp(builder.tcp(...pairOf(builder, network), TCP_PORT));
        break;
      case TrafficKind.Vip:
      case TrafficKind.Ingress: {
        const [client, server] = balancedPair(builder, network, i);
        addTcp(builder.tcp(client, server, TCP_PORT, { ttl: ROUTED_TTL }, {}));
        break;
      }
      case TrafficKind.Udp: {
        const lanes = builder.udp(...pairOf(builder, network), UDP_PORT);
        const port = FIRST_UDP_CLIENT + (i % UDP_CLIENTS);
        add(lanes, new UdpExchanges(port, random, sizes, mtu, innerHeaderLength(lanes.lanes[0])));
        break;
      }
      case TrafficKind.Icmp: {
        const lanes = builder.echo(...pairOf(builder, network), i & 0xffff);
        add(lanes, new EchoExchanges(random, sizes, mtu, innerHeaderLength(lanes.lanes[0])));
        break;
      }
      case TrafficKind.Dns: {
        const server = world.members(network)[0];
        const client = clientOf(builder, network, server);
        const name = `web-${i}.${world.networks[network].name}.${DOMAIN}`;
        const answer = `10.${network >>> 8}.${network & 0xff}.${3 + (i % 200)}`;
        const query = { payload: dnsQuery(name) };
        const lanes = builder.udp(client, server, DNS_PORT, query, { payload: dnsAnswer(name, answer) });
        add(lanes, new DnsExchanges(random));
      }
    }
  });
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
    for (let node = 0; node < options.nodes; node++) world.addEndpoint(network, node, `ingress-web${node + 1}`);
  }
  const tasks = world.members(network);
  const task = tasks[turn % tasks.length];
  const node = (task.node + 1 + builder.random.below(options.nodes - 1)) % options.nodes;
  return [world.balancer(network, node), task];
}
