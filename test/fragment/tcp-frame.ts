/** TCP frames, built header by header. */
import {
  ETHERNET_HEADER_LEN,
  ethernetLayout,
  EtherType,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  IpProtocol,
  ipv4Layout,
  ipv6Layout,
  onesSum,
  pseudoHeaderSum,
  TCP_CHECKSUM,
  TCP_HEADER_LEN,
  TcpFlag,
  tcpLayout,
  writeIpv4Checksum,
} from '../../src/wire/index.js';

/** Fields of a frame; the rest is constant. */
export interface TcpFrame {
  readonly family?: 4 | 6;
  readonly sequence?: number;
  readonly acknowledgment?: number;
  readonly flags?: number;
  readonly window?: number;
  readonly sourcePort?: number;
  /** A multiple of 4 bytes. */
  readonly options?: readonly number[];
  readonly tos?: number;
  readonly ttl?: number;
  readonly identification?: number;
  /**
   * Whether IPv4's DF is set.
   * @default true
   */
  readonly dontFragment?: boolean;
  /** IPv6's flow label, 20 bits. */
  readonly flowLabel?: number;
  /** Last byte of the destination address. */
  readonly host?: number;
  /** Whether the checksum is the pseudo-header's sum alone. */
  readonly partial?: boolean;
}

/** Offset of TCP in such a frame. */
export function transportOf(family: 4 | 6): number {
  return ETHERNET_HEADER_LEN + (family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN);
}

/** Bytes of the headers of such a frame. */
export function headersOf({ family = 4, options = [] }: TcpFrame): number {
  return transportOf(family) + TCP_HEADER_LEN + options.length;
}

/** A frame with a payload. */
export function tcpFrame(payload: Uint8Array, what: TcpFrame = {}): Uint8Array {
  const { family = 4, options = [], partial = false, host = 4, tos = 0, ttl = 64, identification = 0 } = what;
  const headers = headersOf(what);
  const frame = new Uint8Array(headers + payload.length);
  const etherType = family === 4 ? EtherType.Ipv4 : EtherType.Ipv6;
  ethernetLayout.encode({ destination: '02:42:0a:00:09:04', source: '02:42:0a:00:09:03', etherType }, frame);
  const ip = ETHERNET_HEADER_LEN;
  const tcp = transportOf(family);
  const protocol = IpProtocol.Tcp;
  if (family === 4) {
    const addresses = { source: '10.0.9.3', destination: `10.0.9.${host}` };
    const sizes = { version: 4, ihl: 5, totalLength: frame.length - ip };
    const dontFragment = what.dontFragment === false ? 0 : 1;
    ipv4Layout.encode({ ...sizes, identification, dontFragment, ttl, protocol, ...addresses }, frame, ip);
    frame[ip + 1] = tos;
    writeIpv4Checksum(frame, ip);
  } else {
    const addresses = { source: 'fd00::3', destination: `fd00::${host}` };
    const sizes = { version: 6, flowLabel: what.flowLabel ?? 0, payloadLength: frame.length - tcp };
    ipv6Layout.encode({ ...sizes, nextHeader: protocol, hopLimit: ttl, ...addresses }, frame, ip);
    frame[ip] |= tos >>> 4;
    frame[ip + 1] |= (tos << 4) & 0xf0;
  }
  const { sequence = 1, acknowledgment = 7, flags = TcpFlag.Ack, window = 500, sourcePort = 40_000 } = what;
  const ports = { sourcePort, destinationPort: 80 };
  tcpLayout.encode({ ...ports, sequence, acknowledgment, dataOffset: 5 + options.length / 4, window }, frame, tcp);
  frame[tcp + 13] = flags;
  frame.set(options, tcp + TCP_HEADER_LEN);
  frame.set(payload, headers);
  const pseudo = pseudoHeaderSum(family, frame, tcp - (family === 4 ? 8 : 32), protocol, frame.length - tcp);
  const checksum = partial ? pseudo : ~onesSum(frame, tcp, frame.length, pseudo) & 0xffff;
  frame.set([checksum >>> 8, checksum & 0xff], tcp + TCP_CHECKSUM);
  return frame;
}
