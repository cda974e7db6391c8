/**
 * What an IP packet off the underlay carries: VXLAN, ESP, or something else. The decision is made here for the capture
 * decoder and for a node's ingress alike, with the checksums that come before it.
 */
import {
  checkEsp,
  ESP_UDP_PORT,
  Fault,
  IPV4_SPAN,
  ipv4ChecksumHolds,
  ipv4Layout,
  IpProtocol,
  type Layers,
  UDP_SPAN,
  udpChecksumHolds,
} from '../wire/index.js';
import { DropReason } from './drop-reason.js';

/** What a packet carries. */
export const PacketKind = {
  /** No overlay traffic. */
  Other: 0,
  /** UDP for VXLAN's port. */
  Vxlan: 1,
  /** ESP, in UDP or not. */
  Esp: 2,
  /** ESP or VXLAN that a receiver drops: `Classifier.reason` says why. */
  Wrong: 3,
} as const;
export type PacketKind = (typeof PacketKind)[keyof typeof PacketKind];

/** What a classifier goes by. */
export interface ClassifierOptions {
  /** UDP ports of VXLAN, at least one; the usual one first. */
  readonly ports: readonly number[];
  /** Whether a wrong IPv4 header checksum is a reason to drop. */
  readonly verifyIp: boolean;
  /** Whether a wrong UDP checksum of a VXLAN packet is. */
  readonly verifyUdp: boolean;
}

const IP_TOTAL_LENGTH = ipv4Layout.offsetOf('totalLength');
const IP_FRAGMENT = ipv4Layout.bitsOf('fragmentOffset').offset;
const IP_PROTOCOL = ipv4Layout.offsetOf('protocol');
const VERSION_4_IHL_5 = 0x45;
const ANY_FRAGMENT = 0x3fff;

/** Below this, ports belong to servers (RFC 6335 section 6), and a NAT gives none of them away (RFC 4787, REQ-3). */
const FIRST_USER_PORT = 1024;
/** IKE's own port, from which it may go to 4500 (RFC 3947 section 4). */
const IKE_PORT = 500;

/** Whether a UDP packet's ports are those of ESP in UDP, and 4500 isn't just the port that another program's client got. */
function isEspPorts(source: number, destination: number): boolean {
  if (destination === ESP_UDP_PORT) return source >= FIRST_USER_PORT || source === IKE_PORT;
  return source === ESP_UDP_PORT && (destination >= FIRST_USER_PORT || destination === IKE_PORT);
}

/**
 * Where a packet ends, by its own length, that is IPv4 without options, no fragment, and whole ESP: nearly every ESP packet
 * is, and needs no walk.
 * @param start offset of the IP header
 * @param end where the packet ends, at most `bytes.length`
 * @returns -1 for any other packet
 */
export function plainEspEnd(bytes: Uint8Array, start: number, end: number): number {
  if (start + IPV4_SPAN > end || bytes[start] !== VERSION_4_IHL_5 || bytes[start + IP_PROTOCOL] !== IpProtocol.Esp)
    return -1;
  const fragment = start + IP_FRAGMENT;
  if ((((bytes[fragment] << 8) | bytes[fragment + 1]) & ANY_FRAGMENT) !== 0) return -1;
  const length = start + IP_TOTAL_LENGTH;
  const packetEnd = start + ((bytes[length] << 8) | bytes[length + 1]);
  return packetEnd <= end && checkEsp(bytes, start + IPV4_SPAN, packetEnd) === Fault.None ? packetEnd : -1;
}

/** Classifies packets. Results are in its fields until the next call. */
export class Classifier {
  /** Why the last packet is `Wrong`. */
  reason: DropReason = DropReason.None;
  /** Of `Esp`: offset of its header, and where its ICV ends by the packet's own length. */
  espOffset = 0;
  espEnd = 0;
  readonly #port: number;
  readonly #otherPorts: readonly number[];
  readonly #verifyIp: boolean;
  readonly #verifyUdp: boolean;

  constructor({ ports, verifyIp, verifyUdp }: ClassifierOptions) {
    [this.#port] = ports;
    this.#otherPorts = ports.slice(1);
    this.#verifyIp = verifyIp;
    this.#verifyUdp = verifyUdp;
  }

  /**
   * Whether an IP header's checksum is one that a receiver accepts, fragments' included (RFC 1122 section 3.2.1.2). What a
   * network card was still to segment has none yet.
   * @param layers the walk over it
   */
  acceptsIp(bytes: Uint8Array, layers: Layers): boolean {
    if (!this.#verifyIp || layers.family !== 4 || layers.lengthUnset) return true;
    return ipv4ChecksumHolds(bytes, layers.networkOffset);
  }

  /**
   * Classifies a packet that is no fragment.
   * @param layers the walk over it
   * @param captured where its bytes end: before the packet's own end if the capture was cut
   */
  classify(bytes: Uint8Array, layers: Layers, captured: number): PacketKind {
    const { protocol } = layers;
    if (protocol === IpProtocol.Udp && layers.family !== 0) {
      const { destinationPort } = layers;
      if (destinationPort === this.#port || this.#otherPorts.includes(destinationPort)) {
        return this.#verifyUdp ? this.#verified(bytes, layers, captured) : PacketKind.Vxlan;
      }
      return isEspPorts(layers.sourcePort, destinationPort)
        ? this.#espInUdp(bytes, layers, captured)
        : PacketKind.Other;
    }
    return protocol === IpProtocol.Esp && layers.family !== 0 ? this.#esp(bytes, layers, captured) : PacketKind.Other;
  }

  #verified(bytes: Uint8Array, layers: Layers, captured: number): PacketKind {
    const { payloadOffset, payloadEnd, family, addressOffset, lengthUnset } = layers;
    // What isn't whole can't be summed up, and what a card was still to segment has no checksum of its own yet.
    if (payloadEnd > captured || lengthUnset) return PacketKind.Vxlan;
    if (udpChecksumHolds(bytes, payloadOffset - UDP_SPAN, family, addressOffset)) return PacketKind.Vxlan;
    return this.#wrong(DropReason.UdpChecksum);
  }

  #esp(bytes: Uint8Array, { transportOffset, networkEnd }: Layers, captured: number): PacketKind {
    const end = Math.min(captured, networkEnd);
    const fault = checkEsp(bytes, transportOffset, end);
    if (fault === Fault.None) return this.#found(transportOffset, networkEnd);
    const cut = fault === Fault.Short && end < networkEnd;
    return this.#wrong(cut ? DropReason.CaptureTruncated : DropReason.EspHeader);
  }

  /** RFC 3948: one byte 0xff keeps the NAT open, four zero bytes are IKE's mark; neither is ESP. */
  #espInUdp(bytes: Uint8Array, { payloadOffset, payloadEnd }: Layers, captured: number): PacketKind {
    const end = Math.min(captured, payloadEnd);
    const fault = checkEsp(bytes, payloadOffset, end);
    if (fault === Fault.None) return this.#found(payloadOffset, payloadEnd);
    return fault === Fault.Short && end < payloadEnd ? this.#wrong(DropReason.CaptureTruncated) : PacketKind.Other;
  }

  #found(offset: number, end: number): PacketKind {
    this.espOffset = offset;
    this.espEnd = end;
    return PacketKind.Esp;
  }

  #wrong(reason: DropReason): PacketKind {
    this.reason = reason;
    return PacketKind.Wrong;
  }
}
