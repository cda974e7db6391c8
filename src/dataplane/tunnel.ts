/**
 * The outer headers from one VTEP to another: IP, UDP and VXLAN (RFC 7348 section 5), written in front of each frame word by
 * word. What is the same for all packets, sums for the checksums among it, is worked out once.
 */
import { viewOf } from '../memory/view.js';
import { getWord } from '../memory/word.js';
import { IPV4_SPAN, IPV6_SPAN, IpProtocol, onesSum, UDP_SPAN, VXLAN_FLAG_I, VXLAN_SPAN } from '../wire/index.js';
import { LINUX_PORTS, type PortRange, scalePort } from './flow-hash.js';

/** How outer headers are made. */
export interface TunnelOptions {
  /** UDP port of VXLAN. */
  readonly port: number;
  /** Source ports; Linux's range if not said. */
  readonly ports?: PortRange;
  /** Whether the UDP checksum is made; true, as the kernel does for Docker. Over IPv6 it is made in any case. */
  readonly udpChecksum?: boolean;
  /** TTL or hop limit; 64. `inherit` takes the inner packet's. */
  readonly ttl?: number | 'inherit';
  /**
   * DSCP, 0 to 63; 0. `inherit` takes the inner packet's. ECN is the inner packet's, but CE goes as ECT(0): the full
   * functionality of RFC 3168 section 9.1.1, which the kernel has, and not RFC 6040's normal mode, which copies CE.
   */
  readonly dscp?: number | 'inherit';
}

const DEFAULT_TTL = 64;
const INHERIT = -1;
const ECN_MASK = 3;
const ECN_CE = 3;
const ECN_ECT0 = 2;
const VERSION_4_IHL_5 = 0x45;
const VXLAN_FLAGS = VXLAN_FLAG_I << 24;
const WORD = 4;
/** The lengths in IPv4's, IPv6's and UDP's headers have 16 bits. */
const MAX_LENGTH = 0xffff;

/** The way to one VTEP. */
export class Tunnel {
  /** 4 or 6. */
  readonly family: 4 | 6;
  /** Bytes of the outer headers, IP to VXLAN. */
  readonly span: number;
  /** Source and destination address, as words in network order. */
  readonly #addresses: Int32Array;
  readonly #udpSpan: number;
  readonly #port: number;
  readonly #lowestPort: number;
  readonly #ports: number;
  readonly #udpChecksum: boolean;
  readonly #ttl: number;
  readonly #dscp: number;
  /** Sums of what doesn't change: of IPv4's header, and of the pseudo-header with UDP's and VXLAN's. */
  readonly #headerSum: number;
  readonly #pseudoSum: number;

  /**
   * @param source VTEP address of this node: 4 or 16 bytes
   * @param destination of the other, of the same IP version
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
    const ipSpan = this.family === 4 ? IPV4_SPAN : IPV6_SPAN;
    this.#udpSpan = ipSpan;
    this.span = ipSpan + UDP_SPAN + VXLAN_SPAN;
    const addresses = Uint8Array.of(...source, ...destination);
    this.#addresses = Int32Array.from({ length: addresses.length / WORD }, (_, i) => getWord(addresses, WORD * i));
    this.#headerSum = onesSum(addresses, 0, addresses.length, (VERSION_4_IHL_5 << 8) + IpProtocol.Udp);
    this.#pseudoSum = onesSum(addresses, 0, addresses.length, IpProtocol.Udp) + port + (VXLAN_FLAG_I << 8);
  }

  /**
   * Writes the outer headers in front of a frame.
   * @param bytes with `span` bytes before `start`
   * @param start where the frame begins
   * @param end where it ends
   * @param hash of its flow
   * @param tos DSCP and ECN of the packet inside; 0 if there is none
   * @param ttl of the packet inside; 0 if there is none
   * @param identification of the outer packet, 1 to 65,535 (IPv4)
   * @returns where the IP packet begins, or -1 if the frame is too long for one, and nothing was written
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
    const ip = start - this.span;
    const udp = ip + this.#udpSpan;
    const length = end - udp;
    // IPv6's length doesn't count its header.
    if (end - (this.family === 4 ? ip : udp) > MAX_LENGTH) return -1;
    const ecn = tos & ECN_MASK;
    // As the kernel makes it (include/net/inet_ecn.h, INET_ECN_encapsulate): CE inside goes as ECT(0).
    const outerEcn = ecn === ECN_CE ? ECN_ECT0 : ecn;
    const outerTos = (this.#dscp === INHERIT ? tos & ~ECN_MASK : this.#dscp << 2) | outerEcn;
    const outerTtl = this.#ttl === INHERIT ? ttl || DEFAULT_TTL : this.#ttl;
    if (this.family === 4) this.#putIpv4(view, ip, end - ip, outerTos, outerTtl, identification);
    else this.#putIpv6(view, ip, length, outerTos, outerTtl);
    const sourcePort = scalePort(hash, this.#lowestPort, this.#ports);
    let checksum = 0;
    if (this.#udpChecksum) {
      // The length stands in the pseudo-header too; the VNI's 24 bits begin a word.
      const headers = this.#pseudoSum + sourcePort + 2 * length + (vni >>> 8) + ((vni & 0xff) << 8);
      checksum = ~onesSum(bytes, start, end, headers) & 0xffff || 0xffff;
    }
    view.setInt32(udp, (sourcePort << 16) | this.#port);
    view.setInt32(udp + 4, (length << 16) | checksum);
    view.setInt32(udp + UDP_SPAN, VXLAN_FLAGS);
    view.setInt32(udp + UDP_SPAN + 4, vni << 8);
    return ip;
  }

  #putIpv4(view: DataView, ip: number, length: number, tos: number, ttl: number, identification: number): void {
    let sum = this.#headerSum + tos + length + identification + (ttl << 8);
    sum = (sum & 0xffff) + (sum >>> 16);
    sum = (sum & 0xffff) + (sum >>> 16);
    const addresses = this.#addresses;
    view.setInt32(ip, (VERSION_4_IHL_5 << 24) | (tos << 16) | length);
    view.setInt32(ip + 4, identification << 16);
    view.setInt32(ip + 8, (ttl << 24) | (IpProtocol.Udp << 16) | (~sum & 0xffff));
    view.setInt32(ip + 12, addresses[0]);
    view.setInt32(ip + 16, addresses[1]);
  }

  #putIpv6(view: DataView, ip: number, length: number, tos: number, ttl: number): void {
    const addresses = this.#addresses;
    view.setInt32(ip, (6 << 28) | (tos << 20));
    view.setInt32(ip + 4, (length << 16) | (IpProtocol.Udp << 8) | ttl);
    for (let i = 0; i < addresses.length; i++) view.setInt32(ip + 8 + WORD * i, addresses[i]);
  }
}
