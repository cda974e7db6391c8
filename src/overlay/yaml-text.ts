/** Parses YAML (and so JSON) from untrusted files into plain data. */
import { Document, isMap, isScalar, isSeq, LineCounter, parseDocument, Parser } from 'yaml';
import { findJsonError } from '../text/json-text.js';
import { OverlayError, type OverlayErrorCode } from './error.js';
import { Locations, positionOf } from './locations.js';

/** Maximum nesting depth, since the parser is recursive. */
const MAX_DEPTH = 32;
/** Maximum length of JSON in characters: some 300,000 endpoints, which take seconds. */
const MAX_JSON = 1 << 24;

/** A file's data, with the location of each part. */
export interface YamlText {
  readonly data: unknown;
  readonly locations: Locations;
}

/** What a parser's error means. The parser's own messages aren't shown: they may quote a key. */
const MEANINGS: Readonly<Record<string, string>> = {
  BAD_INDENT: 'the indentation is wrong, or a bracket is unclosed',
  TAB_AS_INDENT: 'YAML is indented with spaces, not tabs',
  MISSING_CHAR: 'a colon, comma, quote or closing bracket is missing',
  BLOCK_AS_IMPLICIT_KEY: 'two names in one line, or the indentation is wrong',
  MULTILINE_IMPLICIT_KEY: 'a name must be on one line; a quote or bracket may be unclosed',
  BLOCK_IN_FLOW: 'an indented block inside brackets; a bracket may be unclosed',
  UNEXPECTED_TOKEN: 'something else is expected here',
  MULTIPLE_ANCHORS: 'it has YAML anchors, which are not supported',
};

/**
 * Parses YAML. No message contains any of the text, since that may be a key.
 * @param code error code for text that isn't YAML, is too long or too deeply nested, or has aliases
 * @param longest maximum number of characters: for garbage, the parser's run time is quadratic
 * @throws OverlayError
 */
export function readYaml(text: string, code: OverlayErrorCode, longest: number): YamlText {
  if (text.length > longest) return readJson(text, code, longest);
  if (isDeep(text)) throw new OverlayError(code, `it is nested more than ${MAX_DEPTH} levels deep`);
  const lines = new LineCounter();
  const refuse = (offset: number, why?: string): OverlayError => {
    const position = positionOf(lines, offset);
    return new OverlayError(code, `not valid YAML${why === undefined ? '' : `: ${why}`}`, { position });
  };
  const early = firstMistake(text, lines);
  if (early !== undefined) throw refuse(early);
  // Both options are quadratic in the length of the text: errors get their lines here instead, and duplicate names are
  // detected here.
  const document = parseDocument(text, {
    logLevel: 'silent',
    prettyErrors: false,
    uniqueKeys: false,
  });
  const error = document.errors.at(0);
  if (error !== undefined) throw refuse(error.pos[0], MEANINGS[error.code]);
  const again = repeatedName(document);
  if (again !== undefined) throw refuse(again, 'this name is in its block already');
  let data: unknown;
  try {
    data = document.toJS({ maxAliasCount: 0 });
  } catch {
    // A few bytes of aliases can expand to any amount of memory. The cause would quote their names.
    throw new OverlayError(code, 'it has YAML aliases, which are not supported');
  }
  return { data, locations: new Locations(document, lines) };
}

/** Offset of the first error that the token parser finds, which is far faster than composing the document. */
function firstMistake(text: string, lines: LineCounter): number | undefined {
  for (const token of new Parser(lines.addNewLine).parse(text)) {
    if (token.type === 'error') return token.offset;
  }
  return undefined;
}

/** Offset of a name that occurs twice in its object. */
function repeatedName(document: Document): number | undefined {
  const open: unknown[] = [document.contents];
  while (open.length > 0) {
    const node = open.pop();
    if (isSeq(node)) open.push(...node.items);
    if (!isMap(node)) continue;
    const names = new Set<string>();
    for (const { key, value } of node.items) {
      open.push(value);
      if (!isScalar(key)) continue;
      // YAML parses numeric names as numbers.
      const name = String(key.value);
      if (names.has(name)) return key.range?.[0] ?? 0;
      names.add(name);
    }
  }
  return undefined;
}

/**
 * Finds a member named `__proto__`, which would vanish, since assigning it sets no own property.
 * @returns its path, or undefined
 * @param data nested no deeper than `readYaml` allows
 */
export function pathOfProto(data: unknown): readonly (string | number)[] | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  for (const [name, value] of Object.entries(data)) {
    if (name === '__proto__') return [name];
    const found = pathOfProto(value);
    if (found !== undefined) return [name, ...found];
  }
  return undefined;
}

/** Longer texts are parsed only as JSON, without locations: the YAML parser is too slow for them. */
function readJson(text: string, code: OverlayErrorCode, longest: number): YamlText {
  const problem = `it has more than ${longest} characters and is not JSON`;
  if (text.length > MAX_JSON || !/^\s*[{[]/.test(text.slice(0, 100))) throw new OverlayError(code, problem);
  const mistake = findJsonError(text);
  if (mistake !== undefined) throw new OverlayError(code, `${problem} (line ${mistake.line}: ${mistake.what})`);
  return { data: JSON.parse(text) as unknown, locations: new Locations(new Document(null), new LineCounter()) };
}

/** Whether brackets, or block entries within a line, are nested too deeply. Brackets in quotes count as well. */
function isDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character === 0x5b || character === 0x7b) depth++;
    else if (character === 0x5d || character === 0x7d) depth = Math.max(0, depth - 1);
    if (depth > MAX_DEPTH) return true;
  }
  if (/(?:[-?:][ \t]+){33}/.test(text)) return true;
  return text.split('\n').some((line) => /^ {512}/.test(line));
}
