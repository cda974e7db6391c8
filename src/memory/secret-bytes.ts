/**
 * Allocates secret bytes at a fixed address: V8 keeps small arrays in its own heap, where the garbage collector moves
 * them and leaves the old copy behind, so that overwriting the array would not wipe every copy.
 */
export function secretBytes(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length));
}

/** Copies secret bytes to a fixed address. */
export function secretCopy(bytes: Uint8Array): Uint8Array {
  const copy = secretBytes(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Whether a secret is one byte repeated, such as all zeros: a placeholder that was never replaced by a key. */
export function isRepeatedByte(bytes: Uint8Array): boolean {
  let difference = 0;
  for (const byte of bytes) difference |= byte ^ bytes[0];
  return difference === 0;
}

/** Whether two secrets are equal, in constant time. */
export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && equalBytes(a, 0, b, 0, a.length);
}

/**
 * Compares two byte ranges in a time that doesn't depend on where they differ.
 * @param length bytes to compare, from `aOffset` and `bOffset` on
 */
export function equalBytes(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number, length: number): boolean {
  let difference = 0;
  for (let i = 0; i < length; i++) difference |= a[aOffset + i] ^ b[bOffset + i];
  return difference === 0;
}
