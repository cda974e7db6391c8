/** Fragments IP packets: IPv4 by RFC 791 section 3.2, IPv6 by RFC 8200 section 4.5. */
import { checkRange } from '../memory/internal.js';
import {
  checkIpv4,
  checkIpv6,
  HeaderError,
  IPV4_HEADER_LEN,
  IPV6_FRAGMENT_HEADER_LEN,
  IPV6_HEADER_LEN,
  IpProtocol,
  Ipv4View,
  Ipv6View,
  Ipv6ExtensionWalk,
  writeIpv4Length,
} from '../wire/index.js';

/** Why a packet can't be fragmented. */
export const FragmentError = {
  None: 0,
  /** Not an IP packet with valid headers, or an IPv4 fragment that ends beyond the longest datagram. */
  NotIp: 1,
  /** DF is set, or it is an IPv6 fragment. */
  DontFragment: 2,
  /** The MTU has no room for the headers and 8 bytes. */
  MtuTooSmall: 3,
} as const;
export type FragmentError = (typeof FragmentError)[keyof typeof FragmentError];

/** Longest IPv4 packet, and longest IPv6 payload, in bytes. */
const MAX_LENGTH = 65_535;
const MORE_FRAGMENTS = 0x2000;
const UNIT = 8;
const COPIED_OPTION = 0x80;
const END_OF_OPTIONS = 0;
const NO_OPERATION = 1;
const MAX_IPV4_HEADER = 60;

/** Fragments one packet after another: `begin`, then `next` until it returns 0. Allocates nothing. */
export class Fragmenter {
  /** Number of fragments of the packet. */
  count = 0;

  #bytes: Uint8Array = new Uint8Array(0);
  #family = 4;
  #start = 0;
  /** End of the part that every fragment repeats, then start and end of the payload to split. */
  #headerEnd = 0;
  #payload = 0;
  #payloadEnd = 0;
  /** Payload bytes of every fragment but the last, which may have up to `#room`. */
  #step = 0;
  #room = 0;
  #at = 0;
  #emitted = 0;
  /** IPv4: the packet's own offset in a larger datagram, and whether more fragments follow it. */
  #baseOffset = 0;
  #moreAfter = false;
  /** IPv6: offset of the field that names the header after the repeated part, and its value. */
  #announcedAt = 0;
  #nextHeader = 0;
  #identification = 0;
  /** IPv4: the header of later fragments, with only the options to copy. */
  readonly #later = new Uint8Array(MAX_IPV4_HEADER);
  #laterLength = 0;
  readonly #ipv4 = new Ipv4View();
  readonly #ipv6 = new Ipv6View();
  readonly #extensions = new Ipv6ExtensionWalk();

  /**
   * Begins to fragment a packet. Its bytes must not change until the last `next`.
   * @param bytes holds the packet
   * @param start offset of its IP header
   * @param end end of the bytes; the packet may end earlier by its own length
   * @param mtu largest IP packet of a fragment, in bytes
   * @param identification 32-bit identification of IPv6 fragments; IPv4 fragments keep the packet's
   * @throws MemoryError `BAD_RANGE`
   */
  begin(bytes: Uint8Array, start: number, end: number, mtu: number, identification = 0): FragmentError {
    checkRange(bytes, start, end);
    this.#bytes = bytes;
    this.#start = start;
    this.count = 0;
    this.#emitted = 0;
    this.#identification = identification;
    this.#family = start < end && bytes[start] >>> 4 === 6 ? 6 : 4;
    return this.#family === 4 ? this.#beginIpv4(bytes, start, end, mtu) : this.#beginIpv6(bytes, start, end, mtu);
  }

  /**
   * Writes the next fragment.
   * @param target with room for the MTU at `offset`; must not overlap the packet
   * @returns its size in bytes, or 0 if there are no more
   */
  next(target: Uint8Array, offset: number): number {
    if (this.#emitted === this.count) return 0;
    this.#emitted++;
    return this.#family === 4 ? this.#nextIpv4(target, offset) : this.#nextIpv6(target, offset);
  }

  #beginIpv4(bytes: Uint8Array, start: number, end: number, mtu: number): FragmentError {
    if (checkIpv4(bytes, start, end) !== HeaderError.None) return FragmentError.NotIp;
    const ip = this.#ipv4.wrap(bytes, start);
    if (ip.dontFragment) return FragmentError.DontFragment;
    // The 13-bit offset field would overflow for a fragment that ends beyond the longest datagram.
    if (ip.fragmentOffset + ip.payloadEnd - start > MAX_LENGTH) return FragmentError.NotIp;
    this.#baseOffset = ip.fragmentOffset;
    this.#moreAfter = ip.moreFragments;
    this.#headerEnd = ip.payloadOffset;
    this.#payloadEnd = ip.payloadEnd;
    this.#keepOptions(bytes, start, ip.payloadOffset);
    return this.#split(Math.min(mtu, MAX_LENGTH) - (ip.payloadOffset - start));
  }

