/** Progress of long reads: a status line on a terminal, nothing elsewhere. */
import type { PacketSource } from '../capture/index.js';
import { plain } from '../text/plain-text.js';

const INTERVAL_MS = 200;

/** A status line. */
export class StatusLine {
  readonly #shown = process.stderr.isTTY;

  /** Replaces the text shown before. */
  show(text: string): void {
    if (this.#shown) process.stderr.write(`\r${plain(text)}\x1b[K`);
  }

  /** Takes the line away. */
  end(): void {
    this.show('');
  }
}

/** Shows how much of a capture has been read. */
export class Progress {
  readonly #source: PacketSource;
  readonly #line = new StatusLine();
  #next = Date.now() + INTERVAL_MS;

  constructor(source: PacketSource) {
    this.#source = source;
  }

  /** Call it often; it writes at most every `INTERVAL_MS`. */
  tick(): void {
    if (!process.stderr.isTTY || Date.now() < this.#next) return;
    this.#next = Date.now() + INTERVAL_MS;
    const { position, size, name } = this.#source;
    const share = size === undefined || size === 0 ? '' : ` ${Math.floor((100 * position) / size)} %`;
    this.#line.show(`${name}: ${(position / 1e6).toFixed(0)} MB${share}`);
  }

  /** Takes the line away. */
  end(): void {
    this.#line.end();
  }
}
