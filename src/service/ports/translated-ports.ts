/** Replaces the ports of a TCP, UDP or SCTP packet, as netfilter's REDIRECT and its reverse do. */
import { onesSum, TCP_CHECKSUM, UDP_CHECKSUM, IpProtocol } from '../../wire/index.js';
import { applyDelta, fold, wordDelta } from '../balance/nat/checksum-delta.js';
import { writeSctpChecksum } from '../balance/state/sctp-state.js';

/** Offset of the length in a UDP header, in bytes. */
export const UDP_LENGTH = 4;

/**
 * Replaces the ports and corrects the checksum.
 * @param view over `bytes`
 * @param at offset of the IPv4 header
 * @param transport offset of the transport header
 * @param end end of the packet
 * @param ports source port above destination port
 */
export function translatePorts(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  transport: number,
  end: number,
  protocol: number,
  ports: number,
): void {
  const before = view.getInt32(transport);
  if (protocol === IpProtocol.Sctp) {
    view.setInt32(transport, ports);
    writeSctpChecksum(bytes, transport, end);
    return;
  }
  const isUdp = protocol === IpProtocol.Udp;
  const field = transport + (isUdp ? UDP_CHECKSUM : TCP_CHECKSUM);
  const stored = view.getUint16(field);
  // The pseudo-header's sum, which has no ports, is left for the NIC to complete.
  if (!isPartial(bytes, view, at, transport, end, protocol, stored) && (stored !== 0 || !isUdp)) {
    const updated = applyDelta(stored, wordDelta(before, ports));
    // In UDP 0 means that there is no checksum.
    view.setUint16(field, updated === 0 && isUdp ? 0xffff : updated);
  }
  view.setInt32(transport, ports);
}

/** Whether a checksum is only the pseudo-header's sum (CHECKSUM_PARTIAL), and isn't right as it is. */
function isPartial(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  transport: number,
  end: number,
  protocol: number,
  stored: number,
): boolean {
  const length = protocol === IpProtocol.Udp ? view.getUint16(transport + UDP_LENGTH) : end - transport;
  const source = view.getInt32(at + 12);
  const destination = view.getInt32(at + 16);
  const high = (source >>> 16) + (destination >>> 16);
  const pseudo = fold(high + (source & 0xffff) + (destination & 0xffff) + protocol + length);
  return stored === pseudo && onesSum(bytes, transport, transport + length, pseudo) !== 0xffff;
}
