/**
 * LLC and SNAP (IEEE 802.2, 802.3 clause 3.2.6, RFC 1042): follow an Ethernet header whose last field is a length (up
 * to 1500) instead of an EtherType.
 */
import { header, u8, u16, u24 } from './layout.js';

/** The start of LLC: the service access points, and the control field of unnumbered frames. */
export const llcLayout = header('LLC', u8('dsap'), u8('ssap'), u8('control'));

/** LLC followed by a SNAP header. */
export const snapLayout = header('SNAP', u8('dsap'), u8('ssap'), u8('control'), u24('oui'), u16('protocol'));

/** Size of an LLC header in bytes. */
export const LLC_HEADER_LEN = llcLayout.span;
/** Size of an LLC and SNAP header in bytes. */
export const SNAP_HEADER_LEN = snapLayout.span;

/** The lowest EtherType; lower values in the last field of an Ethernet header are lengths. */
export const MIN_ETHER_TYPE = 0x600;

/** Service access points. */
export const Sap = { Stp: 0x42, Ip: 0x06, Snap: 0xaa, Ipx: 0xe0, NetBios: 0xf0, Osi: 0xfe, Global: 0xff } as const;

const UNNUMBERED_INFORMATION = 3;
const OUI = snapLayout.offsetOf('oui');
const PROTOCOL = snapLayout.offsetOf('protocol');

/** Whether LLC with SNAP is at `offset`. */
export function isSnap(bytes: Uint8Array, offset: number, end: number): boolean {
  if (offset + SNAP_HEADER_LEN > end) return false;
  return bytes[offset] === Sap.Snap && bytes[offset + 1] === Sap.Snap && bytes[offset + 2] === UNNUMBERED_INFORMATION;
}

/** The OUI of a SNAP header. */
export function snapOui(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + OUI] << 16) | (bytes[offset + OUI + 1] << 8) | bytes[offset + OUI + 2];
}

/** The protocol of a SNAP header: an EtherType if the OUI is 0, else defined by the organization. */
export function snapProtocol(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + PROTOCOL] << 8) | bytes[offset + PROTOCOL + 1];
}
