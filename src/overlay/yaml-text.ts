/** YAML (and JSON, which is YAML) as plain data, of files that nobody vouches for. */
import { Document, LineCounter, parseDocument } from 'yaml';
import { OverlayError, type OverlayErrorCode } from './error.js';

/** No config is nested deeper; the parser calls itself for each level. */
const MAX_DEPTH = 32;
/** Characters of JSON at the most. */
const MAX_JSON = 1 << 26;

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
  const document = parseDocument(text, { logLevel: 'silent', lineCounter: lines });
  const error = document.errors.at(0);
  if (error !== undefined) {
    const line = error.linePos?.[0].line;
    throw new OverlayError(code, `it is no YAML${line === undefined ? '' : ` (line ${line})`}`);
  }
  try {
    return { data: document.toJS({ maxAliasCount: 0 }) as unknown, document, lines };
  } catch {
    // A few bytes of aliases can stand for any amount of memory. The cause would quote their names.
    throw new OverlayError(code, 'it has YAML aliases, which are not read');
  }
}

/** Longer texts are read as JSON alone, without the places of things: the parser of YAML is too slow for them. */
function readJson(text: string, code: OverlayErrorCode, longest: number): YamlText {
  try {
    if (text.length > MAX_JSON || !/^\s*[{[]/.test(text.slice(0, 100))) throw new SyntaxError('no JSON');
    return { data: JSON.parse(text) as unknown, document: new Document(null), lines: new LineCounter() };
  } catch {
    // The cause would quote the text.
    throw new OverlayError(code, `it has more than ${longest} characters and is no JSON`);
  }
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
