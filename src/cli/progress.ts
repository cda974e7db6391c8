/** How far a long reading is: a line that is written over on a terminal, nothing anywhere else. */
import type { PacketSource } from '../capture/index.js';

const INTERVAL_MS = 200;

/** Shows how much of a capture was read. */
export class Progress {
  readonly #source: PacketSource;
  readonly #shown = process.stderr.isTTY;
  #next = Date.now() + INTERVAL_MS;

  constructor(source: PacketSource) {
    this.#source = source;
  }

  /** Called now and then; writes only if it is time to. */
  tick(): void {
    if (!this.#shown || Date.now() < this.#next) return;
    this.#next = Date.now() + INTERVAL_MS;
    const { position, size, name } = this.#source;
    const share = size === undefined || size === 0 ? '' : ` ${Math.floor((100 * position) / size)} %`;
    process.stderr.write(`\r${name}: ${(position / 1e6).toFixed(0)} MB${share}\x1b[K`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown) process.stderr.write('\r\x1b[K');
  }
}
