/**
 * Verifies outer and inner checksums. A capture taken on a host with checksum offload holds partial ones: only the
 * pseudo-header's sum, which the NIC would have completed. They are counted separately from wrong ones
 * (include/linux/skbuff.h, "CHECKSUM_PARTIAL"), and so are outer checksums that already assume the completed inner one
 * ("local checksum offload", Documentation/networking/checksum-offloads.rst).
 */
import {
  HeaderError,
  ICMP_HEADER_LEN,
  ICMPV6_HEADER_LEN,
  IpProtocol,
  isIpv4ChecksumValid,
  type Layers,
  onesSum,
  pseudoHeaderSum,
  TCP_HEADER_LEN,
  TCP_CHECKSUM,
  UDP_HEADER_LEN,
  UDP_CHECKSUM,
} from '../wire/index.js';

/** The checksums that are verified. */
export const ChecksumKind = {
  OuterIpv4: 0,
  OuterUdp: 1,
  InnerIpv4: 2,
  InnerTcp: 3,
  InnerUdp: 4,
  InnerIcmp: 5,
  InnerIcmpv6: 6,
} as const;
export type ChecksumKind = (typeof ChecksumKind)[keyof typeof ChecksumKind];

/** Display names of the kinds. */
export const CHECKSUM_NAMES = [
  'outer IPv4',
  'outer UDP',
  'inner IPv4',
  'inner TCP',
  'inner UDP',
  'inner ICMP',
  'inner ICMPv6',
] as const;

/** Counts of one kind. */
export interface ChecksumRow {
  readonly name: string;
  good: number;
  /** Zero over IPv4: no checksum (RFC 768). */
  absent: number;
  /** Left for the NIC to complete (CHECKSUM_PARTIAL). */
  partial: number;
  bad: number;
}

const ICMP_CHECKSUM = 2;

/** One's complement addition of 16-bit words. */
function add(a: number, b: number): number {
  const sum = a + b;
  return sum > 0xffff ? sum - 0xffff : sum;
}

/** Counts of all kinds. */
export class ChecksumTable {
  readonly rows: ChecksumRow[] = CHECKSUM_NAMES.map((name) => ({ name, good: 0, absent: 0, partial: 0, bad: 0 }));
  /** Whether the last frame's inner transport checksum was partial. */
  partial = false;
  /** The wrong checksums of the last packet and its frame: a bit per `ChecksumKind`. */
  wrong = 0;

  /** Sum of the inner transport's bytes in the last frame, or -1; reused for the outer sum. */
  #innerSum = -1;
  #innerStart = 0;
  #innerEnd = 0;
  /** Change of the outer sum if the inner checksum were completed. */
  #correction = 0;

  /**
   * Verifies the checksums of a whole frame and of the packet that carried it.
   * @param bytes the bytes that both layers refer to
   * @param outer layers of the packet: Ethernet or IP to UDP
   * @param inner layers of the frame; if it has a header error, it is verified as far as it was parsed
   * @param opened whether the packet was in ESP: its IP header is then reconstructed and not verified
   */
  add(bytes: Uint8Array, outer: Layers, inner: Layers, opened = false): void {
    this.partial = false;
    this.wrong = 0;
    this.#innerSum = -1;
    this.#correction = 0;
    if (inner.headerError === HeaderError.None && inner.family !== 0) this.#addInner(bytes, inner);
    this.#addOuter(bytes, outer, opened);
  }

  /** Adds the counts of another table. */
  merge(rows: readonly ChecksumRow[]): void {
    rows.forEach(({ good, absent, partial, bad }, kind) => {
      const row = this.rows[kind];
      row.good += good;
      row.absent += absent;
      row.partial += partial;
      row.bad += bad;
    });
  }

