/**
 * A walk through one packet's headers, from Ethernet or IP to the transport ports, every length checked on the way.
 * The caller owns the object; a walk fills it and allocates nothing.
 */

import { EtherType } from './ether-type.js';
import { checkEthernet, ETHERNET_SPAN, EthernetView, ethernetLayout } from './ethernet.js';
import { Fault } from './fault.js';
import { IpProtocol } from './ip-protocol.js';
import { checkIpv4, IPV4_SPAN, Ipv4View, ipv4Layout, isIpv4LengthUnset } from './ipv4.js';
import { checkIpv6, ipv6JumboLength, Ipv6View } from './ipv6.js';
import { Ipv6ExtensionWalk } from './ipv6-extension.js';
import { isSnap, LLC_SPAN, MIN_ETHER_TYPE, Sap, SNAP_SPAN, snapOui, snapProtocol } from './llc.js';
import { checkTcp } from './tcp.js';
import { checkUdp, UDP_SPAN, udpLayout } from './udp.js';
import { checkVlan, isVlanTag, VLAN_SPAN, VlanView } from './vlan.js';

/** The deepest header that a walk reached; with a fault, the one that is at fault. */
export const Layer = { None: 0, Ethernet: 1, Vlan: 2, Network: 3, Extension: 4, Transport: 5 } as const;
export type Layer = (typeof Layer)[keyof typeof Layer];

/** More tags than these two and two are no network's, and a walk over them no use. */
const MAX_VLAN_TAGS = 4;

// The packet that nearly every one is: Ethernet, IPv4 without options, UDP.
const ETHER_TYPE = ethernetLayout.offsetOf('etherType');
const IP_TOTAL_LENGTH = ipv4Layout.offsetOf('totalLength');
const IP_FRAGMENT = ipv4Layout.bitsOf('fragmentOffset').offset;
const IP_PROTOCOL = ipv4Layout.offsetOf('protocol');
const IP_SOURCE = ipv4Layout.offsetOf('source');
const UDP_LENGTH = udpLayout.offsetOf('length');
const PLAIN_SPAN = ETHERNET_SPAN + IPV4_SPAN + UDP_SPAN;
const VERSION_4_IHL_5 = 0x45;
const ANY_FRAGMENT = 0x3fff;
/** The fields of AH that are always there (RFC 4302 section 2). */
const AH_SPAN = 12;

/** How a walk is made. */
export interface LayersOptions {
  /**
   * Whether the packets come from a capture, which holds more than a receiver accepts: IP and UDP lengths of 0 that a
   * network card was to fill in (TSO) or that can't say the size (BIG TCP) count up to the packet's end; jumbograms
   * (RFC 2675), 802.3 frames with LLC, and AH over IPv4 are walked through.
   * @default false
   */
  readonly fromCapture?: boolean;
}

/** What a walk found. Offsets are byte offsets into the bytes that were walked. */
export class Layers {
  /** What is wrong, in `layer`; the fields of the layers before it hold all the same. */
  fault: Fault = Fault.None;
  layer: Layer = Layer.None;
  /** EtherType of what the last tag (or the Ethernet header) holds. */
  etherType = 0;
  vlanTags = 0;
  /** VLAN id of the outermost tag, or -1. */
  vlanId = -1;
  /** Offset of the IP header (or of what `etherType` names). */
  networkOffset = 0;
  /** Where the IP packet ends by its own length: link-layer padding lies behind it. */
  networkEnd = 0;
  /** 4, 6, or 0 where there is no IP. */
  family = 0;
  /** Offset of the source address; the destination's stands right behind it. */
  addressOffset = 0;
  /** The transport's protocol number. */
  protocol = 0;
  /** Byte offset of the field that holds it; of IPv4 only where the packet isn't plain UDP. */
  protocolAt = 0;
  /** Offset of what `protocol` names. */
  transportOffset = 0;
  /** Whether this is a part of a datagram; ports are not looked for then. */
  isFragment = false;
  /** Where this part begins in the datagram's payload, in bytes. */
  fragmentOffset = 0;
  moreFragments = false;
  /** The datagram's identification: 16 bits in IPv4, 32 in IPv6. */
  identification = 0;
  /** IPv6: offset of the fragment header, or -1. */
  fragmentHeaderOffset = -1;
  /** IPv6: offset of the next-header field that announces the fragment header. */
  fragmentAnnouncedAt = 0;
  /** TCP's or UDP's ports, or -1. */
  sourcePort = -1;
  destinationPort = -1;
  /** Offset of what TCP's or UDP's header holds, and where it ends by their lengths; equal where there is none. */
  payloadOffset = 0;
  payloadEnd = 0;
  /** Offset of the LLC header of an 802.3 frame, or -1; only of captures. */
  llcOffset = -1;
  /** Whether the packet's own length was 0, so that `networkEnd` is where the packet ended on the wire; only of captures. */
  lengthUnset = false;

