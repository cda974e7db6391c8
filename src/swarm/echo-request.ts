import type { Endpoint } from '../overlay/index.js';
import {
  checksum,
  ETHERNET_HEADER_LEN,
  EtherType,
  ICMP_HEADER_LEN,
  IcmpType,
  IpProtocol,
  IPV4_HEADER_LEN,
  writeIpv4Checksum,
} from '../wire/index.js';

const TTL = 64;
const MAC_BYTES = 6;

/**
 * A frame with an ICMP echo request (RFC 792) from one endpoint to another. Its identifier is that of no ping, so that
 * the system ignores the answer.
 * @param from has an IPv4 address, as does `to`
 */
export function echoRequest(from: Endpoint, to: Endpoint, sequence: number): Uint8Array {
  const frame = new Uint8Array(ETHERNET_HEADER_LEN + IPV4_HEADER_LEN + ICMP_HEADER_LEN);
  const view = new DataView(frame.buffer);
  frame.set(to.mac);
  frame.set(from.mac, MAC_BYTES);
  view.setUint16(2 * MAC_BYTES, EtherType.Ipv4);
  const ip = ETHERNET_HEADER_LEN;
  frame[ip] = 0x45;
  view.setUint16(ip + 2, IPV4_HEADER_LEN + ICMP_HEADER_LEN);
  frame[ip + 8] = TTL;
  frame[ip + 9] = IpProtocol.Icmp;
  if (from.ip !== undefined) frame.set(from.ip, ip + 12);
  if (to.ip !== undefined) frame.set(to.ip, ip + 16);
  writeIpv4Checksum(frame, ip);
  const icmp = ip + IPV4_HEADER_LEN;
  frame[icmp] = IcmpType.EchoRequest;
  view.setUint16(icmp + 6, sequence);
  view.setUint16(icmp + 2, checksum(frame, icmp, frame.length));
  return frame;
}
