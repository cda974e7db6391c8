/**
 * JSON as users paste it: several concatenated documents, with prompts before and between them, truncated or redacted.
 * Mistakes are reported with their line.
 */
import { plainText } from './pasted-text.js';
import { quoted } from './plain-text.js';

/** Maximum nesting depth. */
const MAX_DEPTH = 64;
/**
 * Number of characters of an unexpected token that are checked for keys. More than are shown, since a truncated key
 * isn't recognised.
 */
const MAX_READ = 400;

/** What is wrong with a text, and on which line. */
export interface JsonSyntaxError {
  readonly line: number;
  readonly what: string;
}

/** A document, and the line it begins on. */
export interface JsonDocument {
  readonly value: unknown;
  readonly line: number;
}

/** A document at an offset of a text, or as much of one as is valid. */
export interface JsonPart {
  /** Its value; of an invalid array, its elements before the mistake; undefined if nothing of it is usable. */
  readonly value: unknown;
  /** Offset of each element, if it is an array. */
  readonly elements: readonly number[];
  /** Offset of its end, or of the mistake. */
  readonly end: number;
  /** What is wrong with it; undefined if it is valid. */
  readonly what: string | undefined;
}

/** The end of a value, or the offset and description of a mistake. */
type Scanned = { readonly end: number } | { readonly at: number; readonly what: string };

