/**
 * Text output: standard output and standard error. Names from files, configs and packets become plain text here:
 * no keys, no control characters (see plain-text.ts).
 */
import { plain, plainJson, printable } from '../text/plain-text.js';
import { currentStreams } from './streams.js';

const FLUSH_AT = 1 << 16;

/** Standard output as lines: buffered, and written synchronously, so that a slow reader doesn't make us fill memory. */
export class TextOutput {
  readonly #write = currentStreams().output;
  readonly #encoder = new TextEncoder();
  #held = '';

  /** Writes a line. */
  line(text: string): void {
    this.#hold(plain(text));
  }

  /** Writes a line of numbers, addresses and fixed text. Skips the search for keys, which would dominate the cost. */
  figures(text: string): void {
    this.#hold(printable(text));
  }

  /** Writes text from vtep itself unfiltered: a help text, or a requested file. */
  verbatim(text: string): void {
    this.#hold(text);
  }

  /** Writes an object as JSON. */
  json(value: unknown): void {
    this.#hold(plainJson(value));
  }

  /** Writes the buffered lines. */
  flush(): void {
    if (this.#held !== '') this.#write(this.#encoder.encode(this.#held));
    this.#held = '';
  }

  #hold(text: string): void {
    this.#held += `${text}\n`;
    if (this.#held.length >= FLUSH_AT) this.flush();
  }
}

/** Writes a line to standard error. */
export function say(text: string): void {
  currentStreams().warnings(`${plain(text)}\n`);
}

/** Writes each line of a text to standard error. */
export function sayLines(text: string): void {
  for (const line of text.split('\n')) say(line);
}
