/**
 * Walks a packet's headers from Ethernet or IP to the transport ports, checking every length on the way. The caller
 * owns the object; a walk overwrites it and allocates nothing.
 */

import { EtherType } from './ether-type.js';
import { checkEthernet, ETHERNET_HEADER_LEN, EthernetView, ethernetLayout } from './ethernet.js';
import { HeaderError } from './header-error.js';
import { IpProtocol } from './ip-protocol.js';
import { checkIpv4, IPV4_HEADER_LEN, Ipv4View, ipv4Layout, isIpv4LengthUnset, VERSION_4_IHL_5 } from './ipv4.js';
import { checkIpv6, ipv6JumboLength, Ipv6View } from './ipv6.js';
import { Ipv6ExtensionWalk } from './ipv6-extension.js';
import { isSnap, LLC_HEADER_LEN, MIN_ETHER_TYPE, Sap, SNAP_HEADER_LEN, snapOui, snapProtocol } from './llc.js';
import { checkTcp } from './tcp.js';
import { checkUdp, UDP_HEADER_LEN, udpLayout } from './udp.js';
import { checkVlan, isVlanTag, VLAN_HEADER_LEN, VlanView } from './vlan.js';

/** The deepest header that a walk reached; after a fault, the faulty one. */
export const Layer = { None: 0, Ethernet: 1, Vlan: 2, Network: 3, Extension: 4, Transport: 5 } as const;
export type Layer = (typeof Layer)[keyof typeof Layer];

/** Two pairs of tags; real traffic has no more. */
const MAX_VLAN_TAGS = 4;

// Offsets for the fast path: nearly every packet is Ethernet, IPv4 without options, UDP.
const ETHER_TYPE = ethernetLayout.offsetOf('etherType');
const IP_TOTAL_LENGTH = ipv4Layout.offsetOf('totalLength');
const IP_FRAGMENT = ipv4Layout.bitsOf('fragmentOffset').offset;
const IP_PROTOCOL = ipv4Layout.offsetOf('protocol');
const IP_SOURCE = ipv4Layout.offsetOf('source');
const UDP_LENGTH = udpLayout.offsetOf('length');
const PLAIN_HEADERS_LEN = ETHERNET_HEADER_LEN + IPV4_HEADER_LEN + UDP_HEADER_LEN;
const ANY_FRAGMENT = 0x3fff;
/** Size of AH's fixed fields in bytes (RFC 4302 section 2). */
const AH_HEADER_LEN = 12;

/** Options of a walk. */
export interface LayersOptions {
  /**
   * Accept what occurs in captures but receivers refuse. IP and UDP lengths of 0, left for the NIC to fill in (TSO) or
   * unable to represent the size (BIG TCP), extend to the packet's end. Jumbograms (RFC 2675), 802.3 frames with LLC,
   * and AH over IPv4 are walked through.
   * @default false
   */
  readonly fromCapture?: boolean;
}

/**
 * Result of a walk. Offsets are byte offsets into the bytes that were walked.
 * @example
 * import { formatIp, HeaderError, headerErrorText, Layers } from 'vtep/wire';
 *
 * const packet = Buffer.from(
 *   '02420a00090402420a0009030800' + '4500002000004000401114c60a0009030a0009049c4012b5000c000064617461',
 *   'hex',
 * );
 * const layers = new Layers();
 * const error = layers.walkEthernet(packet, 0, packet.length);
 * if (error !== HeaderError.None) throw new Error(headerErrorText(error));
 * console.log(formatIp(layers.family, packet, layers.addressOffset), layers.destinationPort); // 10.0.9.3 4789
 * console.log(packet.toString('latin1', layers.payloadOffset, layers.payloadEnd)); // data
 */
