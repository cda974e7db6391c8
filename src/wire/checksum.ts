/** The Internet checksum: whole (RFC 1071), with the pseudo-headers of IPv4 and IPv6, and incremental (RFC 1624). */
import { type Kernels, kernelsOf } from '../memory/kernels.js';
import { viewOf } from '../memory/view.js';

/** Brings a sum of 16-bit words back to 16 bits by end-around carry. */
function fold(sum: number): number {
  let folded = sum;
  // Beyond 32 bits the operators below would cut it.
  while (folded > 0x7fffffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  folded = (folded & 0xffff) + (folded >>> 16);
  return (folded & 0xffff) + (folded >>> 16);
}

// Packets of a batch stand in the same array: what WebAssembly can do there is asked for once.
let known: Uint8Array = new Uint8Array(0);
let kernels: Kernels | undefined;

function look(bytes: Uint8Array): void {
  known = bytes;
  kernels = kernelsOf(bytes.buffer);
}

/** Below this many bytes (addresses, headers in arrays of their own) a view isn't worth looking up. */
const WORDS = 32;
/** From this many bytes on calling the kernel is worth its 20 ns. */
const VECTOR = 128;
/** What the kernel's sums hold. */
const MAX_VECTOR = 1 << 19;

/**
 * The one's complement sum of bytes, folded to 16 bits and not inverted; an odd last byte is padded with zero.
 * @param offset where the bytes begin
 * @param end where they end
 * @param initial a sum to go on from (of an even number of bytes)
 * @returns the sum, 0 to 0xffff
 */
export function onesSum(bytes: Uint8Array, offset: number, end: number, initial = 0): number {
  const length = end - offset;
  if (length >= VECTOR && length <= MAX_VECTOR && offset >= 0 && end <= bytes.length) {
    if (known !== bytes) look(bytes);
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
    // Little-endian words, which take no swapping, sum up to the same with its bytes swapped (RFC 1071 section 2 (B)).
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

/** The checksum of bytes as it goes into a header: the inverted sum. Over bytes that hold their checksum it is 0. */
export function checksum(bytes: Uint8Array, offset: number, end: number, initial = 0): number {
  return ~onesSum(bytes, offset, end, initial) & 0xffff;
}

/**
 * The sum of the pseudo-header, to start `onesSum` with: IPv4's (RFC 768, 9293) or IPv6's (RFC 8200 section 8.1).
 * @param family 4 or 6
 * @param addresses bytes in which source and destination address stand side by side, as in the IP header
 * @param offset where the source address begins
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
 * A checksum after one 16-bit word under it changed, by RFC 1624 equation 3: HC' = ~(~HC + ~m + m').
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
