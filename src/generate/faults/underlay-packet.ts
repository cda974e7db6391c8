/** Packets between nodes that aren't VXLAN, from the IP header on. */
import {
  checksum,
  ICMP_FRAGMENTATION_NEEDED,
  IcmpType,
  Icmpv6Type,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  ipv6Layout,
  IpProtocol,
  onesSum,
  pseudoHeaderSum,
  UDP_HEADER_LEN,
  writeIpv4,
  writeIpv6,
} from '../../wire/index.js';
import { getWord } from '../../memory/internal.js';

const TTL = 64;
const DONT_FRAGMENT = 0x4000;
const ICMP_HEADER = 8;
const IPV6_SOURCE = ipv6Layout.offsetOf('source');

/** An IP packet around a payload. */
export function ipPacket(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  payload: Uint8Array,
): Uint8Array {
  const v4 = source.length === 4;
  const header = v4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
  const packet = new Uint8Array(header + payload.length);
  if (v4) {
    const [from, to] = [getWord(source, 0), getWord(destination, 0)];
    writeIpv4(packet, 0, 0, packet.length, DONT_FRAGMENT, TTL, protocol, from, to);
  } else {
    writeIpv6(packet, 0, 0, payload.length, protocol, TTL);
    packet.set(source, IPV6_SOURCE);
    packet.set(destination, IPV6_SOURCE + 16);
  }
  packet.set(payload, header);
  return packet;
}

/** A UDP datagram in IP, with its checksum. */
export function udpPacket(
  source: Uint8Array,
  destination: Uint8Array,
  [sourcePort, destinationPort]: readonly [number, number],
  payload: Uint8Array,
): Uint8Array {
  const datagram = new Uint8Array(UDP_HEADER_LEN + payload.length);
  const view = new DataView(datagram.buffer);
  view.setUint16(0, sourcePort);
  view.setUint16(2, destinationPort);
  view.setUint16(4, datagram.length);
  datagram.set(payload, UDP_HEADER_LEN);
  const addresses = Uint8Array.of(...source, ...destination);
  const pseudo = pseudoHeaderSum(source.length === 4 ? 4 : 6, addresses, 0, IpProtocol.Udp, datagram.length);
  view.setUint16(6, ~onesSum(datagram, 0, datagram.length, pseudo) & 0xffff || 0xffff);
  return ipPacket(source, destination, IpProtocol.Udp, datagram);
}

/** A router's message that a packet was too big. */
export function tooBigMessage(router: Uint8Array, sender: Uint8Array, mtu: number, packet: Uint8Array): Uint8Array {
  const v4 = router.length === 4;
  const message = new Uint8Array(ICMP_HEADER + packet.length);
  const view = new DataView(message.buffer);
  if (v4) {
    message[0] = IcmpType.Unreachable;
    message[1] = ICMP_FRAGMENTATION_NEEDED;
    view.setUint16(6, mtu);
  } else {
    message[0] = Icmpv6Type.PacketTooBig;
    view.setUint32(4, mtu);
  }
  message.set(packet, ICMP_HEADER);
  const protocol = v4 ? IpProtocol.Icmp : IpProtocol.Icmpv6;
  const addresses = Uint8Array.of(...router, ...sender);
  const pseudo = v4 ? 0 : pseudoHeaderSum(6, addresses, 0, protocol, message.length);
  view.setUint16(2, checksum(message, 0, message.length, pseudo));
  return ipPacket(router, sender, protocol, message);
}
