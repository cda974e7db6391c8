/** Frames with IPv4 and UDP inside, correct checksums throughout. */
import {
  ETHERNET_HEADER_LEN,
  EtherType,
  ethernetLayout,
  IPV4_HEADER_LEN,
  IpProtocol,
  ipv4Layout,
  onesSum,
  pseudoHeaderSum,
  UDP_HEADER_LEN,
  udpLayout,
  writeIpv4Checksum,
} from '../src/wire/index.js';

/** Bytes from a frame's start to its UDP payload. */
export const FRAME_HEADERS = ETHERNET_HEADER_LEN + IPV4_HEADER_LEN + UDP_HEADER_LEN;

/** One side of a flow. */
export interface FlowSide {
  readonly mac: string;
  readonly ip: string;
  readonly port: number;
}

/** Writes Ethernet, IPv4 and UDP headers for `length` bytes of payload at `offset + FRAME_HEADERS`. */
export function writeHeaders(
  bytes: Uint8Array,
  offset: number,
  length: number,
  from: FlowSide,
  to: FlowSide,
  identification: number,
): void {
  ethernetLayout.encode({ destination: to.mac, source: from.mac, etherType: EtherType.Ipv4 }, bytes, offset);
  const ip = offset + ETHERNET_HEADER_LEN;
  const udp = ip + IPV4_HEADER_LEN;
  ipv4Layout.encode(
    {
      version: 4,
      ihl: 5,
      totalLength: IPV4_HEADER_LEN + UDP_HEADER_LEN + length,
      identification,
      ttl: 64,
      protocol: IpProtocol.Udp,
      source: from.ip,
      destination: to.ip,
    },
    bytes,
    ip,
  );
  writeIpv4Checksum(bytes, ip);
  const udpLength = UDP_HEADER_LEN + length;
  udpLayout.encode({ sourcePort: from.port, destinationPort: to.port, length: udpLength, checksum: 0 }, bytes, udp);
  const pseudo = pseudoHeaderSum(4, bytes, ip + 12, IpProtocol.Udp, udpLength);
  const sum = ~onesSum(bytes, udp, udp + udpLength, pseudo) & 0xffff;
  udpLayout.encode({ checksum: sum === 0 ? 0xffff : sum }, bytes, udp);
}
