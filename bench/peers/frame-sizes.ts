/** The frame sizes measured, and how many bytes of each are encrypted. */
import { ESP_TRAILER_BYTES, espPadding } from '../../src/ipsec/esp-format.js';
import { UDP_HEADER_LEN, VXLAN_HEADER_LEN } from '../../src/wire/index.js';
import type { FrameSize } from '../result.js';

/** The sizes for ciphers. */
export const CIPHER_SIZES: readonly FrameSize[] = [64, 128, 256, 512, 1024, 1400, 8900, 'imix'];
/** The sizes of a quick run. */
export const QUICK_CIPHER_SIZES: readonly FrameSize[] = [64, 1400, 'imix'];

/**
 * Bytes that the stage `seal`, and so every peer compared with it, encrypts per frame: UDP and VXLAN header, the frame,
 * padding, trailer.
 * @param frameBytes size of a container's frame, from its Ethernet header on
 */
export function encryptedBytes(frameBytes: number): number {
  const payload = UDP_HEADER_LEN + VXLAN_HEADER_LEN + frameBytes;
  return payload + espPadding(payload) + ESP_TRAILER_BYTES;
}
