/**
 * Lanes: one direction of a flow. A lane's headers, from the link layer to the payload, are written once, with zeros in the
 * fields that vary; the sums of the constant words are kept, so that a packet's checksums cost a few additions (RFC 1624).
 */
import type { Node } from '../overlay/index.js';
import { ESP_HEADER_BYTES } from '../ipsec/index.js';
import {
  ETHERNET_HEADER_LEN,
  EtherType,
  ICMP_HEADER_LEN,
  IcmpType,
  Icmpv6Type,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  IpProtocol,
  onesSum,
  TCP_HEADER_LEN,
  UDP_HEADER_LEN,
  VLAN_HEADER_LEN,
  VXLAN_FLAG_I,
  VXLAN_HEADER_LEN,
} from '../wire/index.js';

/** What varies from packet to packet, apart from the outer headers. */
export const LaneKind = {
  /** Ports, sequence numbers, flags, timestamps, payload. */
  Tcp: 0,
  /** Ports, payload, a word of it. */
  Udp: 1,
  /** The sequence number, payload. */
  Icmp: 2,
  /** Nothing: the inner frame is given. */
  Frame: 3,
  /** Nothing: the whole packet is given, and isn't VXLAN. */
  Packet: 4,
} as const;
export type LaneKind = (typeof LaneKind)[keyof typeof LaneKind];

/** One end of a lane, inside. */
export interface InnerEnd {
  readonly mac: Uint8Array;
  /** 4 or 16 bytes. */
  readonly ip: Uint8Array;
}

/** What a lane's packets are like. */
export interface LaneSpec {
  readonly source: Node;
  readonly destination: Node;
  readonly kind: LaneKind;
  /** SA of each rotation, in order; empty for clear packets. */
  readonly sas: readonly number[];
  readonly vni: number;
  readonly from: InnerEnd;
  readonly to: InnerEnd;
  /** The service's port, in the direction of the client's packets the destination. */
  readonly port?: number;
  /** Whether the client is the destination. */
  readonly reply?: boolean;
  /** Whether it has the options of SYN segments. */
  readonly syn?: boolean;
  /** MSS of SYN segments in bytes. */
  readonly mss?: number;
  /** Begin of the payload, the same in all packets. */
  readonly payload?: Uint8Array;
  /** ICMP identifier. */
  readonly identifier?: number;
  /** The frame of `LaneKind.Frame`; the packet of `LaneKind.Packet`, from its IP header on. */
  readonly given?: Uint8Array;
  /** UDP port of VXLAN. */
  readonly vxlanPort: number;
  /** MTU of the way, in bytes. */
  readonly mtu: number;
  readonly vlan?: number | undefined;
  readonly innerVlan?: number | undefined;
  /** TTL of the inner header. @default 64 */
  readonly ttl?: number;
  /** Outer source address, if it isn't the node's; `translated` if its checksums still have the node's. */
  readonly outerSource?: Uint8Array;
  readonly translated?: boolean;
  /** First word of the VXLAN header. @default 0x08000000: the I flag */
  readonly vxlanFlags?: number;
  /** Whether outer packets must not be fragmented. @default false, as with Linux's vxlan */
  readonly dontFragment?: boolean;
}

/** Where its headers are in the shared template bytes, and what of a packet's checksums they make up. */
export interface Lane {
  readonly spec: LaneSpec;
  readonly kind: LaneKind;
  /** Offset of the template, and its length in bytes up to the varying payload. */
  readonly template: number;
  readonly length: number;
  readonly encrypted: boolean;
  readonly outerFamily: 4 | 6;
  readonly innerFamily: 4 | 6;
  /** Offsets in the packet. */
  readonly outerIp: number;
  readonly udp: number;
  readonly innerIp: number;
  readonly l4: number;
  /** Offset of the client's port. */
  readonly clientPort: number;
  /** Offset of the word that varies (ICMP sequence number, DNS id), or 0. */
  readonly word: number;
  /** Offset of TCP's timestamps, or 0. */
  readonly timestamps: number;
  /** TCP data offset, in its place in the header's word of flags. */
  readonly dataOffset: number;
  /** Whether the transport's checksum covers a pseudo-header. */
  readonly pseudo: boolean;
  /** Sums of constant words. */
  readonly outerIpSum: number;
  readonly outerSum: number;
  readonly innerIpSum: number;
  readonly pseudoSum: number;
  readonly l4Sum: number;
  /** Identifies the pair of nodes for outer IP identifications. */
  readonly tunnel: number;
  readonly mtu: number;
  /** SA of each rotation; empty for clear packets. */
  readonly sas: Int32Array;
}

