/** Where the values of a YAML document are in its file. */
import { type Document, isMap, isScalar, isSeq, type LineCounter } from 'yaml';
import { VtepError } from '../error.js';
import { type FilePosition, OverlayError, type OverlayErrorCode } from './error.js';

/** The names and indexes that lead to a value. */
export type Path = readonly (string | number)[];

/** Where the name and the value of an entry begin, as offsets. */
interface Entry {
  readonly name: number;
  /** The same as `name` for a value that is a block of its own. */
  readonly value: number;
}

/** The line and column of an offset. */
export function positionOf(lines: LineCounter, offset: number): FilePosition {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

function offsetOf(node: unknown): number | undefined {
  return (node as { range?: readonly number[] } | null | undefined)?.range?.[0];
}

/** Maps paths to locations in a file. */
export class Locations {
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(document: Document, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  /**
   * Creates an error about the value at a path, or about its nearest existing ancestor.
   * @param at whether the name or the value is wrong. Default: the value
   */
  error(path: Path, text: string, code: OverlayErrorCode = 'BAD_CONFIG', at: keyof Entry = 'value'): OverlayError {
    for (let length = path.length; length >= 0; length--) {
      const entry = this.#entryAt(path.slice(0, length));
      if (entry === undefined) continue;
      const offset = length === path.length ? entry[at] : entry.name;
      return new OverlayError(code, text, { position: positionOf(this.#lines, offset) });
    }
    return new OverlayError(code, text);
  }

  /** Applies a parser to the text at a path; its errors get the location. */
  read<T>(path: Path, reader: (text: string) => T, text: string): T {
    try {
      return reader(text);
    } catch (error) {
      if (error instanceof VtepError) throw this.error(path, `${path.join('.')}: ${error.message}`);
      throw error;
    }
  }

  #entryAt(path: Path): Entry | undefined {
    let node: unknown = this.#document.contents;
    let name = offsetOf(node);
    for (const part of path) {
      if (isMap(node)) {
        // YAML parses numeric names as numbers.
        const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
        if (pair === undefined) return undefined;
        name = offsetOf(pair.key);
        node = pair.value;
      } else if (isSeq(node)) {
        node = node.items[Number(part)];
        name = offsetOf(node);
      } else {
        return undefined;
      }
    }
    if (name === undefined) return undefined;
    // An empty value has no place of its own.
    const value = isScalar(node) && node.range?.[0] !== node.range?.[1] ? offsetOf(node) : undefined;
    return { name, value: value ?? name };
  }
}
