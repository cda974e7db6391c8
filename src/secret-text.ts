/** What of a file's text may stand in a message: a key may be anywhere in a file, in the place of anything else. */

/** Characters of the longest address: IPv6 with IPv4 at its end. A key of pairs with colons between is longer. */
const MAX_QUOTED = 45;
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