/** An outer or inner DF flag in its place. */
const DONT_FRAGMENT = 0x4000;
const TTL = 64;
const WINDOW = 502;
const SYN_OPTIONS = 20;
const DATA_OPTIONS = 12;

/** Writes headers one after the other. */
class HeaderWriter {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.bytes.buffer);
  }

  u8(...values: number[]): void {
    for (const value of values) this.#view.setUint8(this.at++, value);
  }

  u16(...values: number[]): void {
    for (const value of values) {
      this.#view.setUint16(this.at, value);
      this.at += 2;
    }
  }

  u32(value: number): void {
    this.#view.setInt32(this.at, value);
    this.at += 4;
  }

  put(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  skip(count: number): void {
    this.at += count;
  }

  ethernet(destination: Uint8Array, source: Uint8Array, vlan: number | undefined, type: number): void {
    this.put(destination);
    this.put(source);
    if (vlan !== undefined) this.u16(EtherType.Vlan, vlan);
    this.u16(type);
  }

  ip(source: Uint8Array, destination: Uint8Array, protocol: number, ttl: number, fragment: number): void {
    if (source.length === 4) {
      this.u16(0x4500, 0, 0, fragment);
      this.u8(ttl, protocol);
      this.u16(0);
    } else {
      this.u32(0x60000000);
      this.u16(0);
      this.u8(protocol, ttl);
    }
    this.put(source);
    this.put(destination);
  }
}

const HEADERS = 256;
const etherTypeOf = (address: Uint8Array): number => (address.length === 4 ? EtherType.Ipv4 : EtherType.Ipv6);
const familyOf = (address: Uint8Array): 4 | 6 => (address.length === 4 ? 4 : 6);
const ipLength = (family: 4 | 6): number => (family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN);

/** The inner protocol of a lane; 0 if it has none. */
function protocolOf({ kind, from }: LaneSpec): number {
  if (kind === LaneKind.Tcp) return IpProtocol.Tcp;
  if (kind === LaneKind.Udp) return IpProtocol.Udp;
  return from.ip.length === 4 ? IpProtocol.Icmp : IpProtocol.Icmpv6;
}

/** Writes the transport header and the constant begin of the payload. */
function writeTransport(writer: HeaderWriter, spec: LaneSpec): void {
  const { kind, reply = false, port = 0, syn = false, mss = 0, identifier = 0, payload } = spec;
  const source = reply ? port : 0;
  const destination = reply ? 0 : port;
  if (kind === LaneKind.Tcp) {
    const options = syn ? SYN_OPTIONS : DATA_OPTIONS;
    writer.u16(source, destination);
    writer.skip(8);
    writer.u16(((TCP_HEADER_LEN + options) / 4) << 12, syn ? 64_240 : WINDOW, 0, 0);
    // MSS, SACK permitted, timestamps, window scale; or two NOPs and timestamps.
    if (syn) {
      writer.u8(2, 4);
      writer.u16(mss);
      writer.u8(4, 2, 8, 10);
      writer.skip(8);
      writer.u8(1, 3, 3, 7);
    } else {
      writer.u8(1, 1, 8, 10);
      writer.skip(8);
    }
  } else if (kind === LaneKind.Udp) {
    writer.u16(source, destination, 0, 0);
  } else {
    const [request, answer] =
      spec.from.ip.length === 4
        ? [IcmpType.EchoRequest, IcmpType.EchoReply]
        : [Icmpv6Type.EchoRequest, Icmpv6Type.EchoReply];
    writer.u8(reply ? answer : request, 0);
    writer.u16(0, identifier, 0);
  }
  if (payload !== undefined) writer.put(payload);
}

