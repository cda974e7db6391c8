/** Encapsulations besides VXLAN and ESP: GRE and ERSPAN, MPLS, PPPoE, IP in IP, Geneve, VXLAN-GPE, NSH. */
import { EtherType } from './ether-type.js';
import { IpProtocol } from './ip-protocol.js';
import type { Layers } from './layers.js';
import { VXLAN_FLAG_I, VXLAN_HEADER_LEN } from './vxlan.js';

/** Kinds of encapsulation. */
export const Encapsulation = {
  None: 0,
  Mpls: 1,
  Pppoe: 2,
  Gre: 3,
  Erspan: 4,
  Ipip: 5,
  Geneve: 6,
  VxlanGpe: 7,
  Nsh: 8,
} as const;
export type Encapsulation = (typeof Encapsulation)[keyof typeof Encapsulation];

const NAMES: readonly string[] = ['none', 'MPLS', 'PPPoE', 'GRE', 'ERSPAN', 'IP in IP', 'Geneve', 'VXLAN-GPE', 'NSH'];

/** An encapsulation's display name. */
export function encapsulationName(kind: Encapsulation): string {
  return NAMES[kind];
}

/** The UDP port of Geneve (RFC 8926). */
export const GENEVE_PORT = 6081;
/** The UDP port of VXLAN-GPE. */
export const VXLAN_GPE_PORT = 4790;
/** The UDP port of GRE in UDP (RFC 8086). */
export const GRE_IN_UDP_PORT = 4754;
/** The UDP port of MPLS in UDP (RFC 7510). */
export const MPLS_IN_UDP_PORT = 6635;

/** Maximum depth of a label stack; those of real traffic are shallower. */
const MAX_LABELS = 16;
/** The EtherType used here when the payload of an encapsulation begins with an Ethernet header. */
const ETHERNET = EtherType.Bridging;
const ERSPAN_II = 0x88be;
const ERSPAN_III = 0x22eb;
const PPP_IPV4 = 0x0021;
const PPP_IPV6 = 0x0057;

// Flags of GRE's first word (RFC 2784, RFC 2890).
const GRE_CHECKSUM = 0x8000;
const GRE_ROUTING = 0x4000;
const GRE_KEY = 0x2000;
const GRE_SEQUENCE = 0x1000;
const GRE_VERSION = 0x0007;

/** VXLAN-GPE's next-protocol flag and its version bits (draft-ietf-nvo3-vxlan-gpe section 3). */
const GPE_NEXT_PROTOCOL = 0x04;
const GPE_VERSION = 0x30;
/** EtherTypes by next-protocol value; VXLAN-GPE and NSH (RFC 8300 section 2.2) use the same values. */
const NEXT_ETHER_TYPES: readonly number[] = [
  0,
  EtherType.Ipv4,
  EtherType.Ipv6,
  ETHERNET,
  EtherType.Nsh,
  EtherType.Mpls,
];

/** Finds the payload of an encapsulation. Create once; each `open` overwrites it. */
export class EncapsulationWalk {
  kind: Encapsulation = Encapsulation.None;
  /** EtherType of the payload; `EtherType.Bridging` if it begins with an Ethernet header. */
  etherType = 0;
  /** Offset of the payload. */
  offset = 0;
  /** Upper bound of the payload's end on the wire. */
  limit = 0;

