/**
 * Text for people, as it stands in messages, on terminals and in logs: one line, in which names from files can't hide keys,
 * move the cursor, forge a line or turn the direction of what follows. Every error's message goes through `plain`, and so does
 * what the command line prints.
 */
import { isKey, withoutKeyParts, withoutKeys, withoutKeysInWords } from './secret-text.js';

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

/** An error's message as a line for people: as `plain`, and what reads as an IPv6 address in full may be a key. */
export function plainMessage(text: string): string {
  return printable(withoutKeysInWords(text));
}

function cut(text: string): string {
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
}

/** A word of a command line, or a name, in quotes. */
export function inQuotes(text: string): string {
  return printable(JSON.stringify(cut(withoutKeysInWords(text.slice(0, MAX_CHECKED)))));
}

/** A piece of a file that may be a file of keys, in quotes. */
export function quoted(text: string): string {
  return printable(JSON.stringify(cut(withoutKeyParts(text.slice(0, MAX_CHECKED)))));
}

/**
 * Members of reports that name files of the invocation itself, which a program looks up: a name that only resembles a key is
 * left. An argument in the wrong place may still be a key.
 */
const PATHS: ReadonlySet<string> = new Set(['file', 'output', 'last']);

/**
 * A value as JSON in which no text holds a key or a control character. Numbers are as they are, and no member is lost: where
 * names become alike, the later ones end in `#2`, `#3` and so on.
 */
export function plainJson(value: unknown): string {
  const text = JSON.stringify(value, withoutKeysIn, 2);
  // Line ends are JSON's own: those of texts are escaped already.
  return text.split('\n').map(printable).join('\n');
}

function withoutKeysIn(name: string, member: unknown): unknown {
  if (typeof member === 'string') return PATHS.has(name) && !isKey(member) ? member : withoutKeys(member);
  if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
  const shown = Object.keys(member).map(withoutKeys);
  const names = Object.keys(member);
  if (shown.every((text, i) => text === names[i])) return member;
  const taken = new Set(names.filter((text, i) => text === shown[i]));
  return Object.fromEntries(
    Object.entries(member).map(([text, inner], i) => {
      if (text === shown[i]) return [text, inner as unknown];
      let unique = shown[i];
      for (let count = 2; taken.has(unique); count++) unique = `${shown[i]}#${count}`;
      taken.add(unique);
      return [unique, inner as unknown];
    }),
  );
}
