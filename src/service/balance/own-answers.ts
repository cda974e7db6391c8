/**
 * What the balancer's own stack answers, as Linux does: ARP for its addresses, echo requests, resets for TCP that belongs
 * to no connection, and ICMP errors. A packet is turned into its answer in place.
 */
import { getWord, viewOf } from '../../memory/internal.js';
import {
  checksum,
  ICMP_HEADER_LEN,
  IcmpType,
  IPV4_HEADER_LEN,
  IpProtocol,
  pseudoHeaderSum,
  TCP_HEADER_LEN,
  TcpFlag,
  writeIpv4,
  writeIpv4Checksum,
} from '../../wire/index.js';
import { applyDelta } from './nat/checksum-delta.js';
import { swappedPorts } from './table/connection-row.js';

/** Bytes that must be free before a frame: an ICMP error puts an IP and an ICMP header before the packet it quotes. */
export const BALANCE_HEADROOM = IPV4_HEADER_LEN + ICMP_HEADER_LEN;

const TTL = 64;
/** Largest ICMP error (RFC 1812 section 4.3.2.3). */
const MAX_ERROR = 576;
/** Precedence "internetwork control" (RFC 1812 section 4.3.2.5), which Linux adds to the packet's own TOS. */
const ERROR_TOS = 0xc0;
const TOS_BITS = 0x1e;
const ECN_BITS = 0x03;
const DONT_FRAGMENT = 0x4000;
const FRAGMENT_OFFSET = 0x1fff;
const MULTICAST = 224;
const LOOPBACK = 127;

/**
 * Whether an ICMP error may be sent about a packet (RFC 1122 section 3.2.2): not about an ICMP error, a later fragment,
 * or a packet whose addresses don't identify single hosts.
 * @param at offset of its IP header
 * @param transport offset of its transport header
 */
export function isAnswerable(bytes: Uint8Array, at: number, transport: number, end: number): boolean {
  const source = bytes[at + 12];
  if (source === 0 || source === LOOPBACK || source >= MULTICAST || bytes[at + 16] >= MULTICAST) return false;
  if ((((bytes[at + 6] << 8) | bytes[at + 7]) & FRAGMENT_OFFSET) !== 0) return false;
  if (bytes[at + 9] !== IpProtocol.Icmp) return true;
  if (transport >= end) return false;
  const type = bytes[transport];
  return type === IcmpType.EchoReply || type === IcmpType.EchoRequest || type > IcmpType.ParameterProblem;
}

/**
 * Turns a packet into the ICMP error about it, from the packet's destination.
 * @param bytes with `BALANCE_HEADROOM` bytes before the frame
 * @param at offset of the packet's IP header; the error's is `BALANCE_HEADROOM` bytes before it
 * @param end end of the packet
 * @param identification of the error's IP header
 * @returns end of the error
 */
export function writeIcmpError(
  bytes: Uint8Array,
  at: number,
  end: number,
  type: number,
  code: number,
  identification: number,
): number {
  const start = at - BALANCE_HEADROOM;
  const length = Math.min(end - start, MAX_ERROR);
  const icmp = at - ICMP_HEADER_LEN;
  const source = getWord(bytes, at + 16);
  const destination = getWord(bytes, at + 12);
  const tos = (bytes[at + 1] & TOS_BITS) | ERROR_TOS;
  writeIpv4(bytes, start, tos, length, identification << 16, TTL, IpProtocol.Icmp, source, destination);
  const view = viewOf(bytes);
  view.setInt32(icmp, (type << 24) | (code << 16));
  view.setInt32(icmp + 4, 0);
  view.setUint16(icmp + 2, checksum(bytes, icmp, start + length));
  return start + length;
}

/**
 * Turns an echo request into its reply.
 * @param at offset of the IP header
 * @param icmp offset of the ICMP header
 */
export function writeEchoReply(bytes: Uint8Array, at: number, icmp: number, identification: number): void {
  const view = viewOf(bytes);
  const source = view.getInt32(at + 12);
  view.setInt32(at + 12, view.getInt32(at + 16));
  view.setInt32(at + 16, source);
  view.setInt32(at + 4, identification << 16);
  bytes[at + 8] = TTL;
  writeIpv4Checksum(bytes, at);
  bytes[icmp] = IcmpType.EchoReply;
  // The word of type and code goes from 0x0800 to 0.
  view.setUint16(icmp + 2, applyDelta(view.getUint16(icmp + 2), 0xf7ff));
}

/**
 * Turns a TCP segment into the reset for it (RFC 9293 section 3.10.7.1), without IP options.
 * @param at offset of the IP header
 * @param tcp offset of the TCP header
 * @param end end of the packet
 * @returns end of the reset
 */
export function writeReset(bytes: Uint8Array, at: number, tcp: number, end: number): number {
  const view = viewOf(bytes);
  const source = view.getInt32(at + 16);
  const destination = view.getInt32(at + 12);
  const ports = view.getInt32(tcp);
  const flags = bytes[tcp + 13];
  const acknowledged = (flags & TcpFlag.Ack) !== 0;
  const phases = Number((flags & TcpFlag.Syn) !== 0) + Number((flags & TcpFlag.Fin) !== 0);
  const taken = (view.getInt32(tcp + 4) + (end - tcp - (bytes[tcp + 12] >>> 4) * 4) + phases) | 0;
  const sequence = acknowledged ? view.getInt32(tcp + 8) : 0;
  const tos = bytes[at + 1] & ~ECN_BITS;
  const total = IPV4_HEADER_LEN + TCP_HEADER_LEN;
  writeIpv4(bytes, at, tos, total, DONT_FRAGMENT, TTL, IpProtocol.Tcp, source, destination);
  const reset = at + IPV4_HEADER_LEN;
  view.setInt32(reset, swappedPorts(ports));
  view.setInt32(reset + 4, sequence);
  view.setInt32(reset + 8, acknowledged ? 0 : taken);
  view.setInt32(reset + 12, acknowledged ? 0x5004_0000 : 0x5014_0000);
  view.setInt32(reset + 16, 0);
  const pseudo = pseudoHeaderSum(4, bytes, at + 12, IpProtocol.Tcp, TCP_HEADER_LEN);
  view.setUint16(reset + 16, checksum(bytes, reset, reset + TCP_HEADER_LEN, pseudo));
  return reset + TCP_HEADER_LEN;
}

/**
 * Turns an ARP request into the reply of an interface.
 * @param start offset of the frame
 * @param macHigh first 4 bytes of the interface's MAC
 * @param macLow its last 2
 */
export function writeArpReply(bytes: Uint8Array, start: number, macHigh: number, macLow: number): void {
  const view = viewOf(bytes);
  const arp = start + 14;
  // To the sender's MAC, from the address that was asked for.
  const wanted = view.getInt32(arp + 24);
  for (let i = 0; i < 6; i++) bytes[start + i] = bytes[arp + 8 + i];
  bytes.copyWithin(arp + 18, arp + 8, arp + 18);
  view.setUint16(arp + 6, 2);
  view.setInt32(arp + 8, macHigh);
  view.setUint16(arp + 12, macLow);
  view.setInt32(arp + 14, wanted);
  view.setInt32(start + 6, macHigh);
  view.setUint16(start + 10, macLow);
}