  private readonly fromCapture: boolean;
  /** Whether all fields that are the same for every plain packet hold that already; the short cut leaves them then. */
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
   * @param bytes what to read; the packet stands from `offset` to `end`
   * @param end where the captured bytes end, at most `bytes.length`
   * @param limit where the packet ended on the wire; beyond `end` if the capture was cut by a snaplen
   * @returns the fault, which stands in `fault` too
   */
  walkEthernet(bytes: Uint8Array, offset: number, end: number, limit: number = end): Fault {
    // The packet that nearly every one is; whatever is unusual or wrong about it, the steps below find.
    if (offset + PLAIN_SPAN <= end) {
      const type = offset + ETHER_TYPE;
      if (((bytes[type] << 8) | bytes[type + 1]) === EtherType.Ipv4 && this.walkPlain(bytes, type + 2, limit))
        return Fault.None;
    }
    return this.walkAnyEthernet(bytes, offset, end, limit);
  }

  /**
   * One test for IPv4 without options that holds UDP, of which both headers stand at `ip`. (Written to few bytecodes: V8
   * then takes it into the loop that calls it, twice if need be.)
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
    const udp = ip + IPV4_SPAN;
    const totalLength = ip + IP_TOTAL_LENGTH;
    const length = udp + UDP_LENGTH;
    const networkEnd = ip + ((bytes[totalLength] << 8) | bytes[totalLength + 1]);
    const udpEnd = udp + ((bytes[length] << 8) | bytes[length + 1]);
    const payload = udp + UDP_SPAN;
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
    this.fault = Fault.None;
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

  /** The same without the short cut: step by step, for every packet. */
  walkAnyEthernet(bytes: Uint8Array, offset: number, end: number, limit: number = end): Fault {
    this.plain = false;
    this.layer = Layer.Ethernet;
    this.family = 0;
    this.etherType = 0;
    this.vlanTags = 0;
    this.vlanId = -1;
    this.isFragment = false;
    this.llcOffset = -1;
    this.lengthUnset = false;
    const fault = checkEthernet(bytes, offset, end);
    if (fault !== Fault.None) return this.fail(fault, end, limit);
    const { etherType } = this.ethernet.wrap(bytes, offset);
    if (etherType < MIN_ETHER_TYPE && this.fromCapture) {
      return this.walkLlc(bytes, etherType, offset + ETHERNET_SPAN, end, limit);
    }
    return this.walkAnyNetwork(bytes, etherType, offset + ETHERNET_SPAN, end, limit);
  }

  /**
   * Walks from what an EtherType names, VLAN tags included, where there is no Ethernet header (raw IP, cooked captures).
   * Parameters and result as of `walkEthernet`.
   */
  walkNetwork(bytes: Uint8Array, etherType: number, offset: number, end: number, limit: number = end): Fault {
    if (
      etherType === EtherType.Ipv4 &&
      offset + PLAIN_SPAN - ETHERNET_SPAN <= end &&
      this.walkPlain(bytes, offset, limit)
    )
      return Fault.None;
    return this.walkAnyNetwork(bytes, etherType, offset, end, limit);
  }

