/**
 * Lanes: one direction of a flow. A lane's headers, from the link layer to the payload, are written once, with zeros in the
 * fields that vary; the sums of the constant words are kept, so that a packet's checksums cost a few additions (RFC 1624).
 */
import type { Node } from '../overlay/index.js';
import { ESP_HEADER_BYTES } from '../ipsec/index.js';
import {
  ETHERNET_HEADER_LEN,
  EtherType,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  IpProtocol,
  onesSum,
  UDP_HEADER_LEN,
  VLAN_HEADER_LEN,
  VXLAN_FLAG_I,
  VXLAN_HEADER_LEN,
} from '../wire/index.js';
import { HeaderWriter, protocolOf, tcpHeaderLength, writeTransport } from './header-writer.js';
import { LaneKind, type LaneSpec } from './lane-spec.js';

/** Where its headers are in the shared template bytes, and what of a packet's checksums they make up. */
export interface Lane {
  readonly source: Node;
  readonly destination: Node;
  readonly vni: number;
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

const NO_MAC = new Uint8Array(6);
const etherTypeOf = (address: Uint8Array): number => (address.length === 4 ? EtherType.Ipv4 : EtherType.Ipv6);
const familyOf = (address: Uint8Array): 4 | 6 => (address.length === 4 ? 4 : 6);
const ipLength = (family: 4 | 6): number => (family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN);

/** The templates of all lanes, in one array. */
export class LaneTable {
  readonly lanes: Lane[] = [];
  #bytes = new Uint8Array(1 << 16);
  #length = 0;
  readonly #writer = new HeaderWriter();
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
    const writer = this.#writer;
    writer.clear();
    const outerSource = spec.outerSource ?? source.vtep;
    const outerFamily = familyOf(outerSource);
    const encrypted = spec.sas.length > 0;
    writer.ethernet(destination.mac ?? NO_MAC, source.mac ?? NO_MAC, spec.vlan, etherTypeOf(outerSource));
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
      dataOffset: kind === LaneKind.Tcp ? (tcpHeaderLength(syn) / 4) << 12 : 0,
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

type Headers = Omit<
  Lane,
  'source' | 'destination' | 'vni' | 'kind' | 'template' | 'length' | 'encrypted' | 'tunnel' | 'mtu' | 'sas'
>;

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
    source: spec.source,
    destination: spec.destination,
    vni: spec.vni,
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
