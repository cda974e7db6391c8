/**
 * Classifies IP packets from the underlay: VXLAN, ESP, or something else. The capture decoder and a node's ingress
 * share it, along with the checksum tests that precede it.
 */
import {
  checkEsp,
  ESP_UDP_PORT,
  HeaderError,
  IPV4_HEADER_LEN,
  isIpv4ChecksumValid,
  ipv4Layout,
  IpProtocol,
  type Layers,
  UDP_HEADER_LEN,
  isUdpChecksumValid,
  VERSION_4_IHL_5,
} from '../wire/index.js';
import { DropReason } from './drop-reason.js';

/** What a packet carries. */
export const PacketKind = {
  /** Not overlay traffic. */
  Other: 0,
  /** UDP to a VXLAN port. */
  Vxlan: 1,
  /** ESP, with or without UDP encapsulation. */
  Esp: 2,
  /** ESP or VXLAN that a receiver drops, for `Classifier.reason`. */
  Invalid: 3,
} as const;
export type PacketKind = (typeof PacketKind)[keyof typeof PacketKind];

/** Options of a classifier. */
export interface ClassifierOptions {
  /** UDP ports of VXLAN: at least one, the most used first. */
  readonly ports: readonly number[];
  /** Whether to drop packets with a wrong IPv4 header checksum. */
  readonly verifyIp: boolean;
  /** Whether to drop VXLAN packets with a wrong UDP checksum. */
  readonly verifyUdp: boolean;
}

const IP_TOTAL_LENGTH = ipv4Layout.offsetOf('totalLength');
const IP_FRAGMENT = ipv4Layout.bitsOf('fragmentOffset').offset;
const IP_PROTOCOL = ipv4Layout.offsetOf('protocol');
const ANY_FRAGMENT = 0x3fff;

/** Lower ports are system ports (RFC 6335 section 6), which a NAT doesn't map user ports to (RFC 4787, REQ-3). */
const FIRST_USER_PORT = 1024;
/** The port of IKE, which may be the source of packets to 4500 (RFC 3947 section 4). */
const IKE_PORT = 500;

/** Whether the ports are those of ESP in UDP, and 4500 isn't just the ephemeral port of another program's client. */
function areEspPorts(source: number, destination: number): boolean {
  if (destination === ESP_UDP_PORT) return source >= FIRST_USER_PORT || source === IKE_PORT;
  return source === ESP_UDP_PORT && (destination >= FIRST_USER_PORT || destination === IKE_PORT);
}

/**
 * Fast path for nearly all ESP packets, which needs no parsing: the end, by its total length, of an IPv4 packet without
 * options that is not a fragment and holds complete ESP.
 * @param start offset of the IP header
 * @param end end of the bytes, at most `bytes.length`
 * @returns -1 for any other packet
 */
export function plainEspEnd(bytes: Uint8Array, start: number, end: number): number {
  if (
    start + IPV4_HEADER_LEN > end ||
    bytes[start] !== VERSION_4_IHL_5 ||
    bytes[start + IP_PROTOCOL] !== IpProtocol.Esp
  )
    return -1;
  const fragment = start + IP_FRAGMENT;
  if ((((bytes[fragment] << 8) | bytes[fragment + 1]) & ANY_FRAGMENT) !== 0) return -1;
  const length = start + IP_TOTAL_LENGTH;
  const packetEnd = start + ((bytes[length] << 8) | bytes[length + 1]);
  return packetEnd <= end && checkEsp(bytes, start + IPV4_HEADER_LEN, packetEnd) === HeaderError.None ? packetEnd : -1;
}

/** Classifies packets. The fields hold the results until the next call. */
export class Classifier {
  /** Why the last packet is `Wrong`. */
  reason: DropReason = DropReason.None;
  /** For `Esp`: offsets of its header and of the end of its ICV, by the packet's length fields. */
  espOffset = 0;
  espEnd = 0;
  /** The UDP port of VXLAN that is used most, and whether wrong checksums of its packets are found. */
  readonly port: number;
  readonly verifiesUdp: boolean;
  readonly #otherPorts: readonly number[];
  readonly #verifyIp: boolean;

