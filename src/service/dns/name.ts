import { MAX_NAME_LEN } from './message.js';

/** Most pointers that a name may contain: as many as a name of 255 bytes has labels, less one. */
const MAX_POINTERS = 126;
const MAX_LABEL_LEN = 63;
const POINTER = 0xc0;
const DOT = 0x2e;
/** What the text form of a name escapes, so that no name in a table matches it. */
const ESCAPED: ReadonlySet<number> = new Set(Array.from(' \'@;()"\\.', (letter) => letter.charCodeAt(0)));

/** Reads names and expands their compression pointers (RFC 1035, section 4.1.4). One instance per user. */
export class NameReader {
  /** The name as it was, uncompressed, root label included. */
  readonly bytes = new Uint8Array(MAX_NAME_LEN);
  /** Bytes of the name, root label included. */
  length = 0;
  /** Offset after the name, where it was. */
  next = 0;

  /**
   * Reads a name.
   * @param base offset of the message, which pointers count from
   * @param at offset of the name
   * @param end offset after the message
   * @returns false for a name that isn't complete, is longer than 255 bytes, has a label type other than a length or a
   * pointer, or more than 126 pointers (which stops loops)
   */
  read(message: Uint8Array, base: number, at: number, end: number): boolean {
    const { bytes } = this;
    let to = 0;
    let pointers = 0;
    for (let from = at; from < end;) {
      const size = message[from];
      if (size === 0) {
        bytes[to] = 0;
        this.length = to + 1;
        if (pointers === 0) this.next = from + 1;
        return true;
      }
      if (size >= POINTER) {
        if (from + 1 >= end || ++pointers > MAX_POINTERS) return false;
        if (pointers === 1) this.next = from + 2;
        from = base + (((size & ~POINTER) << 8) | message[from + 1]);
        continue;
      }
      // The root label needs one more byte.
      if (size > MAX_LABEL_LEN || from + size >= end || to + size + 2 > MAX_NAME_LEN) return false;
      for (let i = 0; i <= size; i++) bytes[to + i] = message[from + i];
      to += size + 1;
      from += size + 1;
    }
    return false;
  }
}

/**
 * The labels of a dotted name on the wire, without the root label.
 * @param text `my-web.my-network`, with or without a trailing dot
 * @returns undefined for names that no query can contain in this form: empty or too long, with an empty label, one of
 * more than 63 bytes, or a character that the text form of DNS names escapes
 */
export function labelsOf(text: string): Uint8Array<ArrayBuffer> | undefined {
  const plain = text.endsWith('.') ? text.slice(0, -1) : text;
  if (plain.length === 0 || plain.length + 2 > MAX_NAME_LEN) return undefined;
  const bytes = new Uint8Array(plain.length + 1);
  let start = 0;
  for (let i = 0; i <= plain.length; i++) {
    const code = i === plain.length ? DOT : plain.charCodeAt(i);
    if (code !== DOT) {
      if (code <= 0x20 || code >= 0x7f || ESCAPED.has(code)) return undefined;
      bytes[i + 1] = code;
      continue;
    }
    if (i === start || i - start > MAX_LABEL_LEN) return undefined;
    bytes[start] = i - start;
    start = i + 1;
  }
  return bytes;
}

/**
 * The labels of an address in the reverse zones, without `in-addr.arpa` or `ip6.arpa` (RFC 1035, section 3.5; RFC 3596,
 * section 2.5).
 * @param address 4 or 16 bytes
 */
export function reverseLabels(address: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts = [...address].reverse();
  const labels =
    address.length === 4
      ? parts.map((part) => part.toString())
      : parts.flatMap((part) => [(part & 15).toString(16), (part >>> 4).toString(16)]);
  const bytes = labelsOf(labels.join('.'));
  return bytes ?? new Uint8Array(0);
}
