/**
 * Checksums that a network card was still to fill in (CHECKSUM_PARTIAL of include/linux/skbuff.h): TCP's or UDP's field holds
 * the sum of the pseudo-header alone. Packets between virtual machines or namespaces of one host come so.
 */
import { pseudoHeaderSum } from './checksum.js';
import { IpProtocol } from './ip-protocol.js';
import type { Layers } from './layers.js';
import { TCP_SPAN, tcpLayout } from './tcp.js';
import { UDP_SPAN, udpLayout } from './udp.js';

/** Where the checksum stands in a TCP header, in bytes. */
export const TCP_CHECKSUM = tcpLayout.offsetOf('checksum');
/** Where the checksum stands in a UDP header, in bytes. */
export const UDP_CHECKSUM = udpLayout.offsetOf('checksum');

/**
 * Where the checksum of a packet stands, from its transport header on, if it is partial; else -1. Of the packets whose
 * checksum is whole one in 65,536 looks partial.
 * @param bytes what was walked
 * @param layers a walk over the packet that found no fault
 */
export function partialChecksumIn(bytes: Uint8Array, layers: Layers): number {
  const { protocol, transportOffset, networkEnd, payloadEnd } = layers;
  if (layers.isFragment || layers.family === 0) return -1;
  const tcp = protocol === IpProtocol.Tcp;
  if (!tcp && protocol !== IpProtocol.Udp) return -1;
  const end = tcp ? networkEnd : payloadEnd;
  if (end - transportOffset < (tcp ? TCP_SPAN : UDP_SPAN)) return -1;
  const field = tcp ? TCP_CHECKSUM : UDP_CHECKSUM;
  const stored = (bytes[transportOffset + field] << 8) | bytes[transportOffset + field + 1];
  const pseudo = pseudoHeaderSum(layers.family, bytes, layers.addressOffset, protocol, end - transportOffset);
  return stored === pseudo ? field : -1;
}