  #beginIpv6(bytes: Uint8Array, start: number, end: number, mtu: number): FragmentError {
    if (checkIpv6(bytes, start, end) !== HeaderError.None) return FragmentError.NotIp;
    const ip = this.#ipv6.wrap(bytes, start);
    this.#payloadEnd = ip.payloadEnd;
    const walk = this.#extensions;
    const { nextHeaderOffset } = ip;
    const headerError = walk.run(bytes, bytes[nextHeaderOffset], nextHeaderOffset, ip.payloadOffset, this.#payloadEnd);
    if (walk.fragmentHeaderOffset >= 0) return FragmentError.DontFragment;
    if (headerError !== HeaderError.None) return FragmentError.NotIp;
    // RFC 8200 section 4.5: every fragment repeats the headers for the nodes on the path.
    this.#headerEnd = walk.perFragmentEnd;
    this.#announcedAt = walk.perFragmentProtocolAt - start;
    this.#nextHeader = bytes[walk.perFragmentProtocolAt];
    return this.#split(
      Math.min(mtu, IPV6_HEADER_LEN + MAX_LENGTH) - (this.#headerEnd - start) - IPV6_FRAGMENT_HEADER_LEN,
    );
  }

  #split(room: number): FragmentError {
    const step = room - (room % UNIT);
    if (step < UNIT) return FragmentError.MtuTooSmall;
    this.#step = step;
    this.#room = room;
    this.#payload = this.#headerEnd;
    this.#at = this.#payload;
    this.#emitted = 0;
    const length = this.#payloadEnd - this.#payload;
    this.count = length <= room ? 1 : 1 + Math.ceil((length - room) / step);
    return FragmentError.None;
  }

  /** RFC 791 section 3.1: options with the copied flag go into every fragment, the others only into the first. */
  #keepOptions(bytes: Uint8Array, start: number, headerEnd: number): void {
    const later = this.#later;
    for (let i = 0; i < IPV4_HEADER_LEN; i++) later[i] = bytes[start + i];
    let span = IPV4_HEADER_LEN;
    for (let at = start + IPV4_HEADER_LEN; at < headerEnd && bytes[at] !== END_OF_OPTIONS;) {
      const length = bytes[at] === NO_OPERATION ? 1 : at + 1 < headerEnd ? bytes[at + 1] : 0;
      if (length < 1 || at + length > headerEnd || (bytes[at] !== NO_OPERATION && length < 2)) break;
      if ((bytes[at] & COPIED_OPTION) !== 0) for (let i = 0; i < length; i++) later[span++] = bytes[at + i];
      at += length;
    }
    while (span % 4 !== 0) later[span++] = END_OF_OPTIONS;
    later[0] = 0x40 | (span / 4);
    this.#laterLength = span;
  }

  /** Payload bytes of the next fragment; those of the last need not be a multiple of 8. */
  #taken(): number {
    const left = this.#payloadEnd - this.#at;
    return left <= this.#room ? left : this.#step;
  }

  #nextIpv4(target: Uint8Array, offset: number): number {
    const first = this.#at === this.#payload;
    const span = first ? this.#headerEnd - this.#start : this.#laterLength;
    const taken = this.#taken();
    const last = this.#at + taken === this.#payloadEnd;
    const header = first ? this.#bytes : this.#later;
    const from = first ? this.#start : 0;
    for (let i = 0; i < span; i++) target[offset + i] = header[from + i];
    target.set(this.#bytes.subarray(this.#at, this.#at + taken), offset + span);
    const ip = this.#ipv4.wrap(target, offset);
    const word = (this.#baseOffset + this.#at - this.#payload) / UNIT;
    ip.fragmentWord = word | (!last || this.#moreAfter ? MORE_FRAGMENTS : 0);
    writeIpv4Length(target, offset, span + taken);
    this.#at += taken;
    return span + taken;
  }

  #nextIpv6(target: Uint8Array, offset: number): number {
    const span = this.#headerEnd - this.#start;
    const taken = this.#taken();
    const last = this.#at + taken === this.#payloadEnd;
    for (let i = 0; i < span; i++) target[offset + i] = this.#bytes[this.#start + i];
    target[offset + this.#announcedAt] = IpProtocol.Fragment;
    const fragment = offset + span;
    const word = (this.#at - this.#payload) | (last ? 0 : 1);
    target[fragment] = this.#nextHeader;
    target[fragment + 1] = 0;
    target[fragment + 2] = word >>> 8;
    target[fragment + 3] = word;
    target[fragment + 4] = this.#identification >>> 24;
    target[fragment + 5] = this.#identification >>> 16;
    target[fragment + 6] = this.#identification >>> 8;
    target[fragment + 7] = this.#identification;
    target.set(this.#bytes.subarray(this.#at, this.#at + taken), fragment + IPV6_FRAGMENT_HEADER_LEN);
    const length = span + IPV6_FRAGMENT_HEADER_LEN + taken;
    this.#ipv6.wrap(target, offset).payloadLength = length - IPV6_HEADER_LEN;
    this.#at += taken;
    return length;
  }
}
