/** ESP's cleartext header, SPI and sequence number (RFC 4303 section 2), and ESP in UDP (RFC 3948). */
import { HeaderError } from './header-error.js';
import { header, u32 } from './layout.js';

/** The header's fields in wire order. */
export const espLayout = header('ESP', u32('spi'), u32('sequence'));

/** Size of the header in bytes. */
export const ESP_HEADER_LEN = espLayout.span;
/** The UDP port of IKE and of ESP through NAT (RFC 3948). */
export const ESP_UDP_PORT = 4500;

const SEQUENCE = espLayout.offsetOf('sequence');

/**
 * Checks for an ESP header at `offset`. SPI 0 is never sent (RFC 4303 section 2.1); in UDP on port 4500, four zero
 * bytes are the non-ESP marker before an IKE message (RFC 3948 section 2.2).
 * @returns `Short`, `BadValue` (SPI 0), or `None`
 */
export function checkEsp(bytes: Uint8Array, offset: number, end: number): HeaderError {
  if (offset + ESP_HEADER_LEN > end) return HeaderError.Short;
  if ((bytes[offset] | bytes[offset + 1] | bytes[offset + 2] | bytes[offset + 3]) === 0) return HeaderError.BadValue;
  return HeaderError.None;
}

/** In-place view of an ESP header. Call `checkEsp` first. */
export class EspView {
  bytes: Uint8Array = new Uint8Array(0);
  offset = 0;

  /** Binds the view to a header at `offset` that passed `checkEsp`. */
  wrap(bytes: Uint8Array, offset: number): this {
    this.bytes = bytes;
    this.offset = offset;
    return this;
  }

  get spi(): number {
    const at = this.offset;
    const { bytes } = this;
    return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
  }

  set spi(value: number) {
    const at = this.offset;
    this.bytes[at] = value >>> 24;
    this.bytes[at + 1] = value >>> 16;
    this.bytes[at + 2] = value >>> 8;
    this.bytes[at + 3] = value;
  }

  /** The low 32 bits of the sequence number. */
  get sequence(): number {
    const at = this.offset + SEQUENCE;
    const { bytes } = this;
    return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
  }

  set sequence(value: number) {
    const at = this.offset + SEQUENCE;
    this.bytes[at] = value >>> 24;
    this.bytes[at + 1] = value >>> 16;
    this.bytes[at + 2] = value >>> 8;
    this.bytes[at + 3] = value;
  }

  /** Byte offset of the explicit IV. */
  get payloadOffset(): number {
    return this.offset + ESP_HEADER_LEN;
  }
}
