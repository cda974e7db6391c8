/**
 * ARP and ND suppression: the node answers requests from its neighbour table, so that neither ever goes through the
 * tunnel (the kernel's `proxy`: drivers/net/vxlan/vxlan_core.c, arp_reduce and neigh_reduce). A request is turned into
 * its reply in place.
 */
import type { NeighbourTable } from '../overlay/index.js';
import {
  ArpOperation,
  ArpView,
  checkArp,
  checkIcmpv6,
  EtherType,
  HeaderError,
  ICMPV6_HEADER_LEN,
  Icmpv6Type,
  IpProtocol,
  Ipv6View,
  type Layers,
  NEIGHBOUR_MESSAGE_LEN,
  onesSum,
  pseudoHeaderSum,
} from '../wire/index.js';

/** What a frame is. */
export const NeighbourVerdict = {
  /** Neither ARP nor neighbour discovery. */
  Other: 0,
  /** A request, which is now the reply. */
  Answered: 1,
  /** A request for an address without a neighbour entry. */
  Unknown: 2,
  /** A reply or an announcement: the table has the answers, so it isn't forwarded. */
  Consumed: 3,
  /** Invalid neighbour discovery (RFC 4861 section 7.1.1). */
  Invalid: 4,
} as const;
export type NeighbourVerdict = (typeof NeighbourVerdict)[keyof typeof NeighbourVerdict];

const MAC_BYTES = 6;
const TARGET_OPTION = 2;
const OPTION_BYTES = 8;
/** Solicited and override (RFC 4861 section 4.4). */
const SOLICITED_OVERRIDE = 0x60;
const HOP_LIMIT = 255;

/** Bytes that must be free after a request: an advertisement has one option more than the shortest solicitation. */
export const NEIGHBOUR_REPLY_TAILROOM = OPTION_BYTES;

/** Answers ARP requests and neighbour solicitations. */
export class NeighbourReply {
  /** End of the last reply's frame. */
  end = 0;
  readonly #table: NeighbourTable;
  readonly #arp = new ArpView();
  readonly #ipv6 = new Ipv6View();

  constructor(table: NeighbourTable) {
    this.#table = table;
  }

  /**
   * Turns a request into its reply, in place.
   * @param bytes with `NEIGHBOUR_REPLY_TAILROOM` bytes after `end`
   * @param start offset of the frame
   * @param end offset of its end
   * @param inner its parsed headers
   */
  answer(vni: number, bytes: Uint8Array, start: number, end: number, inner: Layers): NeighbourVerdict {
    this.end = end;
    if (inner.family === 0 && inner.etherType === EtherType.Arp) {
      return this.#answerArp(vni, bytes, start, end, inner.networkOffset);
    }
    if (inner.family === 6 && inner.protocol === IpProtocol.Icmpv6 && !inner.isFragment) {
      return this.#answerNd(vni, bytes, start, end, inner);
    }
    return NeighbourVerdict.Other;
  }