const WORDS = /true|false|null|-?(?:0|[1-9]\d{0,400})(?:\.\d{1,400})?(?:[eE][+-]?\d{1,5})?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
/** Matches the start of a document. It must be at the beginning of a line, since prompts contain brackets, too. */
const DOCUMENT = /[ \t]*(?=\[\s*(?:[[{\]]|$)|\{\s*(?:["}]|$))/y;

function blanksEnd(text: string, at: number): number {
  while (at < text.length && ' \t\n\r'.includes(text[at])) at++;
  return at;
}

/** End of the string that begins at `at`, or the offset of an invalid character in it. */
function stringEnd(text: string, at: number): Scanned {
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) return { end: i + 1 };
    if (code < 0x20) return { at, what: 'unterminated string' };
    if (code !== 0x5c) continue;
    ESCAPE.lastIndex = i;
    if (!ESCAPE.test(text)) return { at: i, what: 'invalid escape sequence' };
    i = ESCAPE.lastIndex - 1;
  }
  return { at: text.length, what: 'truncated inside a string' };
}

/**
 * Finds the end of a JSON value in linear time.
 * @param onName called with each member name, and whether its object already has that name; returns what is wrong with
 * it, if anything
 * @param elements gets the offset of each element, if the value is an array
 */
function scan(
  text: string,
  start: number,
  onName?: (name: string, again: boolean) => string | undefined,
  elements?: number[],
): Scanned {
  const open: string[] = [];
  const names: Set<string>[] = [];
  let at = start;
  let wants: 'value' | 'first value' | 'name' | 'first name' | 'next' = 'value';
  const unexpected = (expected: string): Scanned => {
    if (at >= text.length)
      return { at, what: `truncated: ${open.length} unclosed ${open.length === 1 ? 'bracket' : 'brackets'}` };
    const found = /^\S[^\n]*/.exec(text.slice(at, at + MAX_READ))?.[0].trimEnd() ?? '';
    return { at, what: `unexpected ${quoted(found)} instead of ${expected}` };
  };
  for (;;) {
    at = blanksEnd(text, at);
    const character = text[at] as string | undefined;
    if (open.length === 1 && open[0] === ']' && character !== ']' && (wants === 'value' || wants === 'first value')) {
      elements?.push(at);
    }
    if (wants === 'next') {
      const bracket = open.at(-1);
      if (bracket === undefined) return { end: at };
      if (character === bracket) {
        open.pop();
        if (bracket === '}') names.pop();
      } else if (character === ',') {
        wants = bracket === '}' ? 'name' : 'value';
      } else {
        return unexpected(`a comma or ${bracket}`);
      }
      at++;
      if (open.length === 0 && wants === 'next') return { end: at };
    } else if (wants === 'name' || wants === 'first name') {
      if (character === '}' && wants === 'first name') {
        wants = 'next';
        continue;
      }
      if (character !== '"') return unexpected('a quoted name');
      const name = stringEnd(text, at);
      if (!('end' in name)) return name;
      if (onName !== undefined) {
        const member = text.slice(at + 1, name.end - 1);
        const known = names[names.length - 1];
        const what = onName(member, known.has(member));
        if (what !== undefined) return { at, what };
        known.add(member);
      }
      at = blanksEnd(text, name.end);
      if (text[at] !== ':') return unexpected('a colon');
      at++;
      wants = 'value';
    } else if (character === '{' || character === '[') {
      if (open.length >= MAX_DEPTH) return { at, what: `nested more than ${MAX_DEPTH} levels deep` };
      open.push(character === '{' ? '}' : ']');
      if (character === '{') names.push(new Set());
      wants = character === '{' ? 'first name' : 'first value';
      at++;
    } else if (character === ']' && wants === 'first value') {
      wants = 'next';
    } else if (character === '"') {
      const value = stringEnd(text, at);
      if (!('end' in value)) return value;
      at = value.end;
      wants = 'next';
    } else {
      WORDS.lastIndex = at;
      if (!WORDS.test(text)) return unexpected('a value');
      at = WORDS.lastIndex;
      wants = 'next';
    }
    if (open.length === 0 && wants === 'next') return { end: at };
  }
}

/** Counts line breaks between two offsets. */
function breaksBetween(text: string, from: number, to: number): number {
  let count = 0;
  for (let i = text.indexOf('\n', from); i >= 0 && i < to; i = text.indexOf('\n', i + 1)) count++;
  return count;
}

/**
 * The documents (objects and arrays) of a text: concatenated, one per line, or with prompts and other output before and
 * between them.
 * @returns the documents, possibly none; or the first mistake in one
 */
export function jsonDocuments(text: string): readonly JsonDocument[] | JsonSyntaxError {
  const plain = plainText(text);
  const documents: JsonDocument[] = [];
  let line = 1;
  for (let at = 0; at < plain.length;) {
    DOCUMENT.lastIndex = at;
    if (DOCUMENT.test(plain)) {
      const start = DOCUMENT.lastIndex;
      const scanned = scan(plain, start);
      if (!('end' in scanned)) return { line: line + breaksBetween(plain, at, scanned.at), what: scanned.what };
      documents.push({ value: JSON.parse(plain.slice(start, scanned.end)) as unknown, line });
      line += breaksBetween(plain, at, scanned.end);
      at = scanned.end;
      // A comma between documents that someone copied out of an array.
      if (plain[at] === ',') at++;
      continue;
    }
    const newline = plain.indexOf('\n', at);
    at = newline < 0 ? plain.length : newline + 1;
    line++;
  }
  return documents;
}

/**
 * The document that begins on the line at an offset, if any. Of a truncated or edited array, the elements before the
 * mistake are usable.
 * @param text the result of `plainText`
 * @param at offset of the beginning of a line
 */
export function jsonPartAt(text: string, at: number): JsonPart | undefined {
  DOCUMENT.lastIndex = at;
  if (!DOCUMENT.test(text)) return undefined;
  const start = DOCUMENT.lastIndex;
  const elements: number[] = [];
  const scanned = scan(text, start, undefined, elements);
  if ('end' in scanned) {
    const { end } = scanned;
    return { value: JSON.parse(text.slice(start, end)) as unknown, elements, end, what: undefined };
  }
  // The last element is the one with the mistake.
  const whole = elements.slice(0, -1);
  const value = whole.map((element) => {
    const one = scan(text, element);
    return JSON.parse(text.slice(element, 'end' in one ? one.end : element)) as unknown;
  });
  return { value: whole.length === 0 ? undefined : value, elements: whole, end: scanned.at, what: scanned.what };
}

/**
 * Finds the first mistake in a text that should be one JSON document. A duplicate name in an object is a mistake, too:
 * `JSON.parse` would silently use the last value.
 * @returns undefined if there is none
 */
export function findJsonError(text: string): JsonSyntaxError | undefined {
  const scanned = scan(text, 0, (name, again) => (again ? `duplicate name ${quoted(name)}` : undefined));
  const end = 'end' in scanned ? blanksEnd(text, scanned.end) : 0;
  const mistake = !('end' in scanned)
    ? scanned
    : end < text.length
      ? { at: end, what: 'unexpected text after the document' }
      : undefined;
  return mistake && { line: 1 + breaksBetween(text, 0, mistake.at), what: mistake.what };
}
