/** The Internet checksum: whole (RFC 1071), with the pseudo-headers of IPv4 and IPv6, and incremental (RFC 1624). */
import { type Kernels, kernelsOf } from '../memory/kernels.js';
import { viewOf } from '../memory/view.js';

/** Brings a sum of 16-bit words back to 16 bits by end-around carry. */
function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return folded;
}

// Packets of a batch stand in the same array: what WebAssembly can do there is asked for once.
let known: Uint8Array = new Uint8Array(0);
let kernels: Kernels | undefined;

function look(bytes: Uint8Array): void {
  known = bytes;
  kernels = kernelsOf(bytes.buffer);
}

/** Below this many bytes (headers) the view isn't worth looking up. */
const LONG = 64;
/** What the kernel's sums hold. */
const MAX_SUM = 1 << 19;

/**
 * The one's complement sum of bytes, folded to 16 bits and not inverted; an odd last byte is padded with zero.
 * @param offset where the bytes begin
 * @param end where they end
 * @param initial a sum to go on from (of an even number of bytes)
 * @returns the sum, 0 to 0xffff
 */
export function onesSum(bytes: Uint8Array, offset: number, end: number, initial = 0): number {
  let sum = initial;
  let at = offset;
  if (end - offset >= LONG) {
    if (known !== bytes) look(bytes);
    if (kernels !== undefined && end <= bytes.length && end - offset <= MAX_SUM) {
      const from = bytes.byteOffset + offset;
      const swapped = kernels.onesSum(from, from + end - offset);
      return fold(sum + (((swapped & 0xff) << 8) | (swapped >>> 8)));
    }
    const view = viewOf(bytes);
    // Little-endian words sum to the same with its bytes swapped (RFC 1071 section 2 (B)). Halves are added up apart,
    // so that the sums stay small integers.
    let low = 0;
    let high = 0;
    for (; at + 16 <= end; at += 16) {
      const a = view.getInt32(at, true);
      const b = view.getInt32(at + 4, true);
      const c = view.getInt32(at + 8, true);
      const d = view.getInt32(at + 12, true);
      low += (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff);
      high += (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16);
    }
    const swapped = fold(low + high);
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