export class Layers {
  /** The fault found in `layer`; the fields of the layers before it are still valid. */
  headerError: HeaderError = HeaderError.None;
  /** The last layer walked; with a fault, the one it is in. */
  layer: Layer = Layer.None;
  /** EtherType in the innermost tag (or in the Ethernet header). */
  etherType = 0;
  /** Number of VLAN tags. */
  vlanTags = 0;
  /** VLAN id of the outermost tag, or -1. */
  vlanId = -1;
  /** Offset of the IP header (or of whatever `etherType` names). */
  networkOffset = 0;
  /** End of the IP packet by its own length; link-layer padding follows it. */
  networkEnd = 0;
  /** 4, 6, or 0 if there is no IP. */
  family = 0;
  /** Offset of the source address; the destination address follows it. */
  addressOffset = 0;
  /** The transport's protocol number. */
  protocol = 0;
  /** Byte offset of the field that holds `protocol`; for IPv4, not set by the fast path for plain UDP. */
  protocolAt = 0;
  /** Offset of the header that `protocol` names. */
  transportOffset = 0;
  /** Whether this is a fragment; ports aren't read then. */
  isFragment = false;
  /** Offset of this fragment within the datagram's payload, in bytes. */
  fragmentOffset = 0;
  /** Whether further fragments of the datagram follow this one. */
  moreFragments = false;
  /** The datagram's identification: 16 bits in IPv4, 32 in IPv6. */
  identification = 0;
  /** IPv6: offset of the fragment header, or -1. */
  fragmentHeaderOffset = -1;
  /** IPv6: offset of the next-header field that announces the fragment header. */
  fragmentAnnouncedAt = 0;
  /** TCP or UDP source port, or -1. */
  sourcePort = -1;
  /** TCP or UDP destination port, or -1. */
  destinationPort = -1;
  /** Start of the TCP or UDP payload. */
  payloadOffset = 0;
  /** End of the TCP or UDP payload by the headers' lengths; equal to `payloadOffset` if there is none. */
  payloadEnd = 0;
  /** Offset of the LLC header of an 802.3 frame, or -1; only with `fromCapture`. */
  llcOffset = -1;
  /** Whether the IP length was 0, so that `networkEnd` is the packet's end on the wire; only with `fromCapture`. */
  lengthUnset = false;

  private readonly fromCapture: boolean;
  /** Whether the fields that are constant for plain packets are already set; the fast path then skips them. */
  private plain = false;
  private readonly ethernet = new EthernetView();
  private readonly vlan = new VlanView();
  private readonly ipv4 = new Ipv4View();
  private readonly ipv6 = new Ipv6View();
  private readonly extensions = new Ipv6ExtensionWalk();

  constructor(options: LayersOptions = {}) {
    this.fromCapture = options.fromCapture ?? false;
  }

  /**
   * Walks from an Ethernet header.
   * @param bytes holds the packet from `offset` to `end`
   * @param end end of the captured bytes, at most `bytes.length`
   * @param limit end of the packet on the wire; beyond `end` if a snaplen truncated the capture
   * @returns the fault, also in `headerError`
   */
  walkEthernet(bytes: Uint8Array, offset: number, end: number, limit: number = end): HeaderError {
    // Fast path for the common case; anything unusual or faulty falls through to the full walk.
    if (offset + PLAIN_HEADERS_LEN <= end) {
      const type = offset + ETHER_TYPE;
      if (((bytes[type] << 8) | bytes[type + 1]) === EtherType.Ipv4 && this.walkPlain(bytes, type + 2, limit))
        return HeaderError.None;
    }
    return this.walkAnyEthernet(bytes, offset, end, limit);
  }

  /**
   * Fast path for IPv4 without options carrying UDP; both headers are within the bytes at `ip`. Kept to few bytecodes
   * so that V8 inlines it into the calling loop.
   */
  private walkPlain(bytes: Uint8Array, ip: number, limit: number): boolean {
    const fragment = ip + IP_FRAGMENT;
    if (
      bytes[ip] !== VERSION_4_IHL_5 ||
      bytes[ip + IP_PROTOCOL] !== IpProtocol.Udp ||
      (((bytes[fragment] << 8) | bytes[fragment + 1]) & ANY_FRAGMENT) !== 0
    ) {
      return false;
    }
    const udp = ip + IPV4_HEADER_LEN;
    const totalLength = ip + IP_TOTAL_LENGTH;
    const length = udp + UDP_LENGTH;
    const networkEnd = ip + ((bytes[totalLength] << 8) | bytes[totalLength + 1]);
    const udpEnd = udp + ((bytes[length] << 8) | bytes[length + 1]);
    const payload = udp + UDP_HEADER_LEN;
    if (networkEnd > limit || udpEnd > networkEnd || udpEnd < payload) return false;
    if (!this.plain) this.becomePlain();
    this.networkOffset = ip;
    this.networkEnd = networkEnd;
    this.addressOffset = ip + IP_SOURCE;
    this.transportOffset = udp;
    this.sourcePort = (bytes[udp] << 8) | bytes[udp + 1];
    this.destinationPort = (bytes[udp + 2] << 8) | bytes[udp + 3];
    this.payloadOffset = payload;
    this.payloadEnd = udpEnd;
    return true;
  }

