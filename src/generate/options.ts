/** What is to be generated. */
import { Profile } from '../overlay/index.js';
import { inQuotes } from '../text/plain-text.js';
import { didYouMean } from '../text/suggestion.js';
import { VXLAN_PORT } from '../wire/index.js';
import { GenerateError } from './error.js';
import { IMIX, type SizeShare } from './sizes.js';

/** Kinds of traffic. */
export const TrafficKind = {
  /** Connections with handshake, requests, answers of up to 16 segments, and close. */
  Tcp: 'tcp',
  /** Requests and answers, whose sizes are drawn from `sizes`. */
  Udp: 'udp',
  /** Echo requests and replies. */
  Icmp: 'icmp',
  /** Queries and answers, of a container that runs a name server. */
  Dns: 'dns',
  /** TCP to a service: balanced by IPVS, so from the load balancer of the client's node to a task. */
  Vip: 'vip',
  /** TCP from outside: from the ingress sandbox of the node that took it to a task, in VNI 4096. */
  Ingress: 'ingress',
} as const;
export type TrafficKind = (typeof TrafficKind)[keyof typeof TrafficKind];

/** All kinds of traffic. */
export const TRAFFIC_KINDS: readonly TrafficKind[] = Object.values(TrafficKind);

/** How often the underlay damages a packet: probabilities from 0 to 1. The endpoints don't react to it. */
export interface Impairments {
  /** The packet is missing from the capture. */
  readonly loss?: number;
  /** It comes three packets later. */
  readonly reorder?: number;
  /** It is duplicated, one copy after the other. */
  readonly duplicates?: number;
  /** A bit of the ICV is flipped; of clear packets, one of the payload. */
  readonly badIcv?: number;
  /** It comes again, 100 packets later. */
  readonly replays?: number;
  /** The capture has only its first 96 bytes. */
  readonly truncation?: number;
}

/** Options of generated traffic. */
export interface GenerateOptions {
  /**
   * The same seed and options give the same bytes.
   * @default 1
   */
  readonly seed?: number;
  /** @default 2 */
  readonly nodes?: number;
  /** Overlay networks, beside ingress. @default 1 */
  readonly networks?: number;
  /** Containers per network. @default twice as many as nodes, at most 200 */
  readonly endpoints?: number;
  /** @default 20 */
  readonly flows?: number;
  /** Kinds of traffic with their shares of the flows. @default tcp, udp, icmp and dns in equal shares */
  readonly traffic?: Readonly<Partial<Record<TrafficKind, number>>>;
  /** Sizes of inner IP packets, for UDP, ICMP and requests over TCP. @default IMIX */
  readonly sizes?: readonly SizeShare[];
  /** Whether all networks are encrypted. @default false */
  readonly encrypted?: boolean;
  /** @default 'swarm' */
  readonly profile?: Profile;
  /** How often the keys rotate during the capture. @default 0 */
  readonly rotations?: number;
  /** Whether containers have IPv6 addresses instead of IPv4. @default false */
  readonly ipv6?: boolean;
  /** Whether nodes have IPv6 addresses instead of IPv4. @default false */
  readonly underlayIpv6?: boolean;
  /** VLAN id of the underlay. @default none */
  readonly vlan?: number;
  /** VLAN id of the inner frames. @default none */
  readonly innerVlan?: number;
  /** UDP port of VXLAN. @default 4789 */
  readonly port?: number;
  /** MTU of the underlay in bytes; larger packets are fragmented. @default 1500 */
  readonly mtu?: number;
  /** MTU of the containers in bytes, at least 128; of IPv6, 1280. @default what fits into `mtu` */
  readonly innerMtu?: number;
  /** Packets, at most, before fragmentation, faults and impairments. @default `rate` times `duration` */
  readonly packets?: number;
  /** Packets per second. @default 1000, or `packets` in `duration` */
  readonly rate?: number;
  /** Seconds. @default 10, or `packets` at `rate` */
  readonly duration?: number;
  /** No new exchange begins once the capture has this many bytes. @default none */
  readonly bytes?: number;
  /** Time of the first packet, in seconds since 1970. @default 1767225600: 2026-01-01T00:00:00Z */
  readonly start?: number;
  /** Probability that a burst of TCP segments loses one, which is retransmitted. @default 0 */
  readonly retransmissions?: number;
  /** @default none */
  readonly impairments?: Impairments;
  /** Bytes that are captured of each packet. @default 262144 */
  readonly snaplen?: number;
  /** Names of faults. @default none */
  readonly faults?: readonly string[];
  /** The node whose packets are captured, sent and received. @default all */
  readonly seenBy?: string;
  /** @default 'pcap', with nanoseconds */
  readonly format?: 'pcap' | 'pcapng';
}

