/** Which of several targets a text belongs to: rendezvous hashing, by which few texts move when a target comes or goes. */

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a of a text's UTF-16 units, 32 bits. */
export function hashText(text: string): number {
  let hash = FNV_OFFSET;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  return hash >>> 0;
}

/**
 * The weight of a target for a text, 32 bits: the target with the highest one has it. FNV alone leaves the difference of
 * two texts in the low bits, so it is mixed as at the end of MurmurHash3.
 * @param text hash of the text
 * @param target hash of the target
 */
export function rendezvousWeight(text: number, target: number): number {
  let hash = text ^ target;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