  private becomePlain(): void {
    this.plain = true;
    this.headerError = HeaderError.None;
    this.layer = Layer.Transport;
    this.etherType = EtherType.Ipv4;
    this.vlanTags = 0;
    this.vlanId = -1;
    this.family = 4;
    this.protocol = IpProtocol.Udp;
    this.isFragment = false;
    this.fragmentOffset = 0;
    this.moreFragments = false;
    this.fragmentHeaderOffset = -1;
    this.llcOffset = -1;
    this.lengthUnset = false;
  }

  /** The full walk, without the fast path. */
  walkAnyEthernet(bytes: Uint8Array, offset: number, end: number, limit: number = end): HeaderError {
    this.plain = false;
    this.layer = Layer.Ethernet;
    this.family = 0;
    this.etherType = 0;
    this.vlanTags = 0;
    this.vlanId = -1;
    this.isFragment = false;
    this.llcOffset = -1;
    this.lengthUnset = false;
    const headerError = checkEthernet(bytes, offset, end);
    if (headerError !== HeaderError.None) return this.fail(headerError, end, limit);
    const { etherType } = this.ethernet.wrap(bytes, offset);
    if (etherType < MIN_ETHER_TYPE && this.fromCapture) {
      return this.walkLlc(bytes, etherType, offset + ETHERNET_HEADER_LEN, end, limit);
    }
    return this.walkAnyNetwork(bytes, etherType, offset + ETHERNET_HEADER_LEN, end, limit);
  }

  /**
   * Walks from the header that an EtherType names, including VLAN tags, where there is no Ethernet header (raw IP,
   * cooked captures). Parameters and result as in `walkEthernet`.
   */
  walkNetwork(bytes: Uint8Array, etherType: number, offset: number, end: number, limit: number = end): HeaderError {
    if (
      etherType === EtherType.Ipv4 &&
      offset + PLAIN_HEADERS_LEN - ETHERNET_HEADER_LEN <= end &&
      this.walkPlain(bytes, offset, limit)
    )
      return HeaderError.None;
    return this.walkAnyNetwork(bytes, etherType, offset, end, limit);
  }

  private walkAnyNetwork(
    bytes: Uint8Array,
    etherType: number,
    offset: number,
    end: number,
    limit: number,
  ): HeaderError {
    this.plain = false;
    this.vlanTags = 0;
    this.vlanId = -1;
    this.llcOffset = -1;
    if (isVlanTag(etherType)) return this.walkTags(bytes, etherType, offset, end, limit);
    return this.walkNetworkAt(bytes, etherType, offset, end, limit);
  }

  private walkTags(bytes: Uint8Array, etherType: number, offset: number, end: number, limit: number): HeaderError {
    let inside = etherType;
    let at = offset;
    this.layer = Layer.Vlan;
    this.family = 0;
    while (isVlanTag(inside)) {
      if (this.vlanTags === MAX_VLAN_TAGS) return this.fail(HeaderError.TooDeep, end, limit);
      const headerError = checkVlan(bytes, at, end);
      if (headerError !== HeaderError.None) return this.fail(headerError, end, limit);
      const tag = this.vlan.wrap(bytes, at);
      if (this.vlanTags === 0) this.vlanId = tag.vlanId;
      this.vlanTags++;
      inside = tag.etherType;
      at += VLAN_HEADER_LEN;
    }
    if (inside < MIN_ETHER_TYPE && this.fromCapture) return this.walkLlc(bytes, inside, at, end, limit);
    return this.walkNetworkAt(bytes, inside, at, end, limit);
  }

