/**
 * Text for display in messages, terminals and logs: one line, in which names from files can't reveal keys, move the
 * cursor, forge a line or change the text direction. Every error message goes through `plainMessage`, and the command
 * line's other output through `plain`.
 */
import { isKey, withoutKeyParts, withoutKeys, withoutKeysInWords } from './secret-text.js';

/** Maximum number of characters shown of a quoted text. */
const MAX_QUOTED = 80;
/** Number of characters that are checked for keys: one may begin just before the end of what is shown. */
const MAX_CHECKED = 4 * MAX_QUOTED;

/** Control characters (C0, DEL, C1), line and paragraph separators, and bidirectional and invisible characters. */
// eslint-disable-next-line no-control-regex -- matching them is the purpose
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Escapes control characters as in JSON: `\u001b`. */
export function printable(text: string): string {
  return text.replace(CONTROLS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Makes a text safe to show as one line: hides keys and escapes control characters. */
export function plain(text: string): string {
  return printable(withoutKeys(text));
}

/**
 * Makes an error message safe to show as one line. As `plain`, but hides full IPv6 addresses, too, since they may be
 * keys.
 */
export function plainMessage(text: string): string {
  return printable(withoutKeysInWords(text));
}

function truncated(text: string): string {
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
}

/** Quotes a command-line argument or a name. */
export function inQuotes(text: string): string {
  return printable(JSON.stringify(truncated(withoutKeysInWords(text.slice(0, MAX_CHECKED)))));
}

/** Quotes an excerpt of a file that may hold keys. */
export function quoted(text: string): string {
  return printable(JSON.stringify(truncated(withoutKeyParts(text.slice(0, MAX_CHECKED)))));
}

/**
 * Report members that hold file names from the command line. Programs open these files, so a name that merely resembles
 * a key is kept. One that is a key, such as a misplaced argument, is still hidden.
 */
const PATHS: ReadonlySet<string> = new Set(['file', 'output', 'last']);

/**
 * Formats a value as indented JSON, with keys hidden and control characters escaped in all strings. Numbers are
 * unchanged, and no member is lost: names that become equal get the suffixes `#2`, `#3` and so on.
 * @param indent spaces of each level; with 0, the JSON is one line
 */
export function plainJson(value: unknown, indent = 2): string {
  const text = JSON.stringify(value, withoutKeysIn, indent);
  // These line ends are JSON's own; those in strings are already escaped.
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