  private walkAnyNetwork(bytes: Uint8Array, etherType: number, offset: number, end: number, limit: number): Fault {
    this.plain = false;
    this.vlanTags = 0;
    this.vlanId = -1;
    this.llcOffset = -1;
    if (isVlanTag(etherType)) return this.walkTags(bytes, etherType, offset, end, limit);
    return this.walkNetworkAt(bytes, etherType, offset, end, limit);
  }

  private walkTags(bytes: Uint8Array, etherType: number, offset: number, end: number, limit: number): Fault {
    let inside = etherType;
    let at = offset;
    this.layer = Layer.Vlan;
    this.family = 0;
    while (isVlanTag(inside)) {
      if (this.vlanTags === MAX_VLAN_TAGS) return this.fail(Fault.TooDeep, end, limit);
      const fault = checkVlan(bytes, at, end);
      if (fault !== Fault.None) return this.fail(fault, end, limit);
      const tag = this.vlan.wrap(bytes, at);
      if (this.vlanTags === 0) this.vlanId = tag.vlanId;
      this.vlanTags++;
      inside = tag.etherType;
      at += VLAN_SPAN;
    }
    if (inside < MIN_ETHER_TYPE && this.fromCapture) return this.walkLlc(bytes, inside, at, end, limit);
    return this.walkNetworkAt(bytes, inside, at, end, limit);
  }

  /**
   * Walks from the LLC header of an 802.3 frame. What holds no IP ends there, with an EtherType of 0.
   * @param length what the frame says of its size; what lies behind it is padding
   */
  private walkLlc(bytes: Uint8Array, length: number, offset: number, end: number, limit: number): Fault {
    const stop = Math.min(limit, offset + length);
    const captured = Math.min(end, stop);
    if (isSnap(bytes, offset, captured) && snapOui(bytes, offset) === 0) {
      this.walkNetworkAt(bytes, snapProtocol(bytes, offset), offset + SNAP_SPAN, captured, stop);
    } else if (offset + LLC_SPAN <= captured && bytes[offset] === Sap.Ip && bytes[offset + 1] === Sap.Ip) {
      this.walkNetworkAt(bytes, EtherType.Ipv4, offset + LLC_SPAN, captured, stop);
    } else {
      this.walkNetworkAt(bytes, 0, offset, captured, stop);
    }
    this.llcOffset = offset;
    return this.fault;
  }

  /** The same from an LLC header that no length stands before, as in cooked captures. */
  walkBareLlc(bytes: Uint8Array, offset: number, end: number, limit: number = end): Fault {
    this.plain = false;
    this.layer = Layer.Ethernet;
    this.vlanTags = 0;
    this.vlanId = -1;
    return this.walkLlc(bytes, limit - offset, offset, end, limit);
  }

  private walkNetworkAt(bytes: Uint8Array, etherType: number, offset: number, end: number, limit: number): Fault {
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
    this.fault = Fault.None;
    return Fault.None;
  }

  private walkIpv4(bytes: Uint8Array, offset: number, end: number, limit: number): Fault {
    this.layer = Layer.Network;
    const fault = checkIpv4(bytes, offset, end, limit);
    if (fault !== Fault.None) {
      if (!this.fromCapture || !isIpv4LengthUnset(bytes, offset, end)) return this.fail(fault, end, limit);
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
      this.fault = Fault.None;
      return Fault.None;
    }
    if (this.protocol === IpProtocol.Ah && this.fromCapture) this.walkAuthentication(bytes, end);
    return this.walkTransport(bytes, end);
  }

  /** Walks over AH (RFC 4302) in IPv4; one that isn't whole is left as what the packet holds. */
  private walkAuthentication(bytes: Uint8Array, end: number): void {
    const at = this.transportOffset;
    const stop = Math.min(end, this.networkEnd);
    if (at + AH_SPAN > stop) return;
    const span = (bytes[at + 1] + 2) * 4;
    if (span < AH_SPAN || at + span > stop) return;
    this.protocol = bytes[at];
    this.protocolAt = at;
    this.transportOffset = at + span;
  }