/** Options with all defaults filled in. */
export interface CheckedOptions extends Required<
  Omit<GenerateOptions, 'vlan' | 'innerVlan' | 'innerMtu' | 'seenBy' | 'duration' | 'impairments'>
> {
  /** Seconds; infinite if a number of bytes alone is the amount. */
  readonly duration: number;
  readonly vlan: number | undefined;
  readonly innerVlan: number | undefined;
  readonly innerMtu: number | undefined;
  readonly seenBy: string | undefined;
  readonly impairments: Required<Impairments>;
}

const DEFAULT_RATE = 1000;
const DEFAULT_DURATION = 10;
const DEFAULT_START = 1_767_225_600;
const MAX_PACKETS = 1e12;
/** From the latest start on, times still fit into pcap's 32 bits of seconds. */
const MAX_SECONDS = 290_000_000;
const MAX_SNAPLEN = 262_144;
const MIN_SNAPLEN = 16;
const ENDPOINTS = 200;
/** Swarm's overlays have VNIs from 4096 on; beyond this number of networks the subnets would leave 10.0.0.0/8. */
const MAX_NETWORKS = 4000;
const MIN_MTU = 576;
/** The smallest MTU of a link with IPv6 (RFC 8200 section 5). */
export const MIN_MTU_IPV6 = 1280;
/** Containers' packets of DNS aren't fragmented. */
const MIN_INNER_MTU = 128;

function inRange(name: string, value: number, lowest: number, highest: number, integer = true): number {
  if (value >= lowest && value <= highest && (!integer || Number.isInteger(value))) return value;
  const kind = integer ? 'an integer' : 'a number';
  throw new GenerateError('BAD_OPTION', `${name} must be ${kind} from ${lowest} to ${highest}, not ${value}`);
}

/** The amount of traffic, of which two of packets, rate and duration are enough. */
function amountOf({
  packets,
  rate,
  duration,
  bytes,
}: GenerateOptions): Pick<CheckedOptions, 'packets' | 'rate' | 'duration'> {
  if (packets !== undefined && rate !== undefined && duration !== undefined) {
    throw new GenerateError('BAD_OPTION', 'packets, rate and duration: the third follows from the other two');
  }
  if (duration !== undefined) inRange('duration', duration, 0.001, 1e9, false);
  const perSecond = rate ?? (packets !== undefined && duration !== undefined ? packets / duration : DEFAULT_RATE);
  inRange('rate', perSecond, 1e-3, 1e9, false);
  // A size alone is the amount.
  const unlimited = bytes !== undefined && duration === undefined && packets === undefined;
  const count =
    packets ?? (unlimited ? MAX_PACKETS : Math.max(1, Math.round(perSecond * (duration ?? DEFAULT_DURATION))));
  inRange('packets', count, 1, MAX_PACKETS);
  if (unlimited) return { packets: count, rate: perSecond, duration: Number.POSITIVE_INFINITY };
  if (count / perSecond > MAX_SECONDS) {
    throw new GenerateError('BAD_OPTION', `${count} packets at ${perSecond} per second take more than 9 years`);
  }
  return { packets: count, rate: perSecond, duration: count / perSecond };
}

