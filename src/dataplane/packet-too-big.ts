/**
 * The ICMP error for an inner packet that is too large and must not be fragmented: "fragmentation needed" (RFC 1191) or
 * ICMPv6 "packet too big" (RFC 8201), as the kernel sends it for a bridged vxlan device (net/ipv4/ip_tunnel_core.c,
 * iptunnel_pmtud_build_icmp): its source is the packet's destination.
 */
import { getWord } from '../memory/internal.js';
import {
  checksum,
  ICMP_FRAGMENTATION_NEEDED,
  ICMP_HEADER_LEN,
  IcmpType,
  ICMPV6_HEADER_LEN,
  Icmpv6Type,
  Icmpv6View,
  IpProtocol,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  ipv6Layout,
  isIcmpError,
  type Layers,
  onesSum,
  pseudoHeaderSum,
  writeIpv4,
  writeIpv6,
} from '../wire/index.js';

/** Largest ICMP error, in bytes of IP: what every host accepts (RFC 1812 section 4.3.2.3, RFC 4443 section 2.4 c). */
const IPV4_ANSWER = 576;
const IPV6_ANSWER = 1280;
const HOP_LIMIT = 64;
const DONT_FRAGMENT = 0x4000;
const MAC_BYTES = 6;
const IPV6_SOURCE = ipv6Layout.offsetOf('source');

/** Headroom that a frame needs for the headers of the ICMP error, in bytes. */
export const PACKET_TOO_BIG_HEADROOM = IPV6_HEADER_LEN + ICMPV6_HEADER_LEN;

/** ICMPv6 types below this one are errors. */
const ICMPV6_QUERIES = 128;
const ICMPV6_REDIRECT = 137;
/** First bytes of IPv4 addresses: "this network", loopback, and from 224 on multicast, class E and broadcast. */
const THIS_NETWORK = 0;
const LOOPBACK = 127;
const MULTICAST = 224;
const MULTICAST_6 = 0xff;

/**
 * Whether an ICMP error may be sent about a packet (RFC 1122 section 3.2.2, RFC 4443 section 2.4 e; the kernel's
 * iptunnel_pmtud_check_icmp): never about an ICMP error or a redirect, a fragment other than the first, a packet to a
 * group, or one whose source doesn't identify a single host.
 * @param inner its parsed headers, with IP
 */
export function isAnswerable(bytes: Uint8Array, inner: Layers): boolean {
  if (inner.isFragment && inner.fragmentOffset > 0) return false;
  return inner.family === 6 ? isAnswerable6(bytes, inner) : isAnswerable4(bytes, inner);
}

function isAnswerable4(bytes: Uint8Array, inner: Layers): boolean {
  const source = bytes[inner.addressOffset];
  const destination = bytes[inner.addressOffset + 4];
  if (source === THIS_NETWORK || source === LOOPBACK || source >= MULTICAST || destination >= MULTICAST) return false;
  if (inner.protocol !== IpProtocol.Icmp) return true;
  if (inner.transportOffset >= inner.networkEnd) return false;
  return !isIcmpError(bytes[inner.transportOffset]);
}

function isAnswerable6(bytes: Uint8Array, inner: Layers): boolean {
  const { addressOffset, transportOffset } = inner;
  if (bytes[addressOffset] === MULTICAST_6 || bytes[addressOffset + 16] === MULTICAST_6) return false;
  if (isZero(bytes, addressOffset, 15) && bytes[addressOffset + 15] <= 1) return false;
  if (inner.protocol !== IpProtocol.Icmpv6) return true;
  if (transportOffset >= inner.networkEnd) return false;
  const type = bytes[transportOffset];
  return type >= ICMPV6_QUERIES && type !== ICMPV6_REDIRECT;
}

function isZero(bytes: Uint8Array, offset: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[offset + i] !== 0) return false;
  return true;
}

/** Builds ICMP errors in place: headers are prepended to the packet, which is truncated to what the error quotes. */
export class PacketTooBig {
  /** Start and end of the last error's frame. */
  start = 0;
  end = 0;
  readonly #icmpv6 = new Icmpv6View();

  /**
   * Turns a frame into the ICMP error about it.
   * @param bytes with `PACKET_TOO_BIG_HEADROOM` bytes before `start`
   * @param start offset of the frame's Ethernet header
   * @param inner its parsed headers, with IP
   * @param mtu the largest IP packet that fits, in bytes
   */
  answer(bytes: Uint8Array, start: number, inner: Layers, mtu: number): void {
    const { networkOffset, networkEnd, family } = inner;
    const icmpSpan = family === 4 ? ICMP_HEADER_LEN : ICMPV6_HEADER_LEN;
    const ipSpan = family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
    const quoted = Math.min(networkEnd - networkOffset, (family === 4 ? IPV4_ANSWER : IPV6_ANSWER) - ipSpan - icmpSpan);
    const icmp = networkOffset - icmpSpan;
    const ip = icmp - ipSpan;
    this.end = networkOffset + quoted;
    // The Ethernet header with its tags, addresses swapped.
    this.start = start - icmpSpan - ipSpan;
    bytes.copyWithin(this.start, start, networkOffset);
    for (let i = 0; i < MAC_BYTES; i++) {
      const destination = bytes[this.start + i];
      bytes[this.start + i] = bytes[this.start + MAC_BYTES + i];
      bytes[this.start + MAC_BYTES + i] = destination;
    }
    bytes.fill(0, icmp, networkOffset);
    if (family === 4) this.#ipv4Answer(bytes, ip, icmp, inner, mtu);
    else this.#ipv6Answer(bytes, ip, icmp, inner, mtu);
  }

  #ipv4Answer(bytes: Uint8Array, ip: number, icmp: number, inner: Layers, mtu: number): void {
    // Addresses swapped.
    const source = getWord(bytes, inner.addressOffset + 4);
    const destination = getWord(bytes, inner.addressOffset);
    writeIpv4(bytes, ip, 0, this.end - ip, DONT_FRAGMENT, HOP_LIMIT, IpProtocol.Icmp, source, destination);
    bytes[icmp] = IcmpType.Unreachable;
    bytes[icmp + 1] = ICMP_FRAGMENTATION_NEEDED;
    // RFC 1191 section 4: the MTU field has 16 bits.
    const reported = Math.min(mtu, 0xffff);
    bytes[icmp + 6] = reported >>> 8;
    bytes[icmp + 7] = reported;
    putChecksum(bytes, icmp + 2, checksum(bytes, icmp, this.end));
  }

  #ipv6Answer(bytes: Uint8Array, ip: number, icmp: number, inner: Layers, mtu: number): void {
    writeIpv6(bytes, ip, 0, this.end - icmp, IpProtocol.Icmpv6, HOP_LIMIT);
    const addresses = ip + IPV6_SOURCE;
    bytes.copyWithin(addresses, inner.addressOffset + 16, inner.addressOffset + 32);
    bytes.copyWithin(addresses + 16, inner.addressOffset, inner.addressOffset + 16);
    const message = this.#icmpv6.wrap(bytes, icmp);
    message.type = Icmpv6Type.PacketTooBig;
    message.mtu = mtu;
    const pseudo = pseudoHeaderSum(6, bytes, addresses, IpProtocol.Icmpv6, this.end - icmp);
    putChecksum(bytes, icmp + 2, ~onesSum(bytes, icmp, this.end, pseudo) & 0xffff);
  }
}

function putChecksum(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}
