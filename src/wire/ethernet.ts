/** Ethernet II: two addresses and an EtherType, without preamble and FCS (IEEE 802.3 clause 3). */
import { HeaderError } from './header-error.js';
import { header, mac, u16 } from './layout.js';

/** The header's fields in wire order. */
export const ethernetLayout = header('Ethernet', mac('destination'), mac('source'), u16('etherType'));

/** Size of the header in bytes. */
export const ETHERNET_HEADER_LEN = ethernetLayout.span;

const SOURCE = ethernetLayout.offsetOf('source');
const ETHER_TYPE = ethernetLayout.offsetOf('etherType');

/**
 * Checks for an Ethernet header at `offset`.
 * @param end end of the bytes, at most `bytes.length`
 * @returns `Short` or `None`; after `None` every accessor of the view is safe
 */
export function checkEthernet(_bytes: Uint8Array, offset: number, end: number): HeaderError {
  return offset + ETHERNET_HEADER_LEN > end ? HeaderError.Short : HeaderError.None;
}

/** In-place view of an Ethernet header. It doesn't check bounds: call `checkEthernet` first. */
export class EthernetView {
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;

  // Each view has its own `wrap`: a shared one would be megamorphic, and slow.

  /** Binds the view to a header at `offset` that passed `checkEthernet`. */
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

  /** Whether the destination is a group address (multicast or broadcast). */
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
    return this.offset + ETHERNET_HEADER_LEN;
  }
}
