/** What writers pass to their sink. */
import { type ByteSink } from '../../src/capture/index.js';

/** A sink that concatenates what it gets, as a file does. */
export class KeepingSink {
  /** Length of each piece, in order. */
  readonly pieces: number[] = [];
  readonly #kept: Buffer[] = [];

  readonly sink: ByteSink = (bytes) => {
    this.pieces.push(bytes.length);
    this.#kept.push(Buffer.from(bytes));
  };

  get bytes(): Buffer {
    return Buffer.concat(this.#kept);
  }
}