/** The templates of all lanes, in one array. */
export class LaneTable {
  readonly lanes: Lane[] = [];
  #bytes = new Uint8Array(1 << 16);
  #length = 0;
  readonly #tunnels = new Map<string, number>();

  /** Number of pairs of nodes. */
  get tunnels(): number {
    return this.#tunnels.size;
  }

  /** The templates. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Adds a lane. */
  add(spec: LaneSpec): Lane {
    const { source, destination, kind } = spec;
    const writer = new HeaderWriter(HEADERS + (spec.given?.length ?? 0) + (spec.payload?.length ?? 0));
    const outerSource = spec.outerSource ?? source.vtep;
    const outerFamily = familyOf(outerSource);
    const encrypted = spec.sas.length > 0;
    const none = new Uint8Array(6);
    writer.ethernet(destination.mac ?? none, source.mac ?? none, spec.vlan, etherTypeOf(outerSource));
    const outerIp = writer.at;
    const headers =
      kind === LaneKind.Packet
        ? { ...EMPTY, outerIp, outerFamily }
        : { ...this.#vxlan(writer, spec, outerSource, outerIp, encrypted), outerFamily };
    if (kind === LaneKind.Packet && spec.given !== undefined) writer.put(spec.given);
    const tunnel = this.#tunnelOf(source, destination);
    const made = laneOf(spec, headers, this.#keep(writer), writer.at, encrypted, tunnel);
    this.lanes.push(made);
    return made;
  }

  #vxlan(writer: HeaderWriter, spec: LaneSpec, outerSource: Uint8Array, outerIp: number, encrypted: boolean): Headers {
    const { source, destination, vxlanPort, vni } = spec;
    const fragment = spec.dontFragment === true ? DONT_FRAGMENT : 0;
    const { bytes } = writer;
    writer.ip(outerSource, destination.vtep, encrypted ? IpProtocol.Esp : IpProtocol.Udp, TTL, fragment);
    const outerIpSum = outerSource.length === 4 ? onesSum(bytes, outerIp, writer.at) : 0;
    if (encrypted) writer.skip(ESP_HEADER_BYTES);
    const udp = writer.at;
    writer.u16(0, vxlanPort, 0, 0);
    writer.u32(spec.vxlanFlags ?? VXLAN_FLAG_I << 24);
    writer.u32(vni << 8);
    const inner = udp + UDP_HEADER_LEN + VXLAN_HEADER_LEN;
    const rest = this.#inner(writer, spec, inner);
    // The address before a translation on the way is the one that the sender computed the checksum with.
    const summed = spec.translated === true ? source.vtep : outerSource;
    const pseudo = onesSum(summed, 0, summed.length) + onesSum(destination.vtep, 0, destination.vtep.length);
    // A correct IPv4 header sums up to zero; of everything else, the constant words count.
    const constant = spec.kind === LaneKind.Frame || rest.innerFamily === 6 ? rest.l4 || writer.at : rest.innerIp;
    const outerSum = pseudo + IpProtocol.Udp + onesSum(bytes, udp, constant);
    return { ...rest, outerIp, outerFamily: 4, udp, outerIpSum, outerSum };
  }

  #inner(
    writer: HeaderWriter,
    spec: LaneSpec,
    inner: number,
  ): Omit<Headers, 'outerIp' | 'udp' | 'outerIpSum' | 'outerSum'> {
    const { from, to, kind, innerVlan, given, reply = false, syn = false, ttl = TTL } = spec;
    if (kind === LaneKind.Frame) {
      if (given !== undefined) writer.put(given);
      return { ...EMPTY, outerFamily: 4 };
    }
    const { bytes } = writer;
    const innerFamily = familyOf(from.ip);
    writer.ethernet(to.mac, from.mac, innerVlan, etherTypeOf(from.ip));
    const innerIp = inner + ETHERNET_HEADER_LEN + (innerVlan === undefined ? 0 : VLAN_HEADER_LEN);
    const protocol = protocolOf(spec);
    writer.ip(from.ip, to.ip, protocol, ttl, DONT_FRAGMENT);
    const l4 = innerIp + ipLength(innerFamily);
    writeTransport(writer, spec);
    const pseudo = protocol !== IpProtocol.Icmp;
    const addresses = onesSum(from.ip, 0, from.ip.length) + onesSum(to.ip, 0, to.ip.length);
    const options = syn ? 28 : 24;
    return {
      ...EMPTY,
      innerFamily,
      innerIp,
      l4,
      pseudo,
      clientPort: kind === LaneKind.Icmp ? 0 : l4 + (reply ? 2 : 0),
      word: kind === LaneKind.Icmp ? l4 + 6 : spec.payload === undefined ? 0 : l4 + UDP_HEADER_LEN,
      timestamps: kind === LaneKind.Tcp ? l4 + options : 0,
      dataOffset: kind === LaneKind.Tcp ? ((TCP_HEADER_LEN + (syn ? SYN_OPTIONS : DATA_OPTIONS)) / 4) << 12 : 0,
      innerIpSum: innerFamily === 4 ? onesSum(bytes, innerIp, l4) : 0,
      pseudoSum: pseudo ? addresses + protocol : 0,
      l4Sum: onesSum(bytes, l4, writer.at),
    };
  }

