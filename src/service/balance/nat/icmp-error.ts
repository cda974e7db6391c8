/**
 * ICMP errors about translated packets (net/netfilter/ipvs/ip_vs_core.c, ip_vs_nat_icmp; nf_nat's
 * nf_nat_icmp_reply_translation): the outer header is translated like the connection's packets, and the quoted headers
 * back to what their sender had sent.
 */
import { viewOf } from '../../../memory/internal.js';
import {
  checksum,
  ICMP_HEADER_LEN,
  IpProtocol,
  IPV4_HEADER_LEN,
  TCP_CHECKSUM,
  TCP_HEADER_LEN,
  UDP_CHECKSUM,
  UDP_HEADER_LEN,
  writeIpv4Checksum,
} from '../../../wire/index.js';
import { ROW_WORDS } from '../table/connection-row.js';
import { applyDelta, fold, wordDelta } from './checksum-delta.js';

/** Bytes of the quoted transport header that every error has (RFC 792). */
const QUOTED = 8;

/**
 * What becomes of the TCP or UDP checksum that an ICMP error quotes. `ipvs`: it is corrected for netfilter's half of the
 * translation only, as the kernel leaves it, so it comes out wrong. `correct`: for both halves, as nf_nat alone does.
 */
export type QuotedChecksum = 'ipvs' | 'correct';

/**
 * Offset of the transport header that an ICMP error quotes, or -1 if the error is too short or quotes something else than
 * the first fragment of TCP, UDP or SCTP over IPv4.
 * @param icmp offset of the ICMP header
 * @param end end of the packet
 */
export function quotedTransport(bytes: Uint8Array, icmp: number, end: number): number {
  const inner = icmp + ICMP_HEADER_LEN;
  if (inner + IPV4_HEADER_LEN > end || bytes[inner] >>> 4 !== 4) return -1;
  const length = (bytes[inner] & 0xf) * 4;
  if (length < IPV4_HEADER_LEN || inner + length + QUOTED > end) return -1;
  if ((((bytes[inner + 6] & 0x1f) << 8) | bytes[inner + 7]) !== 0) return -1;
  const protocol = bytes[inner + 9];
  if (protocol !== IpProtocol.Tcp && protocol !== IpProtocol.Udp && protocol !== IpProtocol.Sctp) return -1;
  return inner + length;
}

/**
 * Translates the addresses, the quoted headers and the checksums of an error; the caller decrements the TTL first.
 * @param at offset of the outer IP header
 * @param icmp offset of the ICMP header
 * @param transport offset of the quoted transport header
 * @param end end of the packet
 * @param rows of the connection table
 * @param row the connection that the quoted packet belongs to
 * @param direction of the error: 0 from the client, 1 from the backend's side
 */
export function translateIcmpError(
  bytes: Uint8Array,
  at: number,
  icmp: number,
  transport: number,
  end: number,
  rows: Int32Array,
  row: number,
  direction: number,
  quoted: QuotedChecksum,
): void {
  const view = viewOf(bytes);
  const base = row * ROW_WORDS;
  const other = base + (1 - direction) * 3;
  const inner = icmp + ICMP_HEADER_LEN;
  const protocol = bytes[inner + 9];
  // The quoted packet went the other way, so its source is what the translated error's destination is.
  const source = rows[other];
  const destination = rows[other + 1];
  const ports = rows[other + 2];
  const sourceDelta = wordDelta(view.getInt32(inner + 12), source);
  const destinationDelta = wordDelta(view.getInt32(inner + 16), destination);
  const oldPorts = view.getInt32(transport);
  view.setInt32(inner + 12, source);
  view.setInt32(inner + 16, destination);
  view.setInt32(transport, ports);
  const addresses = fold(sourceDelta + destinationDelta);
  view.setUint16(inner + 10, applyDelta(view.getUint16(inner + 10), addresses));

  let delta = fold(addresses + wordDelta(oldPorts, ports));
  if (quoted === 'ipvs') {
    // Netfilter's half is the client's side: the quoted source in an error from the backend, else the destination.
    const own = direction === 0 ? destinationDelta : sourceDelta;
    const mask = direction === 0 ? 0xffff : ~0xffff;
    delta = fold(own + wordDelta(oldPorts & mask, ports & mask));
  }
  const tcp = protocol === IpProtocol.Tcp;
  const field = transport + (tcp ? TCP_CHECKSUM : UDP_CHECKSUM);
  const present = protocol !== IpProtocol.Sctp && transport + (tcp ? TCP_HEADER_LEN : UDP_HEADER_LEN) <= end;
  // UDP without a checksum stays without one.
  if (present && (tcp || view.getUint16(field) !== 0)) {
    const updated = applyDelta(view.getUint16(field), delta);
    view.setUint16(field, updated === 0 && !tcp ? 0xffff : updated);
  }

  view.setInt32(at + 12, rows[other + 1]);
  view.setInt32(at + 16, rows[other]);
  writeIpv4Checksum(bytes, at);
  view.setUint16(icmp + 2, 0);
  view.setUint16(icmp + 2, checksum(bytes, icmp, end));
}
