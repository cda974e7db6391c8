/** The extension headers between an IPv6 header and its transport (RFC 8200 section 4). */
import { HeaderError } from './header-error.js';
import { IpProtocol } from './ip-protocol.js';
import { bits, header, u8, u32 } from './layout.js';

/**
 * The common start of every extension header; its size is (headerLength + 1) * 8 bytes (AH: (headerLength + 2) * 4).
 */
export const ipv6ExtensionLayout = header('IPv6 extension', u8('nextHeader'), u8('headerLength'));

/** The fragment header (RFC 8200 section 4.5). */
export const ipv6FragmentLayout = header(
  'IPv6 fragment',
  u8('nextHeader'),
  u8('reserved'),
  bits(2, { fragmentOffset: 13, reservedBits: 2, moreFragments: 1 }),
  u32('identification'),
);

/** Size of the fragment header in bytes. */
export const IPV6_FRAGMENT_HEADER_LEN = ipv6FragmentLayout.span;

const HEADER_LENGTH = ipv6ExtensionLayout.offsetOf('headerLength');
const FRAGMENT_WORD = ipv6FragmentLayout.bitsOf('fragmentOffset').offset;
const FRAGMENT_OFFSET_MASK = 0xfff8;
const IDENTIFICATION = ipv6FragmentLayout.offsetOf('identification');

/**
 * Maximum number of extension headers: more of them indicate an attack, and RFC 8504 section 5.3 permits such a limit.
 */
const MAX_EXTENSIONS = 8;

/** Whether a next-header number is an extension header to walk through. ESP is not: what follows it is encrypted. */
export function isIpv6Extension(nextHeader: number): boolean {
  switch (nextHeader) {
    case IpProtocol.HopByHop:
    case IpProtocol.Routing:
    case IpProtocol.Fragment:
    case IpProtocol.DestinationOptions:
    case IpProtocol.Ah:
    case IpProtocol.Mobility:
    case IpProtocol.Hip:
    case IpProtocol.Shim6:
      return true;
    default:
      return false;
  }
}

/** Result of a walk over extension headers. Create once; each walk overwrites it. */
export class Ipv6ExtensionWalk {
  /**
   * The first next-header number that isn't an extension header. For a later fragment, the fragment header's next
   * header.
   */
  protocol = 0;
  /** Byte offset of the next-header field that holds `protocol`. */
  protocolAt = 0;
  /** Byte offset of the header that `protocol` names. */
  payloadOffset = 0;
  /** Byte offset of the fragment header, or -1. */
  fragmentHeaderOffset = -1;
  /** Byte offset of the next-header field that announces the fragment header; valid only if there is one. */
  fragmentAnnouncedAt = 0;
  /** Offset of this fragment's payload within the datagram's, in bytes. */
  fragmentOffset = 0;
  moreFragments = false;
  identification = 0;
  /**
   * End of the headers that every node on the path reads: hop-by-hop options, routing, and any destination options
   * before a routing header. Fragments repeat them (RFC 8200 section 4.5), and ESP in transport mode follows them (RFC
   * 4303 section 3.1.1).
   */
  perFragmentEnd = 0;
  /** Byte offset of the next-header field that names what follows `perFragmentEnd`. */
  perFragmentProtocolAt = 0;

  /**
   * Walks from the IPv6 header's next header to the transport. Stops after the fragment header of a fragment, since the
   * rest belongs to the reassembled datagram; an atomic fragment (RFC 6946) is walked through.
   * @param nextHeader the IPv6 header's next-header number
   * @param announcedAt byte offset of the field that held it
   * @param offset byte offset of the header that it names
   * @param end end of the bytes, at most `bytes.length`
   * @returns `Short`, `TooDeep` or `None`
   */
  run(bytes: Uint8Array, nextHeader: number, announcedAt: number, offset: number, end: number): HeaderError {
    this.fragmentHeaderOffset = -1;
    this.fragmentOffset = 0;
    this.moreFragments = false;
    this.identification = 0;
    this.perFragmentEnd = offset;
    this.perFragmentProtocolAt = announcedAt;
    let next = nextHeader;
    let announced = announcedAt;
    let at = offset;
    for (let depth = 0; isIpv6Extension(next); depth++) {
      if (depth === MAX_EXTENSIONS) return HeaderError.TooDeep;
      if (at + 8 > end) return HeaderError.Short;
      const following = bytes[at];
      if (next === IpProtocol.Fragment) {
        const word = (bytes[at + FRAGMENT_WORD] << 8) | bytes[at + FRAGMENT_WORD + 1];
        this.fragmentHeaderOffset = at;
        this.fragmentAnnouncedAt = announced;
        this.fragmentOffset = word & FRAGMENT_OFFSET_MASK;
        this.moreFragments = (word & 1) !== 0;
        const id = at + IDENTIFICATION;
        this.identification = ((bytes[id] << 24) | (bytes[id + 1] << 16) | (bytes[id + 2] << 8) | bytes[id + 3]) >>> 0;
        announced = at;
        at += IPV6_FRAGMENT_HEADER_LEN;
        next = following;
        if (this.fragmentOffset !== 0 || this.moreFragments) break;
      } else {
        const length = bytes[at + HEADER_LENGTH];
        const span = next === IpProtocol.Ah ? (length + 2) * 4 : (length + 1) * 8;
        if (at + span > end) return HeaderError.Short;
        announced = at;
        at += span;
        if (next === IpProtocol.HopByHop || next === IpProtocol.Routing) {
          this.perFragmentEnd = at;
          this.perFragmentProtocolAt = announced;
        }
        next = following;
      }
    }
    this.protocol = next;
    this.protocolAt = announced;
    this.payloadOffset = at;
    return HeaderError.None;
  }
}
