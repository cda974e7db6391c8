/** The Internet checksum: full (RFC 1071), with the pseudo-headers of IPv4 and IPv6, and incremental (RFC 1624). */
import { type Kernels, kernelsOf, viewOf } from '../memory/internal.js';

/** Folds a sum of 16-bit words to 16 bits by end-around carry. */
function fold(sum: number): number {
  let folded = sum;
  // The bitwise operators below truncate to 32 bits.
  while (folded > 0x7fffffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  folded = (folded & 0xffff) + (folded >>> 16);
  return (folded & 0xffff) + (folded >>> 16);
}

// The packets of a batch share one array, so its kernels are cached.
let known: Uint8Array = new Uint8Array(0);
let kernels: Kernels | undefined;

function findKernels(bytes: Uint8Array): void {
  known = bytes;
  kernels = kernelsOf(bytes.buffer);
}

/** Below this many bytes (addresses, headers in separate arrays) looking up a view isn't worth it. */
const WORDS = 32;
/** From this length in bytes, calling the kernel is worth its 20 ns. */
const VECTOR = 128;
/** Maximum number of bytes that the kernel sums without overflow. */
const MAX_VECTOR = 1 << 19;

/**
 * The one's complement sum of bytes, folded to 16 bits and not inverted; an odd last byte is padded with zero.
 * @param offset start offset
 * @param end end offset
 * @param initial sum to continue from (of an even number of bytes)
 * @returns the sum, 0 to 0xffff
 */
export function onesSum(bytes: Uint8Array, offset: number, end: number, initial = 0): number {
  const length = end - offset;
  if (length >= VECTOR && length <= MAX_VECTOR && offset >= 0 && end <= bytes.length) {
    if (known !== bytes) findKernels(bytes);
    if (kernels !== undefined) {
      const from = bytes.byteOffset + offset;
      const swapped = kernels.onesSum(from, from + length);
      return fold(initial + (((swapped & 0xff) << 8) | (swapped >>> 8)));
    }
  }
  let sum = initial;
  let at = offset;
  if (length >= WORDS) {
    const view = viewOf(bytes);
    // Little-endian words need no swapping; their sum is the same with its bytes swapped (RFC 1071 section 2 (B)).
    let words = 0;
    for (const stop = end - 16; at <= stop; at += 16) {
      const a = view.getInt32(at, true);
      const b = view.getInt32(at + 4, true);
      const c = view.getInt32(at + 8, true);
      const d = view.getInt32(at + 12, true);
      words += (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff);
      words += (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16);
    }
    const swapped = fold(words);
    sum += ((swapped & 0xff) << 8) | (swapped >>> 8);
  }
  for (; at + 2 <= end; at += 2) sum += (bytes[at] << 8) | bytes[at + 1];
  if (at < end) sum += bytes[at] << 8;
  return fold(sum);
}

/** The checksum for a header field: the inverted sum. It is 0 over bytes that include their correct checksum. */
export function checksum(bytes: Uint8Array, offset: number, end: number, initial = 0): number {
  return ~onesSum(bytes, offset, end, initial) & 0xffff;
}

/**
 * The pseudo-header sum, to pass to `onesSum` as `initial`: IPv4 (RFC 768, 9293) or IPv6 (RFC 8200 section 8.1).
 * @param family 4 or 6
 * @param addresses bytes that hold the source and destination address back to back, as in the IP header
 * @param offset offset of the source address
 * @param protocol the transport's protocol number
 * @param length bytes of the transport header and its payload
 */
export function pseudoHeaderSum(
  family: number,
  addresses: Uint8Array,
  offset: number,
  protocol: number,
  length: number,
): number {
  const span = family === 4 ? 8 : 32;
  return onesSum(addresses, offset, offset + span, protocol + (length & 0xffff) + (length >>> 16));
}

/**
 * Updates a checksum after one 16-bit word under it changed (RFC 1624 equation 3): HC' = ~(~HC + ~m + m').
 * @param old the checksum in the header
 * @param before the word's old value
 * @param after the word's new value
 */
export function updateChecksum(old: number, before: number, after: number): number {
  let sum = (~old & 0xffff) + (~before & 0xffff) + (after & 0xffff);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