  /**
   * Parses the headers of one encapsulation.
   * @param layers a walk without a fault over an unfragmented packet in `bytes`
   * @param end end of the captured bytes
   * @returns whether a walk can continue with the payload; `kind` is set even if only the encapsulation is recognised
   */
  open(bytes: Uint8Array, layers: Layers, end: number): boolean {
    this.kind = Encapsulation.None;
    this.etherType = 0;
    this.limit = layers.networkEnd;
    if (layers.family === 0) return this.#ofEtherType(bytes, layers.etherType, layers.networkOffset, end);
    const captured = Math.min(end, layers.networkEnd);
    switch (layers.protocol) {
      case IpProtocol.Gre:
        return this.#gre(bytes, layers.transportOffset, captured);
      case IpProtocol.Ipip:
        return this.#holds(Encapsulation.Ipip, EtherType.Ipv4, layers.transportOffset);
      case IpProtocol.Ipv6:
        return this.#holds(Encapsulation.Ipip, EtherType.Ipv6, layers.transportOffset);
      case IpProtocol.MplsInIp:
        return this.#mpls(bytes, layers.transportOffset, captured);
      case IpProtocol.Udp:
        this.limit = layers.payloadEnd;
        return this.#udp(bytes, layers.destinationPort, layers.payloadOffset, Math.min(end, layers.payloadEnd));
      default:
        return false;
    }
  }

