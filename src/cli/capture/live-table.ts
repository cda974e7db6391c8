/** Lines on a terminal that are redrawn in place. */
import type { WriteStream } from 'node:tty';
import { cutLine, type Line, rendered } from '../style.js';

/** The escape sequence that moves the cursor up and erases everything below it. */
function erase(lines: number): string {
  return lines === 0 ? '' : `\x1b[${lines}A\r\x1b[J`;
}

/** A block of text that always shows its newest state. */
export class LiveTable {
  readonly #terminal: Pick<WriteStream, 'write' | 'rows' | 'columns'>;
  #shown = 0;

  /** @param terminal where it is shown */
  constructor(terminal: Pick<WriteStream, 'write' | 'rows' | 'columns'>) {
    this.#terminal = terminal;
  }

  /** Replaces the lines shown before, clipped to the height and width of the terminal. */
  show(lines: readonly Line[]): void {
    const { rows, columns } = this.#terminal;
    // A line that wrapped or scrolled off the screen could not be erased.
    const fit = lines.slice(0, Math.max(1, rows - 1)).map((line) => rendered(cutLine(line, Math.max(1, columns - 1)), false));
    this.#terminal.write(erase(this.#shown) + fit.map((line) => `${line}\n`).join(''));
    this.#shown = fit.length;
  }

  /** Erases the lines. */
  end(): void {
    this.#terminal.write(erase(this.#shown));
    this.#shown = 0;
  }
}
