/** Ethernet II: two addresses and an EtherType, without preamble and FCS (IEEE 802.3 clause 3). */
import { Fault } from './fault.js';
import { header, mac, u16 } from './layout.js';

/** The header's fields in wire order. */
export const ethernetLayout = header('Ethernet', mac('destination'), mac('source'), u16('etherType'));

/** Size of the header in bytes. */
export const ETHERNET_SPAN = ethernetLayout.span;

const SOURCE = ethernetLayout.offsetOf('source');
const ETHER_TYPE = ethernetLayout.offsetOf('etherType');

/**
 * Whether an Ethernet header stands at `offset`.
 * @param end where the bytes end, at most `bytes.length`
 * @returns `Short` or `None`; after `None` every accessor of the view may be used
 */
export function checkEthernet(_bytes: Uint8Array, offset: number, end: number): Fault {
  return offset + ETHERNET_SPAN > end ? Fault.Short : Fault.None;
}

/** An Ethernet header in place. Check first; the view trusts its bytes. */
export class EthernetView {
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;

  // Each view has its own `wrap`: one shared by all would see every view's shape and stop being fast.

  /** Binds the view to a header at `offset`, which must have been checked. */
  wrap(bytes: Uint8Array, offset: number): this {
    this.bytes = bytes;
    this.offset = offset;
    return this;
  }

  /** Byte offset of the destination address. */
  get destinationOffset(): number {
    return this.offset;
  }

  /** Byte offset of the source address. */
  get sourceOffset(): number {
    return this.offset + SOURCE;
  }

  /** Whether the destination is a group address (broadcast and multicast). */
  get isGroup(): boolean {
    return (this.bytes[this.offset] & 1) !== 0;
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

  /** Byte offset of what follows the header. */
  get payloadOffset(): number {
    return this.offset + ETHERNET_SPAN;
  }
}
