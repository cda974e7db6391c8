/** Keys as subjects of NATS, and back. */

/** In a bucket but not a key of the store, as "=" can't be in one: how far deletions are forgotten. */
export const COMPACTED_KEY = '=compacted';

/** Subjects divide at dots where keys divide at slashes. Both characters may be in a NATS key, so they swap places. */
export function swapSeparators(key: string): string {
  return key.replace(/[./]/g, (separator) => (separator === '/' ? '.' : '/'));
}

/** The subjects of a prefix, which is empty or ends with a slash; or the subject of a key. */
export function subjectsOf(bucket: string, prefix: string): string {
  const wildcard = prefix === '' || prefix.endsWith('/') ? '>' : '';
  return `$KV.${bucket}.${swapSeparators(prefix)}${wildcard}`;
}

export function subjectOf(bucket: string, key: string): string {
  return `$KV.${bucket}.${swapSeparators(key)}`;
}

/** The key of a message's subject; it may be one that no store would take. */
export function keyOf(bucket: string, subject: string): string {
  return swapSeparators(subject.slice(`$KV.${bucket}.`.length));
}
