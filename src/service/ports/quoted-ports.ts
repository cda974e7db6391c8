/** Translates the ports that an ICMP error quotes (net/netfilter/nf_nat_proto.c, nf_nat_icmp_reply_translation). */
import { viewOf } from '../../memory/internal.js';
import { IpProtocol, TCP_CHECKSUM, TCP_HEADER_LEN, UDP_CHECKSUM, UDP_HEADER_LEN } from '../../wire/index.js';
import { applyDelta, fold, wordDelta } from '../balance/nat/checksum-delta.js';

const ICMP_CHECKSUM = 2;

/**
 * Replaces the quoted ports, and corrects the quoted checksum, if it is there, and the error's own.
 * @param icmp offset of the ICMP header
 * @param transport offset of the quoted transport header
 * @param end end of the packet
 * @param protocol the quoted transport protocol
 * @param ports source port above destination port
 */
export function translateQuotedPorts(
  bytes: Uint8Array,
  icmp: number,
  transport: number,
  end: number,
  protocol: number,
  ports: number,
): void {
  const view = viewOf(bytes);
  const before = view.getInt32(transport);
  if (before === ports) return;
  view.setInt32(transport, ports);
  let delta = wordDelta(before, ports);
  const tcp = protocol === IpProtocol.Tcp;
  const field = transport + (tcp ? TCP_CHECKSUM : UDP_CHECKSUM);
  const present = protocol !== IpProtocol.Sctp && transport + (tcp ? TCP_HEADER_LEN : UDP_HEADER_LEN) <= end;
  const stored = present ? view.getUint16(field) : 0;
  // UDP without a checksum stays without one.
  if (present && (tcp || stored !== 0)) {
    let updated = applyDelta(stored, delta);
    if (updated === 0 && !tcp) updated = 0xffff;
    view.setUint16(field, updated);
    delta = fold(delta + wordDelta(stored, updated));
  }
  view.setUint16(icmp + ICMP_CHECKSUM, applyDelta(view.getUint16(icmp + ICMP_CHECKSUM), delta));
}
