/**
 * Whether two runs of bytes are equal, in a time that doesn't tell where they differ.
 * @param a the one array, from `aOffset` on
 * @param b the other, from `bOffset` on
 * @param length bytes to compare
 */
export function equalBytes(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number, length: number): boolean {
  let difference = 0;
  for (let i = 0; i < length; i++) difference |= a[aOffset + i] ^ b[bOffset + i];
  return difference === 0;
}
