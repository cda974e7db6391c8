/**
 * Secret bytes that stay where they are: V8 keeps small arrays in its own heap, where the collector moves them and leaves
 * what was there, so that overwriting the array would not overwrite every copy.
 */
export function secretBytes(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length));
}

/** A copy of secret bytes that stays where it is. */
export function secretCopy(bytes: Uint8Array): Uint8Array {
  const copy = secretBytes(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Whether a secret is one byte over and over, all zeros among them: what stands for a key where none was filled in. */
export function isOneByte(bytes: Uint8Array): boolean {
  let difference = 0;
  for (const byte of bytes) difference |= byte ^ bytes[0];
  return difference === 0;
}

/** Whether two secrets are the same, in a time that doesn't depend on where they differ. */
export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i] ^ b[i];
  return difference === 0;
}
