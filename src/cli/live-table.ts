/** Lines that are written over in place, on a terminal. */
import type { WriteStream } from 'node:tty';
import { plain } from '../plain-text.js';

/** Where the cursor goes up, and everything from there on is erased. */
function erase(lines: number): string {
  return lines === 0 ? '' : `\x1b[${lines}A\r\x1b[J`;
}

/** A text that always shows its newest state. */
export class LiveTable {
  readonly #terminal: Pick<WriteStream, 'write' | 'rows' | 'columns'>;
  #shown = 0;

  /** @param terminal what it is shown on */
  constructor(terminal: Pick<WriteStream, 'write' | 'rows' | 'columns'>) {
    this.#terminal = terminal;
  }

  /** Shows lines in place of those before; as many as there is room for, and each as far as there is. */
  show(lines: readonly string[]): void {
    const { rows, columns } = this.#terminal;
    // A line that wraps, or a first one that scrolled away, could never be erased.
    const fit = lines.slice(0, Math.max(1, rows - 1)).map((line) => plain(line).slice(0, Math.max(1, columns - 1)));
    this.#terminal.write(erase(this.#shown) + fit.map((line) => `${line}\n`).join(''));
    this.#shown = fit.length;
  }

  /** Takes the lines away. */
  end(): void {
    this.#terminal.write(erase(this.#shown));
    this.#shown = 0;
  }
}
