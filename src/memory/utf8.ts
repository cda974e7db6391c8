/** UTF-8, strictly, and fast for texts that are all ASCII. */

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The text in a range of bytes; undefined if it isn't UTF-8. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = '';
  for (let i = start; i < end; i++) {
    if (bytes[i] >= 0x80) return decodeUtf8(bytes.subarray(start, end));
    text += String.fromCharCode(bytes[i]);
  }
  return text;
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Whether a text has only ASCII characters, so that its bytes are its characters. */
export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}

/** Number of bytes of a text. */
export function textLength(text: string): number {
  return isAscii(text) ? text.length : encodeText(text).length;
}

/** The bytes of a text. Lone surrogates become U+FFFD. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}
