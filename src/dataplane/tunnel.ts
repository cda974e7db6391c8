/**
 * The outer headers from one VTEP to another: IP, UDP and VXLAN as a template that is copied in front of each frame, with
 * what differs from packet to packet put in and the IP checksum brought up to date (RFC 7348 section 5).
 */
import {
  IPV4_SPAN,
  IPV6_SPAN,
  IpProtocol,
  onesSum,
  pseudoHeaderSum,
  UDP_SPAN,
  VXLAN_FLAG_I,
  VXLAN_SPAN,
} from '../wire/index.js';
import { LINUX_PORTS, type PortRange, sourcePortOf } from './flow-hash.js';

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
  /** DSCP, 0 to 63; 0. `inherit` takes the inner packet's. ECN is always the inner packet's (RFC 6040). */
  readonly dscp?: number | 'inherit';
}

const DEFAULT_TTL = 64;
const INHERIT = -1;
const ECN_MASK = 3;
const ECN_CE = 3;
const ECN_ECT0 = 2;

/** The way to one VTEP. */
export class Tunnel {
  /** 4 or 6. */
  readonly family: 4 | 6;
  /** Bytes of the outer headers, IP to VXLAN. */
  readonly span: number;
  readonly #template: Uint8Array;
  /** Offset of the UDP header in the template. */
  readonly #udp: number;
  readonly #ports: PortRange;
  readonly #udpChecksum: boolean;
  readonly #ttl: number;
  readonly #dscp: number;
  /** Sum of the IPv4 header's words that don't change. */
  readonly #headerSum: number;
  #identification: number;

  /**
   * @param source VTEP address of this node: 4 or 16 bytes
   * @param destination of the other, of the same IP version
   * @param identification of the first packet (IPv4)
   */
  constructor(source: Uint8Array, destination: Uint8Array, options: TunnelOptions, identification = 0) {
    const { port, ports = LINUX_PORTS, udpChecksum = true, ttl = DEFAULT_TTL, dscp = 0 } = options;
    this.family = source.length === 4 ? 4 : 6;
    this.#ports = ports;
    this.#udpChecksum = udpChecksum || this.family === 6;
    this.#ttl = ttl === 'inherit' ? INHERIT : ttl;
    this.#dscp = dscp === 'inherit' ? INHERIT : dscp;
    this.#identification = identification & 0xffff;
    this.#udp = this.family === 4 ? IPV4_SPAN : IPV6_SPAN;
    this.span = this.#udp + UDP_SPAN + VXLAN_SPAN;
    const template = new Uint8Array(this.span);
    if (this.family === 4) {
      template[0] = 0x45;
      template[9] = IpProtocol.Udp;
      template.set(source, 12);
      template.set(destination, 16);
    } else {
      template[0] = 0x60;
      template[6] = IpProtocol.Udp;
      template.set(source, 8);
      template.set(destination, 24);
    }
    template[this.#udp + 2] = port >>> 8;
    template[this.#udp + 3] = port;
    template[this.#udp + UDP_SPAN] = VXLAN_FLAG_I;
    this.#template = template;
    this.#headerSum = onesSum(template, 0, IPV4_SPAN);
  }

  /**
   * Writes the outer headers in front of a frame.
   * @param bytes with `span` bytes before `start`
   * @param start where the frame begins
   * @param end where it ends
   * @param hash of its flow
   * @param tos DSCP and ECN of the packet inside; 0 if there is none
   * @param ttl of the packet inside; 0 if there is none
   * @returns where the IP packet begins
   */
  encapsulate(
    bytes: Uint8Array,
    start: number,
    end: number,
    vni: number,
    hash: number,
    tos: number,
    ttl: number,
  ): number {
    const template = this.#template;
    const { span } = this;
    const ip = start - span;
    for (let i = 0; i < span; i++) bytes[ip + i] = template[i];
    const udp = ip + this.#udp;
    const length = end - udp;
    const sourcePort = sourcePortOf(hash, this.#ports);
    bytes[udp] = sourcePort >>> 8;
    bytes[udp + 1] = sourcePort;
    bytes[udp + 4] = length >>> 8;
    bytes[udp + 5] = length;
    const vxlan = udp + UDP_SPAN;
    bytes[vxlan + 4] = vni >>> 16;
    bytes[vxlan + 5] = vni >>> 8;
    bytes[vxlan + 6] = vni;
    const dscp = this.#dscp === INHERIT ? tos & ~ECN_MASK : this.#dscp << 2;
    const outerTos = dscp | encapsulateEcn(tos & ECN_MASK);
    const outerTtl = this.#ttl === INHERIT ? ttl || DEFAULT_TTL : this.#ttl;
    if (this.family === 4) this.#putIpv4(bytes, ip, end - ip, outerTos, outerTtl);
    else putIpv6(bytes, ip, length, outerTos, outerTtl);
    if (this.#udpChecksum) {
      const addresses = this.family === 4 ? ip + 12 : ip + 8;
      const pseudo = pseudoHeaderSum(this.family, bytes, addresses, IpProtocol.Udp, length);
      const sum = ~onesSum(bytes, udp, end, pseudo) & 0xffff || 0xffff;
      bytes[udp + 6] = sum >>> 8;
      bytes[udp + 7] = sum;
    }
    return ip;
  }

  #putIpv4(bytes: Uint8Array, ip: number, length: number, tos: number, ttl: number): void {
    const identification = this.#identification;
    this.#identification = (identification + 1) & 0xffff;
    bytes[ip + 1] = tos;
    bytes[ip + 2] = length >>> 8;
    bytes[ip + 3] = length;
    bytes[ip + 4] = identification >>> 8;
    bytes[ip + 5] = identification;
    bytes[ip + 8] = ttl;
    // Three words were zero in the template, so that adding them is all that the sum needs; of the fourth, the TTL's, the
    // protocol is in it already.
    let sum = this.#headerSum + tos + length + identification + (ttl << 8);
    sum = (sum & 0xffff) + (sum >>> 16);
    sum = (sum & 0xffff) + (sum >>> 16);
    bytes[ip + 10] = ~sum >>> 8;
    bytes[ip + 11] = ~sum;
  }
}

function putIpv6(bytes: Uint8Array, ip: number, length: number, tos: number, ttl: number): void {
  bytes[ip] = 0x60 | (tos >>> 4);
  bytes[ip + 1] = (tos & 0xf) << 4;
  bytes[ip + 4] = length >>> 8;
  bytes[ip + 5] = length;
  bytes[ip + 7] = ttl;
}

/** The outer ECN field, as the kernel makes it (include/net/inet_ecn.h, INET_ECN_encapsulate): CE inside goes as ECT(0). */
function encapsulateEcn(inner: number): number {
  return inner === ECN_CE ? ECN_ECT0 : inner;
}
