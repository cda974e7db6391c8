/**
 * Finds the key tags that yield an SPI. FNV-1a can be computed backwards from its end, so only the bytes of the tag are
 * tried, and the last of them follows from the others.
 */
import { deriveSpi, SpiForm } from './spi.js';

/** Inverse of the FNV prime modulo 2^32. */
const INVERSE = 0x359c449b;
const PRIME = 0x01000193;
const BYTE = 256;

/**
 * The tags below a limit that yield an SPI, in ascending order. Any SPI has one by chance for every 2^32 tags tried.
 * @param source advertise address of the sending node: 4 or 16 bytes
 * @param destination advertise address of the receiving node
 * @param limit at most 2^32; takes about limit / 256 steps
 */
export function tagsOfSpi(
  spi: number,
  source: Uint8Array,
  destination: Uint8Array,
  form: SpiForm,
  limit: number,
): number[] {
  // The hash before the destination: undo its bytes, last one first. The mapped form has 12 bytes before IPv4's.
  let target = spi | 0;
  for (let i = destination.length - 1; i >= 0; i--) target = Math.imul(target, INVERSE) ^ destination[i];
  if (destination.length === 4 && form === SpiForm.Mapped) {
    target = Math.imul(target, INVERSE) ^ 0xff;
    target = Math.imul(target, INVERSE) ^ 0xff;
    for (let i = 0; i < 10; i++) target = Math.imul(target, INVERSE);
  }
  // The hash before the tag's last byte is `byte ^ wanted` for the byte that leads to the target.
  const wanted = Math.imul(target, INVERSE);
  // The state after the source alone: undo a tag of 0 and no destination.
  let start = deriveSpi(source, new Uint8Array(0), 0, form) | 0;
  for (let i = 0; i < 4; i++) start = Math.imul(start, INVERSE);
  const tags: number[] = [];
  for (let high = 0; high * BYTE < limit; high++) {
    let hash = start;
    for (let shift = 16; shift >= 0; shift -= 8) hash = Math.imul(hash ^ ((high >>> shift) & 0xff), PRIME);
    const last = (hash ^ wanted) >>> 0;
    const tag = high * BYTE + last;
    if (last < BYTE && tag < limit) tags.push(tag);
  }
  return tags;
}