  constructor({ ports, verifyIp, verifyUdp }: ClassifierOptions) {
    [this.port] = ports;
    this.#otherPorts = ports.slice(1);
    this.#verifyIp = verifyIp;
    this.verifiesUdp = verifyUdp;
  }

  /**
   * Whether a receiver accepts the IPv4 header checksum of a packet or fragment (RFC 1122 section 3.2.1.2). Packets
   * captured before segmentation offload don't have one yet, and are accepted.
   * @param layers the packet's parsed headers
   */
  acceptsIp(bytes: Uint8Array, layers: Layers): boolean {
    if (!this.#verifyIp || layers.family !== 4 || layers.lengthUnset) return true;
    return isIpv4ChecksumValid(bytes, layers.networkOffset);
  }

  /**
   * Classifies a packet that is not a fragment.
   * @param layers its parsed headers
   * @param captured end of its bytes: before the packet's end if the capture truncated it
   */
  classify(bytes: Uint8Array, layers: Layers, captured: number): PacketKind {
    const { protocol } = layers;
    if (protocol === IpProtocol.Udp && layers.family !== 0) {
      const { destinationPort } = layers;
      if (destinationPort === this.port || this.#otherPorts.includes(destinationPort)) {
        return this.verifiesUdp ? this.#verified(bytes, layers, captured) : PacketKind.Vxlan;
      }
      return areEspPorts(layers.sourcePort, destinationPort)
        ? this.#espInUdp(bytes, layers, captured)
        : PacketKind.Other;
    }
    return protocol === IpProtocol.Esp && layers.family !== 0 ? this.#esp(bytes, layers, captured) : PacketKind.Other;
  }

  #verified(bytes: Uint8Array, layers: Layers, captured: number): PacketKind {
    const { payloadOffset, payloadEnd, family, addressOffset, lengthUnset } = layers;
    // A truncated packet can't be summed; one captured before segmentation offload has no checksum yet.
    if (payloadEnd > captured || lengthUnset) return PacketKind.Vxlan;
    if (isUdpChecksumValid(bytes, payloadOffset - UDP_HEADER_LEN, family, addressOffset)) return PacketKind.Vxlan;
    return this.#wrong(DropReason.UdpChecksum);
  }

  #esp(bytes: Uint8Array, { transportOffset, networkEnd }: Layers, captured: number): PacketKind {
    const end = Math.min(captured, networkEnd);
    const headerError = checkEsp(bytes, transportOffset, end);
    if (headerError === HeaderError.None) return this.#found(transportOffset, networkEnd);
    const truncated = headerError === HeaderError.Short && end < networkEnd;
    return this.#wrong(truncated ? DropReason.CaptureTruncated : DropReason.EspHeader);
  }

  /** RFC 3948: a single byte 0xff is a NAT keepalive, four zero bytes are IKE's non-ESP marker; neither is ESP. */
  #espInUdp(bytes: Uint8Array, { payloadOffset, payloadEnd }: Layers, captured: number): PacketKind {
    const end = Math.min(captured, payloadEnd);
    const headerError = checkEsp(bytes, payloadOffset, end);
    if (headerError === HeaderError.None) return this.#found(payloadOffset, payloadEnd);
    return headerError === HeaderError.Short && end < payloadEnd
      ? this.#wrong(DropReason.CaptureTruncated)
      : PacketKind.Other;
  }

  #found(offset: number, end: number): PacketKind {
    this.espOffset = offset;
    this.espEnd = end;
    return PacketKind.Esp;
  }

  #wrong(reason: DropReason): PacketKind {
    this.reason = reason;
    return PacketKind.Invalid;
  }
}
