/**
 * Divides an input into the outputs that it consists of: of the collecting script, or of commands that someone ran and
 * copied one after another. Each is identified by its content; a prompt or a heading before it helps where it has none.
 */
import { type JsonPart, jsonPartAt } from '../../text/json-text.js';
import { InputKind } from '../evidence/evidence.js';
import { hostOfLogLine } from './docker/log.js';
import { kindOfCommand } from './commands.js';
import { kindOfLine } from './line-kinds.js';
import { type Marker, markerOf } from './markers.js';

/** A part of an input that one command printed. */
export interface Section {
  /** Its kind; `json` for a document, whose elements tell; undefined if it isn't recognised. */
  readonly kind: InputKind | 'json' | undefined;
  /** Line on which it begins, from 1. */
  readonly firstLine: number;
  /** Its text; empty if the command printed nothing. */
  readonly text: string;
  readonly marker: Marker | undefined;
  /** Node that the marker, or one before it, names; undefined if none does. */
  readonly node: string | undefined;
  /** Of JSON. */
  readonly json: JsonSection | undefined;
}

/** A JSON document, or several in a row. */
export interface JsonSection {
  /** The elements of arrays, and the documents that are no arrays. */
  readonly values: readonly unknown[];
  /** Line of each in the file. */
  readonly lines: readonly number[];
  /** What is wrong with it, and on which line of the file; undefined if it is valid. */
  readonly damage: { readonly line: number; readonly what: string } | undefined;
}