  /**
   * Walks from the LLC header of an 802.3 frame. If there is no IP, it ends there with an EtherType of 0.
   * @param length the frame's length field; anything after that is padding
   */
  private walkLlc(bytes: Uint8Array, length: number, offset: number, end: number, limit: number): HeaderError {
    const stop = Math.min(limit, offset + length);
    const captured = Math.min(end, stop);
    if (isSnap(bytes, offset, captured) && snapOui(bytes, offset) === 0) {
      this.walkNetworkAt(bytes, snapProtocol(bytes, offset), offset + SNAP_HEADER_LEN, captured, stop);
    } else if (offset + LLC_HEADER_LEN <= captured && bytes[offset] === Sap.Ip && bytes[offset + 1] === Sap.Ip) {
      this.walkNetworkAt(bytes, EtherType.Ipv4, offset + LLC_HEADER_LEN, captured, stop);
    } else {
      this.walkNetworkAt(bytes, 0, offset, captured, stop);
    }
    this.llcOffset = offset;
    return this.headerError;
  }

  /** The same for an LLC header without a preceding length, as in cooked captures. */
  walkBareLlc(bytes: Uint8Array, offset: number, end: number, limit: number = end): HeaderError {
    this.plain = false;
    this.layer = Layer.Ethernet;
    this.vlanTags = 0;
    this.vlanId = -1;
    return this.walkLlc(bytes, limit - offset, offset, end, limit);
  }

  private walkNetworkAt(bytes: Uint8Array, etherType: number, offset: number, end: number, limit: number): HeaderError {
    this.etherType = etherType;
    this.networkOffset = offset;
    this.networkEnd = limit;
    this.family = 0;
    this.isFragment = false;
    this.fragmentOffset = 0;
    this.moreFragments = false;
    this.fragmentHeaderOffset = -1;
    this.protocol = 0;
    this.sourcePort = -1;
    this.destinationPort = -1;
    this.payloadOffset = 0;
    this.payloadEnd = 0;
    this.lengthUnset = false;
    if (etherType === EtherType.Ipv4) return this.walkIpv4(bytes, offset, end, limit);
    if (etherType === EtherType.Ipv6) return this.walkIpv6(bytes, offset, end, limit);
    this.headerError = HeaderError.None;
    return HeaderError.None;
  }

  private walkIpv4(bytes: Uint8Array, offset: number, end: number, limit: number): HeaderError {
    this.layer = Layer.Network;
    const headerError = checkIpv4(bytes, offset, end, limit);
    if (headerError !== HeaderError.None) {
      if (!this.fromCapture || !isIpv4LengthUnset(bytes, offset, end)) return this.fail(headerError, end, limit);
      this.lengthUnset = true;
    }
    const ip = this.ipv4.wrap(bytes, offset);
    this.family = 4;
    this.addressOffset = ip.sourceOffset;
    this.networkEnd = this.lengthUnset ? limit : ip.payloadEnd;
    this.protocol = ip.protocol;
    this.protocolAt = offset + IP_PROTOCOL;
    this.transportOffset = ip.payloadOffset;
    this.fragmentHeaderOffset = -1;
    const fragmented = ip.isFragment;
    this.isFragment = fragmented;
    if (fragmented) {
      this.fragmentOffset = ip.fragmentOffset;
      this.moreFragments = ip.moreFragments;
      this.identification = ip.identification;
      this.headerError = HeaderError.None;
      return HeaderError.None;
    }
    if (this.protocol === IpProtocol.Ah && this.fromCapture) this.walkAuthentication(bytes, end);
    return this.walkTransport(bytes, end);
  }

  /** Walks over AH (RFC 4302) in IPv4; if it is truncated, it stays the packet's protocol. */
  private walkAuthentication(bytes: Uint8Array, end: number): void {
    const at = this.transportOffset;
    const stop = Math.min(end, this.networkEnd);
    if (at + AH_HEADER_LEN > stop) return;
    const span = (bytes[at + 1] + 2) * 4;
    if (span < AH_HEADER_LEN || at + span > stop) return;
    this.protocol = bytes[at];
    this.protocolAt = at;
    this.transportOffset = at + span;
  }