function checkTraffic(traffic: GenerateOptions['traffic']): Readonly<Partial<Record<TrafficKind, number>>> {
  const given = traffic ?? { tcp: 1, udp: 1, icmp: 1, dns: 1 };
  for (const [name, weight] of Object.entries(given)) {
    if (!(TRAFFIC_KINDS as readonly string[]).includes(name)) {
      const hint = didYouMean(name, TRAFFIC_KINDS);
      throw new GenerateError('UNKNOWN_NAME', `no traffic is called ${inQuotes(name)}${hint}`);
    }
    inRange(`the share of ${name}`, weight, 0, 1000);
  }
  if (Object.values(given).every((weight) => weight === 0)) throw new GenerateError('BAD_OPTION', 'no traffic');
  return given;
}

function checkImpairments(given: Impairments = {}): Required<Impairments> {
  const { loss = 0, reorder = 0, duplicates = 0, badIcv = 0, replays = 0, truncation = 0 } = given;
  const all = { loss, reorder, duplicates, badIcv, replays, truncation };
  for (const [name, value] of Object.entries(all)) inRange(name, value, 0, 1, false);
  return all;
}

function checkRetransmissions({ retransmissions = 0, traffic = { tcp: 1 } }: GenerateOptions): void {
  const { tcp = 0, vip = 0, ingress = 0 } = traffic;
  if (retransmissions > 0 && tcp + vip + ingress === 0) {
    throw new GenerateError('BAD_OPTION', 'retransmissions need traffic of TCP: tcp, vip or ingress');
  }
}

/**
 * Checks options and fills in defaults.
 * @throws GenerateError `BAD_OPTION`, `UNKNOWN_NAME`
 */
export function checkOptions(options: GenerateOptions): CheckedOptions {
  const { nodes = 2, networks = 1, port = VXLAN_PORT, mtu = 1500, innerMtu, vlan, innerVlan, seenBy } = options;
  inRange('nodes', nodes, 2, 1000);
  const endpoints = options.endpoints ?? Math.min(2 * nodes, ENDPOINTS);
  const lowestMtu = options.underlayIpv6 === true ? MIN_MTU_IPV6 : MIN_MTU;
  for (const [name, id] of Object.entries({ vlan, innerVlan })) if (id !== undefined) inRange(name, id, 1, 4094);
  if (innerMtu !== undefined) inRange('innerMtu', innerMtu, MIN_INNER_MTU, 65_000);
  checkRetransmissions(options);
  return {
    seed: inRange('seed', options.seed ?? 1, 0, 0xffffffff),
    nodes,
    networks: inRange('networks', networks, 1, MAX_NETWORKS),
    endpoints: inRange('endpoints', endpoints, 2, ENDPOINTS),
    flows: inRange('flows', options.flows ?? 20, 1, 100_000),
    traffic: checkTraffic(options.traffic),
    sizes: options.sizes ?? IMIX,
    encrypted: options.encrypted ?? false,
    profile: options.profile ?? Profile.Swarm,
    rotations: inRange('rotations', options.rotations ?? 0, 0, 60),
    ipv6: options.ipv6 ?? false,
    underlayIpv6: options.underlayIpv6 ?? false,
    vlan,
    innerVlan,
    port: inRange('port', port, 1, 65_535),
    mtu: inRange('mtu', mtu, lowestMtu, 65_535),
    innerMtu,
    ...amountOf(options),
    bytes: inRange('bytes', options.bytes ?? Number.MAX_SAFE_INTEGER, 1, Number.MAX_SAFE_INTEGER),
    start: inRange('start', options.start ?? DEFAULT_START, 0, 4_000_000_000),
    retransmissions: inRange('retransmissions', options.retransmissions ?? 0, 0, 1, false),
    impairments: checkImpairments(options.impairments),
    snaplen: inRange('snaplen', options.snaplen ?? MAX_SNAPLEN, MIN_SNAPLEN, MAX_SNAPLEN),
    faults: [...new Set(options.faults ?? [])],
    seenBy,
    format: options.format ?? 'pcap',
  };
}