  private walkIpv6(bytes: Uint8Array, offset: number, end: number, limit: number): Fault {
    this.layer = Layer.Network;
    const fault = checkIpv6(bytes, offset, end, limit);
    if (fault !== Fault.None) return this.fail(fault, end, limit);
    const ip = this.ipv6.wrap(bytes, offset);
    this.family = 6;
    this.addressOffset = ip.sourceOffset;
    this.networkEnd = ip.payloadEnd;
    if (ip.payloadLength === 0 && this.fromCapture) {
      const long = this.endOfLong(bytes, ip.nextHeader, ip.payloadOffset, end, limit);
      if (long > limit) return this.fail(Fault.BadLength, end, limit);
      this.lengthUnset = long > this.networkEnd;
      this.networkEnd = long;
    }
    this.layer = Layer.Extension;
    const captured = Math.min(end, this.networkEnd);
    const walk = this.extensions;
    const extensionFault = walk.run(bytes, ip.nextHeader, ip.nextHeaderOffset, ip.payloadOffset, captured);
    if (extensionFault !== Fault.None) return this.fail(extensionFault, end, this.networkEnd);
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
      this.fault = Fault.None;
      return Fault.None;
    }
    return this.walkTransport(bytes, end);
  }

  /** Where an IPv6 packet with a payload length of 0 ends: a jumbogram by its option, another one where it ended on the wire. */
  private endOfLong(bytes: Uint8Array, nextHeader: number, payload: number, end: number, limit: number): number {
    if (nextHeader === IpProtocol.NoNext) return payload;
    if (nextHeader !== IpProtocol.HopByHop) return limit;
    const length = ipv6JumboLength(bytes, payload, end);
    return length < 0 ? payload : payload + length;
  }

  private walkTransport(bytes: Uint8Array, end: number): Fault {
    const at = this.transportOffset;
    const limit = this.networkEnd;
    const captured = Math.min(end, limit);
    if (this.protocol === IpProtocol.Udp) {
      this.layer = Layer.Transport;
      const fault = checkUdp(bytes, at, captured, limit);
      const length = fault === Fault.Short ? -1 : (bytes[at + 4] << 8) | bytes[at + 5];
      const unset = length === 0 && this.lengthUnset;
      if (fault !== Fault.None && !unset) return this.fail(fault, end, limit);
      this.payloadOffset = at + UDP_SPAN;
      this.payloadEnd = unset ? limit : at + length;
    } else if (this.protocol === IpProtocol.Tcp) {
      this.layer = Layer.Transport;
      const fault = checkTcp(bytes, at, captured, limit);
      if (fault !== Fault.None) return this.fail(fault, end, limit);
      this.payloadOffset = at + (bytes[at + 12] >>> 4) * 4;
      this.payloadEnd = limit;
    } else {
      this.fault = Fault.None;
      return Fault.None;
    }
    // TCP's and UDP's ports stand at the same place.
    this.sourcePort = (bytes[at] << 8) | bytes[at + 1];
    this.destinationPort = (bytes[at + 2] << 8) | bytes[at + 3];
    this.fault = Fault.None;
    return Fault.None;
  }

  /**
   * Records that a header before the ones walked here (a link layer's) is at fault.
   * @returns the fault: `Truncated` for `Short` where the capture was cut
   */
  refuse(fault: Fault, end: number, limit: number): Fault {
    this.plain = false;
    this.layer = Layer.None;
    this.family = 0;
    this.etherType = 0;
    this.vlanTags = 0;
    this.vlanId = -1;
    this.isFragment = false;
    this.llcOffset = -1;
    this.lengthUnset = false;
    return this.fail(fault, end, limit);
  }

  private fail(fault: Fault, end: number, limit: number): Fault {
    // A header that isn't there because the capture was cut is the capture's fault, not the packet's.
    this.fault = fault === Fault.Short && end < limit ? Fault.Truncated : fault;
    return this.fault;
  }
}
