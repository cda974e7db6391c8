/** Wire packets built header by header. */
import {
  EtherType,
  ESP_HEADER_LEN,
  espLayout,
  ETHERNET_HEADER_LEN,
  ethernetLayout,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  IpProtocol,
  ipv4Layout,
  ipv6Layout,
  onesSum,
  pseudoHeaderSum,
  UDP_HEADER_LEN,
  udpLayout,
  VXLAN_PORT,
  VXLAN_HEADER_LEN,
  vxlanLayout,
  writeIpv4Checksum,
} from '../../src/wire/index.js';

/** Concatenated bytes. */
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((piece) => [...piece]));
}

/** A payload in Ethernet. */
export function ethernet(
  payload: Uint8Array,
  etherType: number,
  source = '02:42:0a:00:09:03',
  destination = '02:42:0a:00:09:04',
): Uint8Array {
  const header = new Uint8Array(ETHERNET_HEADER_LEN);
  ethernetLayout.encode({ destination, source, etherType }, header);
  return join(header, payload);
}

/** A payload in IP. */
export function ip(family: 4 | 6, protocol: number, payload: Uint8Array, source = '', destination = ''): Uint8Array {
  if (family === 4) {
    const header = new Uint8Array(IPV4_HEADER_LEN);
    const addresses = { source: source || '192.168.50.1', destination: destination || '192.168.50.2' };
    const lengths = { version: 4, ihl: 5, totalLength: IPV4_HEADER_LEN + payload.length };
    ipv4Layout.encode({ ...lengths, ttl: 64, protocol, ...addresses }, header);
    writeIpv4Checksum(header, 0);
    return join(header, payload);
  }
  const header = new Uint8Array(IPV6_HEADER_LEN);
  const addresses = { source: source || 'fd50::1', destination: destination || 'fd50::2' };
  ipv6Layout.encode(
    { version: 6, payloadLength: payload.length, nextHeader: protocol, hopLimit: 64, ...addresses },
    header,
  );
  return join(header, payload);
}

/** A payload in UDP and IP; the checksum is valid, or `checksum`. */
export function udpIp(
  family: 4 | 6,
  destinationPort: number,
  payload: Uint8Array,
  checksum: 'right' | number = 'right',
  source = '',
  destination = '',
): Uint8Array {
  const header = new Uint8Array(UDP_HEADER_LEN);
  const length = UDP_HEADER_LEN + payload.length;
  udpLayout.encode({ sourcePort: 40_000, destinationPort, length, checksum: 0 }, header);
  const packet = ip(family, IpProtocol.Udp, join(header, payload), source, destination);
  const at = family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
  const pseudo = pseudoHeaderSum(family, packet, family === 4 ? 12 : 8, IpProtocol.Udp, length);
  const sum = ~onesSum(packet, at, at + length, pseudo) & 0xffff;
  udpLayout.encode({ checksum: checksum === 'right' ? sum || 0xffff : checksum }, packet, at);
  return packet;
}

/** A frame in VXLAN. */
export function vxlan(vni: number, frame: Uint8Array, flags = 8): Uint8Array {
  const header = new Uint8Array(VXLAN_HEADER_LEN);
  vxlanLayout.encode({ flags, vni }, header);
  return join(header, frame);
}

/** ESP with some encrypted bytes. */
export function esp(spi: number, sequence: number): Uint8Array {
  const header = new Uint8Array(ESP_HEADER_LEN + 40).fill(0x5a);
  espLayout.encode({ spi, sequence }, header);
  return header;
}

/** A container's frame: UDP over IPv4. */
export const FRAME = ethernet(
  udpIp(4, 8080, new Uint8Array(33).fill(7), 'right', '10.0.9.3', '10.0.9.4'),
  EtherType.Ipv4,
);

/** The frame in VXLAN over an underlay, as on an Ethernet wire. */
export function overlay(
  family: 4 | 6 = 4,
  vni = 4097,
  frame = FRAME,
  checksum: 'right' | number = 'right',
): Uint8Array {
  const packet = udpIp(family, VXLAN_PORT, vxlan(vni, frame), checksum);
  return ethernet(packet, family === 4 ? EtherType.Ipv4 : EtherType.Ipv6, '02:00:00:00:50:01', '02:00:00:00:50:02');
}