  #addInner(bytes: Uint8Array, inner: Layers): void {
    if (inner.family === 4) {
      this.#count(ChecksumKind.InnerIpv4, isIpv4ChecksumValid(bytes, inner.networkOffset), inner.lengthUnset);
    }
    if (inner.isFragment) return;
    const start = inner.transportOffset;
    const length = inner.networkEnd - start;
    switch (inner.protocol) {
      case IpProtocol.Tcp:
        if (length >= TCP_HEADER_LEN)
          this.#addTransport(bytes, inner, ChecksumKind.InnerTcp, TCP_CHECKSUM, inner.networkEnd);
        break;
      case IpProtocol.Udp:
        if (length >= UDP_HEADER_LEN)
          this.#addTransport(bytes, inner, ChecksumKind.InnerUdp, UDP_CHECKSUM, inner.payloadEnd);
        break;
      case IpProtocol.Icmp:
        if (length >= ICMP_HEADER_LEN && inner.family === 4) {
          this.#keepInnerSum(bytes, start, inner.networkEnd);
          this.#count(ChecksumKind.InnerIcmp, this.#innerSum === 0xffff);
        }
        break;
      case IpProtocol.Icmpv6:
        if (length >= ICMPV6_HEADER_LEN && inner.family === 6) {
          this.#addTransport(bytes, inner, ChecksumKind.InnerIcmpv6, ICMP_CHECKSUM, inner.networkEnd);
        }
        break;
      default:
        break;
    }
  }

  #addTransport(bytes: Uint8Array, inner: Layers, kind: ChecksumKind, field: number, end: number): void {
    const start = inner.transportOffset;
    const stored = (bytes[start + field] << 8) | bytes[start + field + 1];
    if (stored === 0 && kind === ChecksumKind.InnerUdp) {
      // RFC 8200 section 8.1: over IPv6 a zero checksum is invalid; a sum of zero is sent as all ones.
      if (inner.family === 4) this.rows[kind].absent++;
      else this.#countBad(kind);
      return;
    }
    this.#keepInnerSum(bytes, start, end);
    const pseudo = pseudoHeaderSum(inner.family, bytes, inner.addressOffset, inner.protocol, end - start);
    const sum = add(this.#innerSum, pseudo);
    if (sum === 0xffff) {
      this.rows[kind].good++;
    } else if (stored === pseudo || inner.lengthUnset) {
      this.rows[kind].partial++;
      this.partial = true;
      // Once completed, the bytes and their pseudo-header sum to 0xffff; the outer checksum may assume that.
      this.#correction = add(0xffff - sum, 0);
    } else {
      this.#countBad(kind);
    }
  }

  #addOuter(bytes: Uint8Array, outer: Layers, opened: boolean): void {
    if (outer.family === 4 && !opened)
      this.#count(ChecksumKind.OuterIpv4, isIpv4ChecksumValid(bytes, outer.networkOffset), outer.lengthUnset);
    const start = outer.transportOffset;
    const end = outer.payloadEnd;
    const row = this.rows[ChecksumKind.OuterUdp];
    const stored = (bytes[start + UDP_CHECKSUM] << 8) | bytes[start + UDP_CHECKSUM + 1];
    if (stored === 0) {
      if (outer.family === 4) row.absent++;
      else this.#countBad(ChecksumKind.OuterUdp);
      return;
    }
    const pseudo = pseudoHeaderSum(outer.family, bytes, outer.addressOffset, IpProtocol.Udp, end - start);
    // The inner transport's sum is known; at an even offset it is a partial sum of the outer one.
    const usable = this.#innerSum >= 0 && this.#innerEnd === end && (this.#innerStart - start) % 2 === 0;
    const sum = usable
      ? add(onesSum(bytes, start, this.#innerStart, pseudo), this.#innerSum)
      : onesSum(bytes, start, end, pseudo);
    if (sum === 0xffff || add(sum, this.#correction) === 0xffff) row.good++;
    else if (stored === pseudo || outer.lengthUnset) row.partial++;
    else this.#countBad(ChecksumKind.OuterUdp);
  }

  #keepInnerSum(bytes: Uint8Array, start: number, end: number): void {
    this.#innerSum = onesSum(bytes, start, end);
    this.#innerStart = start;
    this.#innerEnd = end;
  }

  /** @param unset whether the packet's length, and so its checksums, were left to the NIC */
  #count(kind: ChecksumKind, holds: boolean, unset = false): void {
    if (holds) this.rows[kind].good++;
    else if (unset) this.rows[kind].partial++;
    else this.#countBad(kind);
  }

  #countBad(kind: ChecksumKind): void {
    this.rows[kind].bad++;
    this.wrong |= 1 << kind;
  }
}
