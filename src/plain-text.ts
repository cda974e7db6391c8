/**
 * Text for people, as it stands in messages, on terminals and in logs: one line, in which names from files can't hide keys,
 * move the cursor, forge a line or turn the direction of what follows. Every error's message goes through `plain`, and so does
 * what the command line prints.
 */
import { withoutKeyParts, withoutKeys } from './secret-text.js';

/** Characters of a quoted text that are shown. */
const MAX_QUOTED = 80;
/** What is looked at for keys is longer: one may begin just before the end. */
const MAX_CHECKED = 4 * MAX_QUOTED;

/** Control characters (C0, DEL, C1), line and paragraph separators, and what turns the direction or isn't seen. */
// eslint-disable-next-line no-control-regex -- these are what it is about
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** A text without control characters: each is shown as in JSON, `\u001b`. */
export function printable(text: string): string {
  return text.replace(CONTROLS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A text as a line for people: no keys, no control characters. */
export function plain(text: string): string {
  return printable(withoutKeys(text));
}

function cut(text: string): string {
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
}

/** A word of a command line, or a name, in quotes. */
export function inQuotes(text: string): string {
  return printable(JSON.stringify(cut(withoutKeys(text.slice(0, MAX_CHECKED)))));
}

/** A piece of a file that may be a file of keys, in quotes. */
export function quoted(text: string): string {
  return printable(JSON.stringify(cut(withoutKeyParts(text.slice(0, MAX_CHECKED)))));
}

/** A value as JSON in which no text holds a key or a control character. Numbers are as they are. */
export function plainJson(value: unknown): string {
  const text = JSON.stringify(value, (_key, member: unknown) => withoutKeysIn(member), 2);
  // Line ends are JSON's own: those of texts are escaped already.
  return text.split('\n').map(printable).join('\n');
}

function withoutKeysIn(member: unknown): unknown {
  if (typeof member === 'string') return withoutKeys(member);
  if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
  const names = Object.keys(member);
  if (names.every((name) => withoutKeys(name) === name)) return member;
  return Object.fromEntries(Object.entries(member).map(([name, inner]) => [withoutKeys(name), inner as unknown]));
}
