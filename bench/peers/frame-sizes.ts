/** Sizes of frames that are measured, and how many bytes of each are encrypted. */
import { ESP_TRAILER_BYTES, espPadding } from '../../src/ipsec/esp-format.js';
import { UDP_SPAN, VXLAN_SPAN } from '../../src/wire/index.js';
import type { FrameSize } from '../result.js';

/** 64, 594 and 1518 bytes as 7 to 4 to 1, well mixed. */
const IMIX = [64, 594, 64, 64, 594, 64, 1518, 64, 594, 64, 594, 64] as const;

/** The sizes at which ciphers are measured. */
export const CIPHER_SIZES: readonly FrameSize[] = [64, 128, 256, 512, 1024, 1400, 8900, 'imix'];
/** Those of a quick run. */
export const QUICK_CIPHER_SIZES: readonly FrameSize[] = [64, 1400, 'imix'];

/** Bytes of the frames that follow one another, over and over. */
export function framesOf(size: FrameSize): readonly number[] {
  return size === 'imix' ? IMIX : [size];
}

/** Bytes of a frame on average. */
export function meanBytes(size: FrameSize): number {
  const frames = framesOf(size);
  return frames.reduce((sum, bytes) => sum + bytes, 0) / frames.length;
}

/**
 * How many bytes the stage `seal` encrypts of a frame, and so every peer that is held against it: UDP and VXLAN header,
 * the frame, padding, trailer.
 * @param frameBytes bytes of a container's frame, from its Ethernet header on
 */
export function encryptedBytes(frameBytes: number): number {
  const payload = UDP_SPAN + VXLAN_SPAN + frameBytes;
  return payload + espPadding(payload) + ESP_TRAILER_BYTES;
}
