/** What of a file's text may stand in a message: a key may be anywhere in a file, in the place of anything else. */

/** Characters of the longest address: IPv6 with IPv4 at its end. A key of pairs with colons between is longer. */
const MAX_QUOTED = 45;
/** Characters of a word of a call that is shown. */
const MAX_WORD = 200;
const HIDDEN = '[hidden]';

/** Whether a text may be a key or a part of one: 8 hexadecimal digits in a row will do. */
export function mayBeKey(text: string): boolean {
  return text.length > MAX_QUOTED || /[0-9a-f]{8}/i.test(text);
}

/** A piece of a file in quotes; if it may be a key, its length alone. */
export function quoted(text: string): string {
  return mayBeKey(text) ? `a text of ${text.length} characters` : JSON.stringify(text);
}

/** A message in which what may be a key (16 hexadecimal digits in a row, or pairs of them with colons) doesn't stand. */
export function withoutKeys(message: string): string {
  return message.replaceAll(/(?:[0-9a-f]{2}:){8,}[0-9a-f]*|[0-9a-f]{16,}/gi, HIDDEN);
}

/** Hexadecimal digits in groups, with no more than a separator between them. A point stands in addresses and times. */
const GROUPS = /(?<![0-9a-z])(?:0x)?[0-9a-f]{2,}(?:[^0-9a-z.]{1,3}(?:0x)?[0-9a-f]{2,})+(?![0-9a-z])/gi;
const TWO_SPIS = /^(?:0x)?[0-9a-f]{8},? (?:0x)?[0-9a-f]{8}$/i;
/** 16 bytes have 22 characters, and two signs that fill up. */
const BASE64 = /[a-z0-9+/_-]{20,}={1,2}|[a-z0-9+/_-]{22,}/gi;

/** Whether a key may stand in words: as hexadecimal digits, in groups too, or in base64. Two SPIs are none. */
export function holdsKey(words: string): boolean {
  if (withoutKeys(words) !== words) return true;
  const digitsOf = (text: string): number => text.replaceAll(/0x|[^0-9a-f]/gi, '').length;
  return (
    (words.match(GROUPS) ?? []).some((groups) => digitsOf(groups) >= 16 && !TWO_SPIS.test(groups)) ||
    (words.match(BASE64) ?? []).some(
      (text) => text.endsWith('=') || (/[a-z]/.test(text) && /[A-Z]/.test(text) && /\d/.test(text)),
    )
  );
}

/** A word of a call in quotes; if it may be a key that stands in the wrong place, its length alone. */
export function quotedWord(word: string): string {
  return holdsKey(word) || word.length > MAX_WORD ? `a text of ${word.length} characters` : JSON.stringify(word);
}
