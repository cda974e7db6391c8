/**
 * Text output: standard output and standard error. Names from files, configs and packets become plain text here:
 * no keys, no control characters (see plain-text.ts).
 */
import { plain, plainJson, printable } from '../text/plain-text.js';
import { currentStreams, outputScreen, warningsScreen } from './streams.js';
import { bareText, cutText, type Line, rendered, styled, type Style, wrapped } from './style.js';

const FLUSH_AT = 1 << 16;

/** Standard output as lines: buffered, and written synchronously, so that a slow reader doesn't make us fill memory. */
export class TextOutput {
  readonly #write = currentStreams().output;
  readonly #screen = outputScreen();
  readonly #encoder = new TextEncoder();
  #held = '';

  /** Writes a line. Where it exceeds the width of the screen, it is wrapped at spaces and loses its styles. */
  line(line: Line): void {
    const { columns, colour } = this.#screen;
    if (typeof line !== 'string' && bareText(line).length <= columns) this.#hold(rendered(line, colour));
    // Keys are searched for first: one may contain spaces.
    else for (const part of wrapped(plain(bareText(line)), columns)) this.#hold(part);
  }

  /** Writes a heading, after an empty line. */
  heading(text: string): void {
    this.line('');
    this.line([styled(text, 'bold')]);
  }

  /**
   * Width of a line per packet. Only a terminal or COLUMNS limits it: programs that filter such lines need all of them.
   */
  get packetWidth(): number {
    return this.#screen.named || this.#screen.terminal ? this.#screen.columns : Infinity;
  }

  /**
   * Writes the line of a packet: numbers, addresses and fixed text. Skips the search for keys, which would dominate the
   * cost. An ellipsis takes the place of what exceeds the width.
   */
  packet(text: string): void {
    this.#hold(cutText(printable(text), this.packetWidth));
  }

  /** Writes text from vtep itself unfiltered: a help text, or a requested file. */
  verbatim(text: string): void {
    this.#hold(text);
  }

  /**
   * Writes an object as JSON.
   * @param indent spaces of each level; with 0, it is one line. Default: 2
   */
  json(value: unknown, indent?: number): void {
    this.#hold(plainJson(value, indent));
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

/**
 * Writes a line to standard error, wrapped at spaces where it exceeds the width of a terminal.
 * @param style style of the whole line. Default: none
 */
export function say(line: Line, style?: Style): void {
  const { columns, colour } = warningsScreen();
  const { warnings } = currentStreams();
  const text = plain(bareText(line));
  const parts = text.length <= columns && typeof line !== 'string' ? [line] : wrapped(text, columns);
  for (const part of parts) {
    const shown = style === undefined ? part : [styled(bareText(part), style)];
    warnings(`${rendered(shown, colour)}\n`);
  }
}

/** Writes each line of a text to standard error. */
export function sayLines(text: string): void {
  for (const line of text.split('\n')) say(line);
}
