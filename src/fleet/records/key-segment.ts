/** Names of nodes, networks and endpoints as segments of keys, and back. */

const ESCAPED = /^_([0-9A-F]{2})/;
const PLAIN = /^[A-Za-z0-9.-]/;

/** Bytes of UTF-8 other than letters, digits, "-" and "." become "_" and two hexadecimal digits. */
export function segmentOf(name: string): string {
  let segment = '';
  for (const byte of new TextEncoder().encode(name)) {
    const character = String.fromCharCode(byte);
    segment += PLAIN.test(character) ? character : `_${byte.toString(16).padStart(2, '0').toUpperCase()}`;
  }
  return segment;
}

/** @returns undefined if `segmentOf` makes no such segment */
export function nameOf(segment: string): string | undefined {
  const bytes: number[] = [];
  for (let at = 0; at < segment.length;) {
    const hex = ESCAPED.exec(segment.slice(at, at + 3))?.[1];
    bytes.push(hex === undefined ? segment.charCodeAt(at) : Number.parseInt(hex, 16));
    at += hex === undefined ? 1 : 3;
  }
  const name = new TextDecoder().decode(Uint8Array.from(bytes));
  return name !== '' && segmentOf(name) === segment ? name : undefined;
}
