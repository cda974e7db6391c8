/** YAML (and JSON, which is YAML) as plain data, of files that nobody vouches for. */
import { Document, isMap, isScalar, isSeq, LineCounter, parseDocument, Parser } from 'yaml';
import { jsonMistake } from '../json-text.js';
import { OverlayError, type OverlayErrorCode } from './error.js';

/** No config is nested deeper; the parser calls itself for each level. */
const MAX_DEPTH = 32;
/** Characters of JSON at most: some 300,000 endpoints, which take seconds. */
const MAX_JSON = 1 << 24;

/** A file's data, and where each piece of it stands. */
export interface YamlText {
  readonly data: unknown;
  readonly document: Document;
  readonly lines: LineCounter;
}

/**
 * Reads YAML. No message holds a piece of the text, since that may be a key.
 * @param code of the error if it isn't YAML, too long, nested too deeply or has aliases
 * @param longest characters at the most: the parser takes a time that goes with their square if they are garbage
 * @throws OverlayError
 */
export function readYaml(text: string, code: OverlayErrorCode, longest: number): YamlText {
  if (text.length > longest) return readJson(text, code, longest);
  if (isDeep(text)) throw new OverlayError(code, `it is nested more than ${MAX_DEPTH} levels deep`);
  const lines = new LineCounter();
  const early = firstMistake(text, lines);
  if (early !== undefined) throw new OverlayError(code, `it is no YAML (line ${lines.linePos(early).line})`);
  // Both options take a time that goes with the square of the text's length: errors are put beside their lines here, and
  // names that an object has twice are found here.
  const document = parseDocument(text, {
    logLevel: 'silent',
    prettyErrors: false,
    uniqueKeys: false,
  });
  const wrong = document.errors.at(0)?.pos[0] ?? repeatedName(document);
  if (wrong !== undefined) throw new OverlayError(code, `it is no YAML (line ${lines.linePos(wrong).line})`);
  let data: unknown;
  try {
    data = document.toJS({ maxAliasCount: 0 });
  } catch {
    // A few bytes of aliases can stand for any amount of memory. The cause would quote their names.
    throw new OverlayError(code, 'it has YAML aliases, which are not read');
  }
  return { data, document, lines };
}

/** Where the first mistake is that shows without looking at what belongs together, which takes far longer. */
function firstMistake(text: string, lines: LineCounter): number | undefined {
  for (const token of new Parser(lines.addNewLine).parse(text)) {
    if (token.type === 'error') return token.offset;
  }
  return undefined;
}

/** Where a name stands that its object has already. */
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
      // Names that are numbers are numbers in YAML.
      const name = String(key.value);
      if (names.has(name)) return key.range?.[0] ?? 0;
      names.add(name);
    }
  }
  return undefined;
}

/**
 * The path of a name `__proto__`, which would vanish: an object has no such field of its own.
 * @param data nested no deeper than `readYaml` lets it be
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

/** Longer texts are read as JSON alone, without the places of things: the parser of YAML is too slow for them. */
function readJson(text: string, code: OverlayErrorCode, longest: number): YamlText {
  const is = `it has more than ${longest} characters and is no JSON`;
  if (text.length > MAX_JSON || !/^\s*[{[]/.test(text.slice(0, 100))) throw new OverlayError(code, is);
  const mistake = jsonMistake(text);
  if (mistake !== undefined) throw new OverlayError(code, `${is} (line ${mistake.line}: ${mistake.what})`);
  return { data: JSON.parse(text) as unknown, document: new Document(null), lines: new LineCounter() };
}

/** Whether brackets, or the marks of block entries in a line, are nested too deeply. Brackets in quotes count, too. */
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
