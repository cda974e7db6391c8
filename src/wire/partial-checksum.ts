/**
 * Checksums left for the NIC to complete (CHECKSUM_PARTIAL of include/linux/skbuff.h): the TCP or UDP field holds only
 * the pseudo-header sum. Packets between virtual machines or namespaces of one host arrive like this.
 */
import { pseudoHeaderSum } from './checksum.js';
import { IpProtocol } from './ip-protocol.js';
import type { Layers } from './layers.js';
import { TCP_HEADER_LEN, tcpLayout } from './tcp.js';
import { UDP_HEADER_LEN, udpLayout } from './udp.js';

/** Offset of the checksum in a TCP header, in bytes. */
export const TCP_CHECKSUM = tcpLayout.offsetOf('checksum');
/** Offset of the checksum in a UDP header, in bytes. */
export const UDP_CHECKSUM = udpLayout.offsetOf('checksum');

/**
 * Offset of the packet's checksum within its transport header if it is partial, else -1. One in 65,536 complete
 * checksums looks partial.
 * @param bytes the walked bytes
 * @param layers a walk over the packet that found no fault
 */
export function partialChecksumIn(bytes: Uint8Array, layers: Layers): number {
  const { protocol, transportOffset, networkEnd, payloadEnd } = layers;
  if (layers.isFragment || layers.family === 0) return -1;
  const tcp = protocol === IpProtocol.Tcp;
  if (!tcp && protocol !== IpProtocol.Udp) return -1;
  const end = tcp ? networkEnd : payloadEnd;
  if (end - transportOffset < (tcp ? TCP_HEADER_LEN : UDP_HEADER_LEN)) return -1;
  const field = tcp ? TCP_CHECKSUM : UDP_CHECKSUM;
  const stored = (bytes[transportOffset + field] << 8) | bytes[transportOffset + field + 1];
  const pseudo = pseudoHeaderSum(layers.family, bytes, layers.addressOffset, protocol, end - transportOffset);
  return stored === pseudo ? field : -1;
}
