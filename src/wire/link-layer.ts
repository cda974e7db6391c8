/**
 * Link layers: the headers before an IP packet in a capture, a bench or a generated file. The chains consume and
 * produce IP packets, so this is the only file that knows about Ethernet, cooked and loopback headers around them.
 */
import { getWord, viewOf } from '../memory/internal.js';
import { EtherType } from './ether-type.js';
import { ETHERNET_HEADER_LEN } from './ethernet.js';
import { HeaderError } from './header-error.js';
import type { Layers } from './layers.js';
import { checkLinuxSll, LINUX_SLL_HEADER_LEN, linuxSllProtocol } from './linux-sll.js';
import { checkLinuxSll2, LINUX_SLL2_HEADER_LEN, linuxSll2Protocol } from './linux-sll2.js';

/** The LINKTYPE_ numbers (tcpdump.org/linktypes.html) that can be read. */
export const LinkType = {
  /** BSD loopback: a 4-byte address family in the writing host's order. */
  Null: 0,
  Ethernet: 1,
  /** Raw IP, with the numbers that BSD and OpenBSD used before 101 was assigned. */
  RawBsd: 12,
  RawOpenBsd: 14,
  Raw: 101,
  /** OpenBSD loopback: the same as Null in network order. */
  Loop: 108,
  LinuxSll: 113,
  Ipv4: 228,
  Ipv6: 229,
  LinuxSll2: 276,
} as const;

/** Whether packets of a link type can be walked. */
export function isLinkTypeKnown(linkType: number): boolean {
  return Object.values<number>(LinkType).includes(linkType);
}

/** ETH_P_802_2: the protocol in a cooked header for an 802.3 frame that begins with LLC. */
const COOKED_LLC = 4;

// 24, 28 and 30 are IPv6 on the BSDs and macOS, 10 on Linux; the family's byte order is the writer's.
function etherTypeOfFamily(bytes: Uint8Array, offset: number): number {
  const little = bytes[offset] | (bytes[offset + 1] << 8);
  const big = (bytes[offset + 2] << 8) | bytes[offset + 3];
  switch (little !== 0 ? little : big) {
    case 2:
      return EtherType.Ipv4;
    case 10:
    case 24:
    case 28:
    case 30:
      return EtherType.Ipv6;
    default:
      return 0;
  }
}

function etherTypeOfVersion(bytes: Uint8Array, offset: number): number {
  const version = bytes[offset] >>> 4;
  if (version === 4) return EtherType.Ipv4;
  return version === 6 ? EtherType.Ipv6 : 0;
}

/**
 * Walks a captured packet's headers, starting with its link layer.
 * @param layers receives the result
 * @param end end of the captured bytes, at most `bytes.length`
 * @param limit end of the packet on the wire; beyond `end` if a snaplen truncated the capture
 * @returns the fault, also in `layers.headerError`; `BadValue` for an unknown link type
 * @example
 * import { batchesOf, openCaptureFile } from 'vtep/capture';
 * import { HeaderError, Layers, walkLink } from 'vtep/wire';
 *
 * const layers = new Layers({ fromCapture: true });
 * for await (const { bytes, count, capturedLength, linkType, offset, originalLength } of batchesOf(
 *   await openCaptureFile('wire.pcap'),
 * )) {
 *   for (let i = 0; i < count; i++) {
 *     const end = offset[i] + capturedLength[i];
 *     const error = walkLink(layers, linkType[i], bytes, offset[i], end, offset[i] + originalLength[i]);
 *     if (error === HeaderError.None) console.log(layers.protocol, layers.sourcePort, layers.destinationPort);
 *   }
 * }
 */
export function walkLink(
  layers: Layers,
  linkType: number,
  bytes: Uint8Array,
  offset: number,
  end: number,
  limit: number,
): HeaderError {
  switch (linkType) {
    case LinkType.Ethernet:
      return layers.walkEthernet(bytes, offset, end, limit);
    case LinkType.LinuxSll:
      if (checkLinuxSll(bytes, offset, end) !== HeaderError.None)
        return layers.recordError(HeaderError.Short, end, limit);
      if (linuxSllProtocol(bytes, offset) === COOKED_LLC) {
        return layers.walkBareLlc(bytes, offset + LINUX_SLL_HEADER_LEN, end, limit);
      }
      return layers.walkNetwork(bytes, linuxSllProtocol(bytes, offset), offset + LINUX_SLL_HEADER_LEN, end, limit);
    case LinkType.LinuxSll2:
      if (checkLinuxSll2(bytes, offset, end) !== HeaderError.None)
        return layers.recordError(HeaderError.Short, end, limit);
      if (linuxSll2Protocol(bytes, offset) === COOKED_LLC) {
        return layers.walkBareLlc(bytes, offset + LINUX_SLL2_HEADER_LEN, end, limit);
      }
      return layers.walkNetwork(bytes, linuxSll2Protocol(bytes, offset), offset + LINUX_SLL2_HEADER_LEN, end, limit);
    case LinkType.Raw:
    case LinkType.RawBsd:
    case LinkType.RawOpenBsd:
    case LinkType.Ipv4:
    case LinkType.Ipv6:
      if (offset >= end) return layers.recordError(HeaderError.Short, end, limit);
      return layers.walkNetwork(bytes, etherTypeOfVersion(bytes, offset), offset, end, limit);
    case LinkType.Null:
    case LinkType.Loop:
      if (offset + 4 > end) return layers.recordError(HeaderError.Short, end, limit);
      return layers.walkNetwork(bytes, etherTypeOfFamily(bytes, offset), offset + 4, end, limit);
    default:
      return layers.recordError(HeaderError.BadValue, end, limit);
  }
}

const MAC_BYTES = 6;
const ETHERNET_WORDS = 4;

/**
 * Ethernet headers from one host of an IP network to each of the others, for callers that need a chain's packets as
 * frames: capture writers and benches.
 */
export class EthernetHeaders {
  /** By destination: both MACs and the EtherType as four words, of which the last uses only its upper half. */
  readonly #words: Int32Array;

  /**
   * @param family 4 or 6: the IP version of all packets
   * @param source MAC of the sender
   * @param destinations MACs by index; an unknown MAC is zero
   */
  constructor(family: 4 | 6, source: Uint8Array | undefined, destinations: readonly (Uint8Array | undefined)[]) {
    const etherType = family === 4 ? EtherType.Ipv4 : EtherType.Ipv6;
    this.#words = new Int32Array(destinations.length * ETHERNET_WORDS);
    destinations.forEach((mac, index) => {
      const header = new Uint8Array(4 * ETHERNET_WORDS);
      if (mac !== undefined) header.set(mac);
      if (source !== undefined) header.set(source, MAC_BYTES);
      header[12] = etherType >>> 8;
      header[13] = etherType;
      for (let i = 0; i < ETHERNET_WORDS; i++) this.#words[index * ETHERNET_WORDS + i] = getWord(header, 4 * i);
    });
  }

  /**
   * Writes the header in front of an IP packet.
   * @param bytes with 14 bytes of room before `start`
   * @param start offset of the IP header
   * @param destination index of the receiver
   * @returns offset of the Ethernet header
   */
  prepend(bytes: Uint8Array, start: number, destination: number): number {
    const view = viewOf(bytes);
    const words = this.#words;
    const at = start - ETHERNET_HEADER_LEN;
    const from = destination * ETHERNET_WORDS;
    view.setInt32(at, words[from]);
    view.setInt32(at + 4, words[from + 1]);
    view.setInt32(at + 8, words[from + 2]);
    view.setInt16(at + 12, words[from + 3] >>> 16);
    return at;
  }
}