  private walkIpv6(bytes: Uint8Array, offset: number, end: number, limit: number): HeaderError {
    this.layer = Layer.Network;
    const headerError = checkIpv6(bytes, offset, end, limit);
    if (headerError !== HeaderError.None) return this.fail(headerError, end, limit);
    const ip = this.ipv6.wrap(bytes, offset);
    this.family = 6;
    this.addressOffset = ip.sourceOffset;
    this.networkEnd = ip.payloadEnd;
    if (ip.payloadLength === 0 && this.fromCapture) {
      const long = this.endOfLong(bytes, ip.nextHeader, ip.payloadOffset, end, limit);
      if (long > limit) return this.fail(HeaderError.BadLength, end, limit);
      this.lengthUnset = long > this.networkEnd;
      this.networkEnd = long;
    }
    this.layer = Layer.Extension;
    const captured = Math.min(end, this.networkEnd);
    const walk = this.extensions;
    const extensionError = walk.run(bytes, ip.nextHeader, ip.nextHeaderOffset, ip.payloadOffset, captured);
    if (extensionError !== HeaderError.None) return this.fail(extensionError, end, this.networkEnd);
    this.protocol = walk.protocol;
    this.protocolAt = walk.protocolAt;
    this.transportOffset = walk.payloadOffset;
    this.fragmentHeaderOffset = walk.fragmentHeaderOffset;
    if (walk.fragmentHeaderOffset >= 0 && (walk.moreFragments || walk.fragmentOffset !== 0)) {
      this.isFragment = true;
      this.fragmentOffset = walk.fragmentOffset;
      this.moreFragments = walk.moreFragments;
      this.identification = walk.identification;
      this.fragmentAnnouncedAt = walk.fragmentAnnouncedAt;
      this.headerError = HeaderError.None;
      return HeaderError.None;
    }
    return this.walkTransport(bytes, end);
  }

  /**
   * End of an IPv6 packet with payload length 0: from the option of a jumbogram, or else the packet's end on the wire.
   */
  private endOfLong(bytes: Uint8Array, nextHeader: number, payload: number, end: number, limit: number): number {
    if (nextHeader === IpProtocol.NoNext) return payload;
    if (nextHeader !== IpProtocol.HopByHop) return limit;
    const length = ipv6JumboLength(bytes, payload, end);
    return length < 0 ? payload : payload + length;
  }

  private walkTransport(bytes: Uint8Array, end: number): HeaderError {
    const at = this.transportOffset;
    const limit = this.networkEnd;
    const captured = Math.min(end, limit);
    if (this.protocol === IpProtocol.Udp) {
      this.layer = Layer.Transport;
      const headerError = checkUdp(bytes, at, captured, limit);
      const length = headerError === HeaderError.Short ? -1 : (bytes[at + 4] << 8) | bytes[at + 5];
      const unset = length === 0 && this.lengthUnset;
      if (headerError !== HeaderError.None && !unset) return this.fail(headerError, end, limit);
      this.payloadOffset = at + UDP_HEADER_LEN;
      this.payloadEnd = unset ? limit : at + length;
    } else if (this.protocol === IpProtocol.Tcp) {
      this.layer = Layer.Transport;
      const headerError = checkTcp(bytes, at, captured, limit);
      if (headerError !== HeaderError.None) return this.fail(headerError, end, limit);
      this.payloadOffset = at + (bytes[at + 12] >>> 4) * 4;
      this.payloadEnd = limit;
    } else {
      this.headerError = HeaderError.None;
      return HeaderError.None;
    }
    // TCP and UDP have their ports at the same offsets.
    this.sourcePort = (bytes[at] << 8) | bytes[at + 1];
    this.destinationPort = (bytes[at + 2] << 8) | bytes[at + 3];
    this.headerError = HeaderError.None;
    return HeaderError.None;
  }

  /**
   * Records a fault in a header before the ones walked here (a link layer's).
   * @returns the fault: `Truncated` instead of `Short` if the capture was truncated
   */
  recordError(headerError: HeaderError, end: number, limit: number): HeaderError {
    this.plain = false;
    this.layer = Layer.None;
    this.family = 0;
    this.etherType = 0;
    this.vlanTags = 0;
    this.vlanId = -1;
    this.isFragment = false;
    this.llcOffset = -1;
    this.lengthUnset = false;
    return this.fail(headerError, end, limit);
  }

  private fail(headerError: HeaderError, end: number, limit: number): HeaderError {
    // A header missing because the capture was truncated is not the packet's fault.
    this.headerError = headerError === HeaderError.Short && end < limit ? HeaderError.Truncated : headerError;
    return this.headerError;
  }
}
