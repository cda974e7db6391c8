/**
 * A copy of secret bytes that stays where it is: V8 keeps small arrays in its own heap, where the collector moves them and
 * leaves what was there, so that overwriting the array would not overwrite every copy.
 */
export function secretCopy(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new ArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
