/** Progress of long reads: a status line on a terminal, nothing elsewhere. */
import type { PacketSource } from '../capture/index.js';
import { plain } from '../text/plain-text.js';
import { currentStreams, warningsScreen } from './streams.js';
import { cutText } from './style.js';

const INTERVAL_MS = 200;
/** Bytes; how much of a smaller file has been read says nothing, if it is read again and again. */
const SMALL_FILE = 1e6;

/** A status line. */
export class StatusLine {
  readonly #write = currentStreams().warnings;
  /** Whether it is shown: on a terminal. */
  readonly enabled = warningsScreen().terminal;
  #shown = false;

  /** Replaces the text shown before. */
  show(text: string): void {
    if (!this.enabled) return;
    // A line that wrapped could not be erased.
    this.#write(`\r${cutText(plain(text), warningsScreen().columns - 1)}\x1b[K`);
    this.#shown = true;
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown) this.#write('\r\x1b[K');
    this.#shown = false;
  }
}

/** Shows how much of a capture has been read. */
export class Progress {
  readonly #line = new StatusLine();
  #next = Date.now() + INTERVAL_MS;
  /**
   * Which of several passes it is, for display: `loop 2 of 3`.
   * @default '': none
   */
  pass = '';

  /** Call it often; it writes at most every `INTERVAL_MS`. */
  tick({ position, size, name }: Pick<PacketSource, 'position' | 'size' | 'name'>): void {
    if (!this.#line.enabled || Date.now() < this.#next) return;
    this.#next = Date.now() + INTERVAL_MS;
    const share = size === undefined || size === 0 ? '' : ` ${Math.floor((100 * position) / size)} %`;
    const read = `${(position / 1e6).toFixed(0)} MB${share}`;
    const { pass } = this;
    const small = size !== undefined && size < SMALL_FILE;
    this.#line.show(`${name}: ${pass === '' ? read : small ? pass : `${pass}, ${read}`}`);
  }

  /** Takes the line away. */
  end(): void {
    this.#line.end();
  }
}
