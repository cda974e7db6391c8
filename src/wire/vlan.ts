/** A VLAN tag, 802.1Q (0x8100) or 802.1ad (0x88a8): the 4 bytes after the EtherType that announces it. */
import { EtherType } from './ether-type.js';
import { HeaderError } from './header-error.js';
import { bits, header, u16 } from './layout.js';

/** The tag's fields: priority, drop eligible indicator, VLAN id, and the EtherType of the payload. */
export const vlanLayout = header('VLAN', bits(2, { priority: 3, dropEligible: 1, vlanId: 12 }), u16('etherType'));

/** Size of the tag in bytes. */
export const VLAN_HEADER_LEN = vlanLayout.span;

const ETHER_TYPE = vlanLayout.offsetOf('etherType');
const PRIORITY = vlanLayout.bitsOf('priority');
const DROP_ELIGIBLE = vlanLayout.bitsOf('dropEligible');
const VLAN_ID = vlanLayout.bitsOf('vlanId');
const PRIORITY_SHIFT = PRIORITY.shift;
const DROP_ELIGIBLE_SHIFT = DROP_ELIGIBLE.shift;
const VLAN_ID_MASK = VLAN_ID.mask;

/** Whether an EtherType announces a VLAN tag. */
export function isVlanTag(etherType: number): boolean {
  return etherType === EtherType.Vlan || etherType === EtherType.ServiceVlan || etherType === EtherType.OldServiceVlan;
}

/** Checks for a tag at `offset`: `Short` or `None`. */
export function checkVlan(_bytes: Uint8Array, offset: number, end: number): HeaderError {
  return offset + VLAN_HEADER_LEN > end ? HeaderError.Short : HeaderError.None;
}

/** In-place view of a VLAN tag. Call `checkVlan` first. */
export class VlanView {
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;

  /** Binds the view to a tag at `offset` that passed `checkVlan`. */
  wrap(bytes: Uint8Array, offset: number): this {
    this.bytes = bytes;
    this.offset = offset;
    return this;
  }

  /** The tag control information (TCI) as one number. */
  get tci(): number {
    return (this.bytes[this.offset] << 8) | this.bytes[this.offset + 1];
  }

  set tci(value: number) {
    this.bytes[this.offset] = value >>> 8;
    this.bytes[this.offset + 1] = value;
  }

  get priority(): number {
    return this.tci >>> PRIORITY_SHIFT;
  }

  get dropEligible(): number {
    return (this.tci >>> DROP_ELIGIBLE_SHIFT) & 1;
  }

  get vlanId(): number {
    return this.tci & VLAN_ID_MASK;
  }

  set vlanId(value: number) {
    this.tci = (this.tci & ~VLAN_ID_MASK) | (value & VLAN_ID_MASK);
  }

  get etherType(): number {
    const at = this.offset + ETHER_TYPE;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  set etherType(value: number) {
    const at = this.offset + ETHER_TYPE;
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  get payloadOffset(): number {
    return this.offset + VLAN_HEADER_LEN;
  }
}
