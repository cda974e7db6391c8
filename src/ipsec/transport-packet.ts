/** What transport-mode ESP held, made an IP packet again: the IP header moves up to the payload (RFC 4303 section 3.1.1). */
import { IPV6_SPAN, Ipv4View, Ipv6View, type Layers, writeIpv4Checksum } from '../wire/index.js';

/** Restores packets; made once. */
export class TransportPacket {
  readonly #ipv4 = new Ipv4View();
  readonly #ipv6 = new Ipv6View();

  /**
   * Moves the IP header, with its options or extension headers, up to the payload and puts protocol, length and checksum
   * right.
   * @param outer the walk over the ESP packet
   * @param payload where the payload begins
   * @param end where it ends
   * @param nextHeader its protocol number
   * @returns where the packet begins
   */
  restore(bytes: Uint8Array, outer: Layers, payload: number, end: number, nextHeader: number): number {
    const { networkOffset, transportOffset, protocolAt, family } = outer;
    const shift = payload - transportOffset;
    const start = networkOffset + shift;
    bytes.copyWithin(start, networkOffset, transportOffset);
    if (family === 4) {
      const ip = this.#ipv4.wrap(bytes, start);
      ip.protocol = nextHeader;
      ip.totalLength = end - start;
      writeIpv4Checksum(bytes, start);
    } else {
      bytes[protocolAt + shift] = nextHeader;
      this.#ipv6.wrap(bytes, start).payloadLength = end - start - IPV6_SPAN;
    }
    return start;
  }
}
