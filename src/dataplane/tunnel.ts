/**
 * The outer headers from one VTEP to another: IP, UDP and VXLAN (RFC 7348 section 5), written in front of each frame
 * word by word. The constant fields' share of the UDP checksum is computed once.
 */
import { getWord, viewOf } from '../memory/internal.js';
import {
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  IpProtocol,
  ipv6Layout,
  onesSum,
  UDP_HEADER_LEN,
  VXLAN_FLAG_I,
  VXLAN_HEADER_LEN,
  writeIpv4,
  writeIpv6,
} from '../wire/index.js';
import { LINUX_PORTS, type PortRange, scalePort } from './flow-hash.js';

/** Options of outer headers. */
export interface TunnelOptions {
  /** UDP port of VXLAN. */
  readonly port: number;
  /**
   * UDP source ports.
   * @default LINUX_PORTS
   */
  readonly ports?: PortRange;
  /**
   * Whether to compute the UDP checksum over IPv4. Over IPv6 it is always computed.
   * @default true, as the kernel does for Docker
   */
  readonly udpChecksum?: boolean;
  /**
   * TTL or hop limit. `inherit` copies the inner packet's.
   * @default 64
   */
  readonly ttl?: number | 'inherit';
  /**
   * DSCP, 0 to 63. `inherit` copies the inner packet's. ECN is copied from the inner packet, except that CE becomes
   * ECT(0): the full-functionality option of RFC 3168 section 9.1.1, as in the kernel, not RFC 6040's normal mode,
   * which copies CE.
   * @default 0
   */
  readonly dscp?: number | 'inherit';
}

const DEFAULT_TTL = 64;
const INHERIT = -1;
const ECN_MASK = 3;
const ECN_CE = 3;
const ECN_ECT0 = 2;
const IPV6_SOURCE = ipv6Layout.offsetOf('source');
const VXLAN_FLAGS = VXLAN_FLAG_I << 24;
const WORD = 4;
/** Length fields of IPv4, IPv6 and UDP have 16 bits. */
const MAX_LENGTH = 0xffff;

function putVxlan(view: DataView, at: number, vni: number): void {
  view.setInt32(at, VXLAN_FLAGS);
  view.setInt32(at + 4, vni << 8);
}

/** The tunnel to one VTEP. */
export class Tunnel {
  /** 4 or 6. */
  readonly family: 4 | 6;
  /** Length of the outer headers, IP to VXLAN, in bytes. */
  readonly headerLength: number;
  /** Source and destination address as words in network order. */
  readonly #addresses: Int32Array;
  readonly #udpSpan: number;
  readonly #port: number;
  readonly #lowestPort: number;
  readonly #ports: number;
  readonly #udpChecksum: boolean;
  readonly #ttl: number;
  readonly #dscp: number;
  /** Sum of the constant fields of the pseudo-header and of the UDP and VXLAN headers. */
  readonly #pseudoSum: number;

  /**
   * @param source VTEP address of this node, 4 or 16 bytes
   * @param destination VTEP address of the other node, of the same IP version
   */
  constructor(source: Uint8Array, destination: Uint8Array, options: TunnelOptions) {
    const { port, ports = LINUX_PORTS, udpChecksum = true, ttl = DEFAULT_TTL, dscp = 0 } = options;
    this.family = source.length === 4 ? 4 : 6;
    this.#port = port;
    this.#lowestPort = ports.lowest;
    this.#ports = ports.highest - ports.lowest;
    this.#udpChecksum = udpChecksum || this.family === 6;
    this.#ttl = ttl === 'inherit' ? INHERIT : ttl;
    this.#dscp = dscp === 'inherit' ? INHERIT : dscp;
    const ipSpan = this.family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
    this.#udpSpan = ipSpan;
    this.headerLength = ipSpan + UDP_HEADER_LEN + VXLAN_HEADER_LEN;
    const addresses = Uint8Array.of(...source, ...destination);
    this.#addresses = Int32Array.from({ length: addresses.length / WORD }, (_, i) => getWord(addresses, WORD * i));
    this.#pseudoSum = onesSum(addresses, 0, addresses.length, IpProtocol.Udp) + port + (VXLAN_FLAG_I << 8);
  }

  /**
   * Writes the outer headers in front of a frame.
   * @param bytes with `span` bytes before `start`
   * @param start offset of the frame
   * @param end offset of its end
   * @param hash its flow hash
   * @param tos DSCP and ECN of the inner packet; 0 if there is none
   * @param ttl TTL or hop limit of the inner packet; 0 if there is none
   * @param identification IPv4 identification of the outer packet, 1 to 65,535
   * @returns offset of the outer IP header, or -1 if the frame is too long for one packet, and nothing was written
   */
  encapsulate(
    bytes: Uint8Array,
    start: number,
    end: number,
    vni: number,
    hash: number,
    tos: number,
    ttl: number,
    identification: number,
  ): number {
    const view = viewOf(bytes);
    const ip = start - this.headerLength;
    const udp = ip + this.#udpSpan;
    const length = end - udp;
    // IPv6's payload length excludes its header.
    if (end - (this.family === 4 ? ip : udp) > MAX_LENGTH) return -1;
    const outerTos = this.outerTos(tos);
    const outerTtl = this.#ttl === INHERIT ? ttl || DEFAULT_TTL : this.#ttl;
    const addresses = this.#addresses;
    if (this.family === 4) {
      const id = identification << 16;
      writeIpv4(bytes, ip, outerTos, end - ip, id, outerTtl, IpProtocol.Udp, addresses[0], addresses[1]);
    } else {
      writeIpv6(bytes, ip, outerTos, length, IpProtocol.Udp, outerTtl);
      for (let i = 0; i < addresses.length; i++) view.setInt32(ip + IPV6_SOURCE + WORD * i, addresses[i]);
    }
    const sourcePort = scalePort(hash, this.#lowestPort, this.#ports);
    let checksum = 0;
    if (this.#udpChecksum) {
      // The length is in the pseudo-header too; the VNI is the upper 24 bits of a word.
      const headers = this.#pseudoSum + sourcePort + 2 * length + (vni >>> 8) + ((vni & 0xff) << 8);
      checksum = ~onesSum(bytes, start, end, headers) & 0xffff || 0xffff;
    }
    view.setInt32(udp, (sourcePort << 16) | this.#port);
    view.setInt32(udp + 4, (length << 16) | checksum);
    putVxlan(view, udp + UDP_HEADER_LEN, vni);
    return ip;
  }

  /**
   * Writes only the VXLAN header in front of a frame, for a socket whose kernel writes the others.
   * @param bytes with 8 bytes before `start`
   * @param start offset of the frame
   * @returns offset of the VXLAN header
   */
  encapsulateInVxlan(bytes: Uint8Array, start: number, vni: number): number {
    const vxlan = start - VXLAN_HEADER_LEN;
    putVxlan(viewOf(bytes), vxlan, vni);
    return vxlan;
  }

  /**
   * DSCP and ECN of the outer header.
   * @param tos those of the inner packet; 0 if there is none
   */
  outerTos(tos: number): number {
    const ecn = tos & ECN_MASK;
    // As the kernel does (include/net/inet_ecn.h, INET_ECN_encapsulate): inner CE becomes outer ECT(0).
    const outerEcn = ecn === ECN_CE ? ECN_ECT0 : ecn;
    return (this.#dscp === INHERIT ? tos & ~ECN_MASK : this.#dscp << 2) | outerEcn;
  }
}
