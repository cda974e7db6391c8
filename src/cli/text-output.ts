/** Text on standard output: gathered, and written synchronously, so that a slow reader slows us and fills no memory. */
import { currentStreams } from './streams.js';

const FLUSH_AT = 1 << 16;

/** Standard output as lines. */
export class TextOutput {
  readonly #write = currentStreams().output;
  readonly #encoder = new TextEncoder();
  #held = '';

  /** Writes a line. */
  line(text: string): void {
    this.#held += `${text}\n`;
    if (this.#held.length >= FLUSH_AT) this.flush();
  }

  /** Hands on what is held back. */
  flush(): void {
    if (this.#held !== '') this.#write(this.#encoder.encode(this.#held));
    this.#held = '';
  }
}

/** Words for people, on standard error. */
export function say(text: string): void {
  currentStreams().remarks(`${text}\n`);
}
