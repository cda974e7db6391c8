/** VXLAN (RFC 7348 section 5). */
import { HeaderError } from './header-error.js';
import { header, u8, u24 } from './layout.js';

/** The header's fields in wire order. */
export const vxlanLayout = header('VXLAN', u8('flags'), u24('reserved1'), u24('vni'), u8('reserved2'));

/** Size of the header in bytes. */
export const VXLAN_HEADER_LEN = vxlanLayout.span;
/** IANA's port, and Docker's default data path port. */
export const VXLAN_PORT = 4789;
/** The flag that marks the VNI as valid; the only one that RFC 7348 defines. */
export const VXLAN_FLAG_I = 0x08;
/** The group policy flag in the reserved bits (draft-smith-vxlan-group-policy); Linux accepts it only with `gbp`. */
export const VXLAN_FLAG_G = 0x80;

/** How a receiver treats reserved bits that are set. */
export const VxlanReserved = {
  /** RFC 7348 section 5: ignored on receipt. */
  Ignore: 0,
  /** Linux, vxlan_rcv: the packet is dropped. */
  Refuse: 1,
} as const;
export type VxlanReserved = (typeof VxlanReserved)[keyof typeof VxlanReserved];

const FLAGS = vxlanLayout.offsetOf('flags');
const RESERVED1 = vxlanLayout.offsetOf('reserved1');
const VNI = vxlanLayout.offsetOf('vni');
const RESERVED2 = vxlanLayout.offsetOf('reserved2');

/**
 * Checks for a VXLAN header at `offset`.
 * @param end end of the bytes, at most `bytes.length`
 * @param reserved how to treat reserved bits. Default: `Refuse`, as Linux does.
 * @returns `Short`, `BadFlags` (I is clear), `ReservedBits` (only with `Refuse`), or `None`
 */
export function checkVxlan(
  bytes: Uint8Array,
  offset: number,
  end: number,
  reserved: VxlanReserved = VxlanReserved.Refuse,
): HeaderError {
  if (offset + VXLAN_HEADER_LEN > end) return HeaderError.Short;
  const flags = bytes[offset + FLAGS];
  if ((flags & VXLAN_FLAG_I) === 0) return HeaderError.BadFlags;
  if (reserved === VxlanReserved.Refuse) {
    const rest =
      (flags & ~VXLAN_FLAG_I) |
      bytes[offset + RESERVED1] |
      bytes[offset + RESERVED1 + 1] |
      bytes[offset + RESERVED1 + 2] |
      bytes[offset + RESERVED2];
    if (rest !== 0) return HeaderError.ReservedBits;
  }
  return HeaderError.None;
}

/** In-place view of a VXLAN header. Call `checkVxlan` first. */
export class VxlanView {
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;

  /** Binds the view to a header at `offset` that passed `checkVxlan`. */
  wrap(bytes: Uint8Array, offset: number): this {
    this.bytes = bytes;
    this.offset = offset;
    return this;
  }

  get flags(): number {
    return this.bytes[this.offset + FLAGS];
  }

  set flags(value: number) {
    this.bytes[this.offset + FLAGS] = value;
  }

  /** The 24-bit VXLAN network identifier. */
  get vni(): number {
    const at = this.offset + VNI;
    return (this.bytes[at] << 16) | (this.bytes[at + 1] << 8) | this.bytes[at + 2];
  }

  set vni(value: number) {
    const at = this.offset + VNI;
    this.bytes[at] = value >>> 16;
    this.bytes[at + 1] = value >>> 8;
    this.bytes[at + 2] = value;
  }

  /** Byte offset of the inner Ethernet frame. */
  get payloadOffset(): number {
    return this.offset + VXLAN_HEADER_LEN;
  }

  /** Writes a whole header: the I flag, the VNI, and zero in all reserved bits. */
  write(vni: number): void {
    const { bytes, offset } = this;
    bytes.fill(0, offset, offset + VXLAN_HEADER_LEN);
    bytes[offset + FLAGS] = VXLAN_FLAG_I;
    this.vni = vni;
  }
}
