/** Restores the IP packet from transport-mode ESP: the IP header moves up to the payload (RFC 4303 section 3.1.1). */
import { viewOf } from '../memory/internal.js';
import {
  IPV4_HEADER_LEN,
  ipv4Layout,
  IPV6_HEADER_LEN,
  Ipv6View,
  VERSION_4_IHL_5,
  writeIpv4,
  writeIpv4Length,
} from '../wire/index.js';

/** Header offsets of an ESP packet in transport mode, from a walk over it (wire/layers.ts). */
export interface TransportHeaders {
  readonly networkOffset: number;
  readonly transportOffset: number;
  /** Byte offset of the field that names the header after these; used only if there are options or extensions. */
  readonly protocolAt: number;
  readonly family: number;
}

const IPV4_TTL = ipv4Layout.offsetOf('ttl');

/** Restores IP packets in place. Create one and reuse it. */
export class TransportPacket {
  readonly #ipv6 = new Ipv6View();

  /**
   * Moves the IP header, with its options or extension headers, up to the payload and updates protocol, length and
   * checksum.
   * @param outer the walk over the ESP packet
   * @param payload offset of the payload
   * @param end end of the payload
   * @param nextHeader its protocol number
   * @returns offset of the restored packet
   */
  restore(bytes: Uint8Array, outer: TransportHeaders, payload: number, end: number, nextHeader: number): number {
    const { networkOffset, transportOffset, protocolAt, family } = outer;
    if (transportOffset - networkOffset === IPV4_HEADER_LEN && bytes[networkOffset] === VERSION_4_IHL_5) {
      return this.#restorePlain(bytes, networkOffset, payload, end, nextHeader);
    }
    const shift = payload - transportOffset;
    const start = networkOffset + shift;
    bytes.copyWithin(start, networkOffset, transportOffset);
    if (family === 4) {
      // Not always the IP header's protocol field: AH may be in between.
      bytes[protocolAt + shift] = nextHeader;
      writeIpv4Length(bytes, start, end - start);
    } else {
      bytes[protocolAt + shift] = nextHeader;
      this.#ipv6.wrap(bytes, start).payloadLength = end - start - IPV6_HEADER_LEN;
    }
    return start;
  }

  /** The same for an IPv4 header without options at `ip`: its five words are written to their new offset. */
  #restorePlain(bytes: Uint8Array, ip: number, payload: number, end: number, nextHeader: number): number {
    const view = viewOf(bytes);
    const to = payload - IPV4_HEADER_LEN;
    const fragmentation = view.getInt32(ip + 4);
    const source = view.getInt32(ip + 12);
    const destination = view.getInt32(ip + 16);
    writeIpv4(bytes, to, bytes[ip + 1], end - to, fragmentation, bytes[ip + IPV4_TTL], nextHeader, source, destination);
    return to;
  }
}