  #holds(kind: Encapsulation, etherType: number, offset: number): boolean {
    this.kind = kind;
    this.etherType = etherType;
    this.offset = offset;
    return etherType !== 0;
  }

  #ofEtherType(bytes: Uint8Array, etherType: number, offset: number, end: number): boolean {
    switch (etherType) {
      case EtherType.Mpls:
      case EtherType.MplsMulticast:
        return this.#mpls(bytes, offset, end);
      case EtherType.PppoeSession:
        return this.#pppoe(bytes, offset, end);
      case EtherType.Nsh:
        return this.#nsh(bytes, offset, end);
      default:
        return false;
    }
  }

  #udp(bytes: Uint8Array, port: number, offset: number, end: number): boolean {
    switch (port) {
      case GENEVE_PORT:
        return this.#geneve(bytes, offset, end);
      case VXLAN_GPE_PORT:
        return this.#vxlanGpe(bytes, offset, end);
      case GRE_IN_UDP_PORT:
        return this.#gre(bytes, offset, end);
      case MPLS_IN_UDP_PORT:
        return this.#mpls(bytes, offset, end);
      default:
        return false;
    }
  }

  /** RFC 3032; no field identifies the payload after the last label, so its first four bits do (RFC 4928 section 3). */
  #mpls(bytes: Uint8Array, offset: number, end: number): boolean {
    this.kind = Encapsulation.Mpls;
    let at = offset;
    for (let labels = 0; labels < MAX_LABELS && at + 5 <= end; labels++) {
      const last = (bytes[at + 2] & 1) !== 0;
      at += 4;
      if (!last) continue;
      const nibble = bytes[at] >>> 4;
      if (nibble === 4) return this.#holds(Encapsulation.Mpls, EtherType.Ipv4, at);
      if (nibble === 6) return this.#holds(Encapsulation.Mpls, EtherType.Ipv6, at);
      // The control word of a pseudowire (RFC 4385 section 3).
      return nibble === 0 && this.#holds(Encapsulation.Mpls, ETHERNET, at + 4);
    }
    return false;
  }

  /** RFC 2516 section 4, followed by the PPP protocol. */
  #pppoe(bytes: Uint8Array, offset: number, end: number): boolean {
    this.kind = Encapsulation.Pppoe;
    if (offset + 8 > end || bytes[offset] !== 0x11 || bytes[offset + 1] !== 0) return false;
    const length = (bytes[offset + 4] << 8) | bytes[offset + 5];
    this.limit = Math.min(this.limit, offset + 6 + length);
    const protocol = (bytes[offset + 6] << 8) | bytes[offset + 7];
    if (protocol === PPP_IPV4) return this.#holds(Encapsulation.Pppoe, EtherType.Ipv4, offset + 8);
    return protocol === PPP_IPV6 && this.#holds(Encapsulation.Pppoe, EtherType.Ipv6, offset + 8);
  }

  /** RFC 2784 and RFC 2890; source routes (RFC 1701) and PPTP's version 1 (RFC 2637) aren't parsed. */
  #gre(bytes: Uint8Array, offset: number, end: number): boolean {
    this.kind = Encapsulation.Gre;
    if (offset + 4 > end) return false;
    const flags = (bytes[offset] << 8) | bytes[offset + 1];
    if ((flags & (GRE_ROUTING | GRE_VERSION)) !== 0) return false;
    const protocol = (bytes[offset + 2] << 8) | bytes[offset + 3];
    let at = offset + 4;
    if ((flags & GRE_CHECKSUM) !== 0) at += 4;
    if ((flags & GRE_KEY) !== 0) at += 4;
    if ((flags & GRE_SEQUENCE) !== 0) at += 4;
    switch (protocol) {
      case EtherType.Ipv4:
      case EtherType.Ipv6:
      case EtherType.Nsh:
      case EtherType.Mpls:
      case EtherType.MplsMulticast:
      case ETHERNET:
        return this.#holds(Encapsulation.Gre, protocol, at);
      case ERSPAN_II:
        // Type I has neither an ERSPAN header nor a sequence number.
        return this.#holds(Encapsulation.Erspan, ETHERNET, (flags & GRE_SEQUENCE) !== 0 ? at + 8 : at);
      case ERSPAN_III:
        return this.#erspan3(bytes, at, end);
      default:
        return false;
    }
  }

  /** draft-foschiano-erspan section 4.3: 12 bytes, or 20 if the last bit is set; frame type 2 is bare IP. */
  #erspan3(bytes: Uint8Array, offset: number, end: number): boolean {
    this.kind = Encapsulation.Erspan;
    if (offset + 13 > end) return false;
    const inside = offset + ((bytes[offset + 11] & 1) !== 0 ? 20 : 12);
    const frameType = (bytes[offset + 10] >>> 2) & 0x1f;
    if (frameType === 0) return this.#holds(Encapsulation.Erspan, ETHERNET, inside);
    if (frameType !== 2 || inside >= end) return false;
    return this.#holds(Encapsulation.Erspan, bytes[inside] >>> 4 === 6 ? EtherType.Ipv6 : EtherType.Ipv4, inside);
  }

  /** RFC 8926 section 3.4. */
  #geneve(bytes: Uint8Array, offset: number, end: number): boolean {
    this.kind = Encapsulation.Geneve;
    if (offset + 8 > end || bytes[offset] >>> 6 !== 0) return false;
    const protocol = (bytes[offset + 2] << 8) | bytes[offset + 3];
    const inside = offset + 8 + (bytes[offset] & 0x3f) * 4;
    if (protocol !== ETHERNET && protocol !== EtherType.Ipv4 && protocol !== EtherType.Ipv6) return false;
    return this.#holds(Encapsulation.Geneve, protocol, inside);
  }

  /** draft-ietf-nvo3-vxlan-gpe section 3: without a next protocol the payload is a frame, as in VXLAN. */
  #vxlanGpe(bytes: Uint8Array, offset: number, end: number): boolean {
    this.kind = Encapsulation.VxlanGpe;
    if (offset + VXLAN_HEADER_LEN > end) return false;
    const flags = bytes[offset];
    if ((flags & VXLAN_FLAG_I) === 0 || (flags & GPE_VERSION) !== 0) return false;
    const next = (flags & GPE_NEXT_PROTOCOL) === 0 ? ETHERNET : (NEXT_ETHER_TYPES[bytes[offset + 3]] ?? 0);
    return this.#holds(Encapsulation.VxlanGpe, next, offset + VXLAN_HEADER_LEN);
  }

  /** RFC 8300 section 2.2. */
  #nsh(bytes: Uint8Array, offset: number, end: number): boolean {
    this.kind = Encapsulation.Nsh;
    if (offset + 8 > end || bytes[offset] >>> 6 !== 0) return false;
    const span = (bytes[offset + 1] & 0x3f) * 4;
    if (span < 8 || bytes[offset + 3] === 4) return false;
    return this.#holds(Encapsulation.Nsh, NEXT_ETHER_TYPES[bytes[offset + 3]] ?? 0, offset + span);
  }
}
