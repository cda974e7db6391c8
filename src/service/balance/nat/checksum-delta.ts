/**
 * Differences of checksums (RFC 1624): what replacing words adds to the one's complement sum of a header. A difference is
 * computed once per connection and applied to each of its packets.
 */

/** Folds a sum of a few 16-bit words to 16 bits. */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** The difference that replacing one 32-bit word with another makes, 0 to 0xffff. */
export function wordDelta(before: number, after: number): number {
  return fold((~before & 0xffff) + (~before >>> 16) + (after & 0xffff) + (after >>> 16));
}

/** The checksum after a difference. */
export function applyDelta(checksum: number, delta: number): number {
  return ~fold((~checksum & 0xffff) + delta) & 0xffff;
}