  #answerArp(vni: number, bytes: Uint8Array, start: number, end: number, at: number): NeighbourVerdict {
    if (checkArp(bytes, at, end) !== HeaderError.None) return NeighbourVerdict.Consumed;
    const arp = this.#arp.wrap(bytes, at);
    if (arp.operation !== ArpOperation.Request) return NeighbourVerdict.Consumed;
    const known = this.#table.find(vni, 4, bytes, arp.targetIpOffset);
    if (known < 0) return NeighbourVerdict.Unknown;
    const { macs } = this.#table;
    // An ARP announcement requests its own address (RFC 5227 section 3).
    if (isSameMac(bytes, arp.senderMacOffset, macs, known)) return NeighbourVerdict.Consumed;
    const { senderMacOffset, senderIpOffset, targetMacOffset, targetIpOffset } = arp;
    // To the requester, from the target.
    for (let i = 0; i < MAC_BYTES; i++) {
      const requester = bytes[senderMacOffset + i];
      const mac = macs[known + i];
      bytes[start + i] = requester;
      bytes[start + MAC_BYTES + i] = mac;
      bytes[targetMacOffset + i] = requester;
      bytes[senderMacOffset + i] = mac;
    }
    for (let i = 0; i < 4; i++) {
      const requester = bytes[senderIpOffset + i];
      bytes[senderIpOffset + i] = bytes[targetIpOffset + i];
      bytes[targetIpOffset + i] = requester;
    }
    arp.operation = ArpOperation.Reply;
    return NeighbourVerdict.Answered;
  }

  /** RFC 4861 section 7.1.1: a hop limit below 255 means that the packet passed a router and is forged. */
  #isValid(bytes: Uint8Array, ip: Ipv6View, icmp: number, end: number): boolean {
    if (ip.hopLimit !== HOP_LIMIT || bytes[icmp + 1] !== 0) return false;
    for (let at = icmp + NEIGHBOUR_MESSAGE_LEN; at < end; at += bytes[at + 1] * OPTION_BYTES) {
      if (at + 2 > end || bytes[at + 1] === 0 || at + bytes[at + 1] * OPTION_BYTES > end) return false;
    }
    const pseudo = pseudoHeaderSum(6, bytes, ip.sourceOffset, IpProtocol.Icmpv6, end - icmp);
    return onesSum(bytes, icmp, end, pseudo) === 0xffff;
  }

  #answerNd(vni: number, bytes: Uint8Array, start: number, end: number, inner: Layers): NeighbourVerdict {
    const icmp = inner.transportOffset;
    if (checkIcmpv6(bytes, icmp, Math.min(end, inner.networkEnd)) !== HeaderError.None) return NeighbourVerdict.Other;
    const type = bytes[icmp];
    if (type === Icmpv6Type.NeighbourAdvertisement) return NeighbourVerdict.Consumed;
    if (type !== Icmpv6Type.NeighbourSolicitation) return NeighbourVerdict.Other;
    const ip = this.#ipv6.wrap(bytes, inner.networkOffset);
    if (icmp !== ip.payloadOffset || !this.#isValid(bytes, ip, icmp, inner.networkEnd)) return NeighbourVerdict.Invalid;
    const target = icmp + ICMPV6_HEADER_LEN;
    const known = this.#table.find(vni, 6, bytes, target);
    if (known < 0) return NeighbourVerdict.Unknown;
    // A probe for duplicate address detection has no source address: a reply would go to all nodes, so none is sent.
    if (isUnspecified(bytes, ip.sourceOffset)) return NeighbourVerdict.Consumed;
    const { macs } = this.#table;
    for (let i = 0; i < MAC_BYTES; i++) {
      bytes[start + i] = bytes[start + MAC_BYTES + i];
      bytes[start + MAC_BYTES + i] = macs[known + i];
    }
    bytes.copyWithin(ip.destinationOffset, ip.sourceOffset, ip.sourceOffset + 16);
    bytes.copyWithin(ip.sourceOffset, target, target + 16);
    const length = NEIGHBOUR_MESSAGE_LEN + OPTION_BYTES;
    ip.trafficClass = 0;
    ip.payloadLength = length;
    bytes[icmp] = Icmpv6Type.NeighbourAdvertisement;
    bytes[icmp + 1] = 0;
    bytes[icmp + 2] = 0;
    bytes[icmp + 3] = 0;
    bytes[icmp + 4] = SOLICITED_OVERRIDE;
    bytes[icmp + 5] = 0;
    bytes[icmp + 6] = 0;
    bytes[icmp + 7] = 0;
    const option = icmp + NEIGHBOUR_MESSAGE_LEN;
    bytes[option] = TARGET_OPTION;
    bytes[option + 1] = OPTION_BYTES / 8;
    for (let i = 0; i < MAC_BYTES; i++) bytes[option + 2 + i] = macs[known + i];
    const pseudo = pseudoHeaderSum(6, bytes, ip.sourceOffset, IpProtocol.Icmpv6, length);
    const sum = ~onesSum(bytes, icmp, icmp + length, pseudo) & 0xffff;
    bytes[icmp + 2] = sum >>> 8;
    bytes[icmp + 3] = sum;
    this.end = icmp + length;
    return NeighbourVerdict.Answered;
  }
}

function isUnspecified(bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < 16; i++) if (bytes[offset + i] !== 0) return false;
  return true;
}

function isSameMac(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number): boolean {
  for (let i = 0; i < MAC_BYTES; i++) if (a[aOffset + i] !== b[bOffset + i]) return false;
  return true;
}
