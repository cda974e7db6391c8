/** ARP for IPv4 over Ethernet (RFC 826). */
import { EtherType } from './ether-type.js';
import { HeaderError } from './header-error.js';
import { header, ipv4, mac, u8, u16 } from './layout.js';

/** The packet's fields in wire order. */
export const arpLayout = header(
  'ARP',
  u16('hardwareType'),
  u16('protocolType'),
  u8('hardwareLength'),
  u8('protocolLength'),
  u16('operation'),
  mac('senderMac'),
  ipv4('senderIp'),
  mac('targetMac'),
  ipv4('targetIp'),
);

/** Size of the packet in bytes. */
export const ARP_PACKET_LEN = arpLayout.span;

/** ARP operations. */
export const ArpOperation = { Request: 1, Reply: 2 } as const;

const HARDWARE_TYPE = arpLayout.offsetOf('hardwareType');
const PROTOCOL_TYPE = arpLayout.offsetOf('protocolType');
const HARDWARE_LENGTH = arpLayout.offsetOf('hardwareLength');
const PROTOCOL_LENGTH = arpLayout.offsetOf('protocolLength');
const OPERATION = arpLayout.offsetOf('operation');
const SENDER_MAC = arpLayout.offsetOf('senderMac');
const SENDER_IP = arpLayout.offsetOf('senderIp');
const TARGET_MAC = arpLayout.offsetOf('targetMac');
const TARGET_IP = arpLayout.offsetOf('targetIp');

/**
 * Checks for an ARP packet for IPv4 over Ethernet at `offset`.
 * @returns `Short`; `BadValue` for other hardware, protocol or address sizes; or `None`
 */
export function checkArp(bytes: Uint8Array, offset: number, end: number): HeaderError {
  if (offset + ARP_PACKET_LEN > end) return HeaderError.Short;
  const hardware = (bytes[offset + HARDWARE_TYPE] << 8) | bytes[offset + HARDWARE_TYPE + 1];
  const protocol = (bytes[offset + PROTOCOL_TYPE] << 8) | bytes[offset + PROTOCOL_TYPE + 1];
  if (hardware !== 1 || protocol !== EtherType.Ipv4) return HeaderError.BadValue;
  if (bytes[offset + HARDWARE_LENGTH] !== 6 || bytes[offset + PROTOCOL_LENGTH] !== 4) return HeaderError.BadValue;
  return HeaderError.None;
}

/** In-place view of an ARP packet. Call `checkArp` first. */
export class ArpView {
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;

  /** Binds the view to a packet at `offset` that passed `checkArp`. */
  wrap(bytes: Uint8Array, offset: number): this {
    this.bytes = bytes;
    this.offset = offset;
    return this;
  }

  get operation(): number {
    const at = this.offset + OPERATION;
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  set operation(value: number) {
    const at = this.offset + OPERATION;
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  /** Byte offset of the sender's MAC (6 bytes). */
  get senderMacOffset(): number {
    return this.offset + SENDER_MAC;
  }

  /** Byte offset of the sender's IPv4 address (4 bytes). */
  get senderIpOffset(): number {
    return this.offset + SENDER_IP;
  }

  /** Byte offset of the target's MAC (6 bytes). */
  get targetMacOffset(): number {
    return this.offset + TARGET_MAC;
  }

  /** Byte offset of the target's IPv4 address (4 bytes). */
  get targetIpOffset(): number {
    return this.offset + TARGET_IP;
  }
}
