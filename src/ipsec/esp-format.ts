/** Layout of an ESP packet with AES-GCM (RFC 4303 section 2, RFC 4106 section 3). */
import { ESP_HEADER_LEN } from '../wire/index.js';

/** Bytes of the explicit IV. */
export const ESP_IV_BYTES = 8;
/** Bytes of header and IV. */
export const ESP_HEADER_BYTES = ESP_HEADER_LEN + ESP_IV_BYTES;
/** Bytes of the trailer without padding: pad length and next header. */
export const ESP_TRAILER_BYTES = 2;
/** The ciphertext is padded to a multiple of this (RFC 4303 section 2.4; RFC 4106 section 3.2 requires none). */
const ALIGNMENT = 4;

/** Bytes of padding after a payload. */
export function espPadding(payloadBytes: number): number {
  return -(payloadBytes + ESP_TRAILER_BYTES) & (ALIGNMENT - 1);
}

/** Size of an ESP packet around a payload in bytes, from the ESP header to the end of the ICV. */
export function espBytes(payloadBytes: number, icvLength: number): number {
  return ESP_HEADER_BYTES + payloadBytes + espPadding(payloadBytes) + ESP_TRAILER_BYTES + icvLength;
}

/**
 * Writes ESP's additional data (RFC 4106 section 5): SPI and sequence number, which has 64 bits with ESN.
 * @returns its size in bytes
 */
export function putAad(aad: DataView, at: number, spi: number, esn: boolean, high: number, low: number): number {
  aad.setInt32(at, spi);
  if (!esn) {
    aad.setInt32(at + 4, low);
    return 8;
  }
  aad.setInt32(at + 4, high);
  aad.setInt32(at + 8, low);
  return 12;
}