/** Maximum number of sections of an input. */
const MAX_SECTIONS = 20_000;
/** Number of elements of JSON documents in a row after which no further document is read. */
const MAX_ELEMENTS = 200_000;
/** Documents may be on one line; the comma is of an array that someone copied them out of. */
const NEXT_DOCUMENT = /[ \t]*,?[ \t]*(?=[[{])/y;
const MARGIN = /^[ \t]{0,40}(?:[>|](?:[ \t]|$)){1,40}/;
/** Longest line whose beginning is examined. */
const MAX_EXAMINED = 1000;

/** The sections, and whether there were too many. */
export interface Sections {
  readonly sections: readonly Section[];
  readonly isCutShort: boolean;
}

/**
 * Divides a text.
 * @param text the result of `plainText`
 */
export function sectionsOf(text: string): Sections {
  const splitter = new Splitter(text);
  splitter.split();
  return splitter;
}

/** A JSON section while it is read. */
type JsonDraft = { -readonly [Name in keyof JsonSection]: JsonSection[Name] } & {
  readonly values: unknown[];
  readonly lines: number[];
};

class Splitter implements Sections {
  readonly sections: Section[] = [];
  isCutShort = false;
  readonly #text: string;
  readonly #lines: LineCounter;
  #marker: Marker | undefined;
  #node: string | undefined;
  /** The part that is being read. */
  #kind: InputKind | undefined;
  #start = 0;
  #startLine = 1;
  /** Whether it has a line that isn't blank. */
  #hasText = false;
  /** Whether a section with the last marker was made. */
  #isMarkerUsed = true;
  /** Open braces of a ruleset of nft, whose lines can look like anything. */
  #depth = 0;
  #json: JsonDraft | undefined;

  constructor(text: string) {
    this.#text = text;
    this.#lines = new LineCounter(text);
  }

  split(): void {
    const text = this.#text;
    let at = 0;
    while (at < text.length) {
      if (this.sections.length >= MAX_SECTIONS) {
        this.isCutShort = true;
        return;
      }
      const end = this.#lines.endOf(at);
      const line = text
        .slice(at, Math.min(end, at + MAX_EXAMINED))
        .replace(MARGIN, '')
        .trim();
      const documentEnd = this.#depth === 0 ? this.#document(at, line) : at;
      if (documentEnd > at) {
        at = documentEnd;
        continue;
      }
      this.#take(line, at, end);
      at = end + 1;
    }
    this.#close(text.length);
    this.#closeMarker(text.length);
  }

  /** Takes a JSON document that begins here; returns the offset of the line after it. */
  #document(at: number, line: string): number {
    if (!line.startsWith('[') && !line.startsWith('{')) return at;
    const text = this.#text;
    const part = jsonPartAt(text, at);
    if (part === undefined) return at;
    this.#close(at);
    const json = this.#jsonSection(at);
    if (json.values.length >= MAX_ELEMENTS) this.isCutShort = true;
    else this.#takeElements(json, part, at);
    NEXT_DOCUMENT.lastIndex = part.end;
    const isNext = part.what === undefined && NEXT_DOCUMENT.test(text);
    const end = isNext ? NEXT_DOCUMENT.lastIndex : this.#lines.endOf(part.end) + 1;
    this.#begin(end);
    return end;
  }

  #takeElements(json: JsonDraft, { value, elements, end, what }: JsonPart, at: number): void {
    const isList = Array.isArray(value);
    for (const element of isList ? (value as unknown[]) : value === undefined ? [] : [value]) json.values.push(element);
    for (const offset of isList ? elements : [at]) json.lines.push(this.#lines.lineAt(offset));
    if (what !== undefined) json.damage = { line: this.#lines.lineAt(end), what };
  }

  /** The section of a document: that of the one right before it, or a new one. */
  #jsonSection(at: number): JsonDraft {
    const before = this.#json;
    if (before !== undefined && before.damage === undefined && this.sections.at(-1)?.json === before) {
      if (this.#isMarkerUsed) return before;
    }
    const json: JsonDraft = { values: [], lines: [], damage: undefined };
    this.#json = json;
    const firstLine = this.#lines.lineAt(at);
    this.#push({ kind: 'json', firstLine, text: '', marker: this.#marker, node: this.#node, json });
    return json;
  }

  /** Takes a line of text. */
  #take(line: string, at: number, end: number): void {
    if (line === '') return;
    if (!this.#hasText) {
      this.#start = at;
      this.#startLine = this.#lines.lineAt(at);
    }
    const marker = markerOf(line);
    if (marker !== undefined) {
      this.#close(at);
      this.#closeMarker(at);
      this.#marker = marker;
      this.#node = marker.node ?? this.#node;
      this.#isMarkerUsed = false;
      this.#begin(end + 1);
      return;
    }
    if (this.#depth > 0) {
      this.#depth = Math.max(0, this.#depth + braces(line));
      return;
    }
    const kind = kindOfLine(line);
    if (kind !== undefined && kind !== this.#kind) {
      // What is before the first line of a known kind, such as a line of column names, belongs to it.
      if (this.#kind !== undefined) {
        this.#close(at);
        this.#startLine = this.#lines.lineAt(at);
      }
      this.#kind = kind;
    }
    if (kind === InputKind.Log) this.#node ??= hostOfLogLine(line);
    if (kind === InputKind.Firewall && line.startsWith('table ')) this.#depth = Math.max(0, braces(line));
    this.#hasText = true;
  }

  #begin(at: number): void {
    this.#start = at;
    this.#kind = undefined;
    this.#hasText = false;
    this.#depth = 0;
  }

  /** Ends the part that is being read. */
  #close(at: number): void {
    if (!this.#hasText) return;
    this.#push({
      kind: this.#kind,
      firstLine: this.#startLine,
      text: this.#text.slice(this.#start, at),
      marker: this.#marker,
      node: this.#node,
      json: undefined,
    });
    this.#begin(at);
  }

  /** A command without output is known to have been run, too. */
  #closeMarker(at: number): void {
    if (this.#isMarkerUsed || this.#marker === undefined) return;
    this.#push({
      kind: kindOfCommand(this.#marker.command),
      firstLine: this.#lines.lineAt(at),
      text: '',
      marker: this.#marker,
      node: this.#node,
      json: undefined,
    });
  }

  #push(section: Section): void {
    this.sections.push(section);
    this.#isMarkerUsed = true;
  }
}

/** Finds line ends, and counts lines, at ascending offsets of a text in linear time. */
class LineCounter {
  readonly #text: string;
  /** The first line end that isn't counted yet; the text's length if there is none. */
  #next: number;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
    this.#next = this.#after(0);
  }

  #after(at: number): number {
    const found = this.#text.indexOf('\n', at);
    return found < 0 ? this.#text.length : found;
  }

  /** Line of an offset, from 1. */
  lineAt(offset: number): number {
    while (this.#next < offset && this.#next < this.#text.length) {
      this.#line++;
      this.#next = this.#after(this.#next + 1);
    }
    return this.#line;
  }

  /** Offset of the end of the line of an offset. */
  endOf(offset: number): number {
    this.lineAt(offset);
    return this.#next;
  }
}

/** Number of braces that a line opens, less those that it closes. */
function braces(line: string): number {
  let depth = 0;
  let quoted = false;
  for (const character of line) {
    if (character === '"') quoted = !quoted;
    else if (!quoted && character === '{') depth++;
    else if (!quoted && character === '}') depth--;
  }
  return depth;
}
