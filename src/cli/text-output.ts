/**
 * Where text leaves the process: standard output and standard error. Whatever a name from a file, a config or a packet holds,
 * here it becomes plain text: no keys, no control characters (see plain-text.ts).
 */
import { plain, plainJson, printable } from '../plain-text.js';
import { currentStreams } from './streams.js';

const FLUSH_AT = 1 << 16;

/** Standard output as lines: gathered, and written synchronously, so that a slow reader slows us and fills no memory. */
export class TextOutput {
  readonly #write = currentStreams().output;
  readonly #encoder = new TextEncoder();
  #held = '';

  /** Writes a line. */
  line(text: string): void {
    this.#hold(plain(text));
  }

  /** Writes a line of numbers, addresses and vtep's own words: keys are not looked for, which takes longer than making it. */
  figures(text: string): void {
    this.#hold(printable(text));
  }

  /** Writes lines of vtep's own, as they are: a help, or a file that was asked for. */
  verbatim(text: string): void {
    this.#hold(text);
  }

  /** Writes an object as JSON. */
  json(value: unknown): void {
    this.#hold(plainJson(value));
  }

  /** Hands on what is held back. */
  flush(): void {
    if (this.#held !== '') this.#write(this.#encoder.encode(this.#held));
    this.#held = '';
  }

  #hold(text: string): void {
    this.#held += `${text}\n`;
    if (this.#held.length >= FLUSH_AT) this.flush();
  }
}

/** A line for people, on standard error. */
export function say(text: string): void {
  currentStreams().remarks(`${plain(text)}\n`);
}

/** Lines for people, each by itself. */
export function sayLines(text: string): void {
  for (const line of text.split('\n')) say(line);
}