  #keep(writer: HeaderWriter): number {
    const at = this.#length;
    // Word-aligned, and with room for a copy of whole words.
    this.#length = (at + writer.at + 7) & ~3;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#length);
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
    }
    this.#bytes.set(writer.bytes.subarray(0, writer.at), at);
    return at;
  }

  #tunnelOf(source: Node, destination: Node): number {
    const key = `${source.name} ${destination.name}`;
    const found = this.#tunnels.get(key) ?? this.#tunnels.size;
    this.#tunnels.set(key, found);
    return found;
  }
}

type Headers = Omit<Lane, 'spec' | 'kind' | 'template' | 'length' | 'encrypted' | 'tunnel' | 'mtu' | 'sas'>;

const EMPTY: Headers = {
  outerFamily: 4,
  innerFamily: 4,
  outerIp: 0,
  udp: 0,
  innerIp: 0,
  l4: 0,
  clientPort: 0,
  word: 0,
  timestamps: 0,
  dataOffset: 0,
  pseudo: false,
  outerIpSum: 0,
  outerSum: 0,
  innerIpSum: 0,
  pseudoSum: 0,
  l4Sum: 0,
};

/** One literal for all lanes, so that all have the same shape. */
function laneOf(
  spec: LaneSpec,
  headers: Headers,
  template: number,
  length: number,
  encrypted: boolean,
  tunnel: number,
): Lane {
  return {
    spec,
    kind: spec.kind,
    template,
    length,
    encrypted,
    outerFamily: headers.outerFamily,
    innerFamily: headers.innerFamily,
    outerIp: headers.outerIp,
    udp: headers.udp,
    innerIp: headers.innerIp,
    l4: headers.l4,
    clientPort: headers.clientPort,
    word: headers.word,
    timestamps: headers.timestamps,
    dataOffset: headers.dataOffset,
    pseudo: headers.pseudo,
    outerIpSum: headers.outerIpSum,
    outerSum: headers.outerSum,
    innerIpSum: headers.innerIpSum,
    pseudoSum: headers.pseudoSum,
    l4Sum: headers.l4Sum,
    tunnel,
    mtu: spec.mtu,
    sas: Int32Array.from(spec.sas),
  };
}

/** Bytes of an inner IP packet without its varying payload. */
export function innerHeaderLength(lane: Lane): number {
  return lane.length - lane.innerIp;
}

/** Bytes of a lane's IP header. */
export function outerIpLength(lane: Lane): number {
  return ipLength(lane.outerFamily);
}

/** Bytes before the transport's payload of ICMP echo. */
export const ECHO_HEADER = ICMP_HEADER_LEN;
