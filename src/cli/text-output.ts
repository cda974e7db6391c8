/** Text on standard output: gathered, and written synchronously, so that a slow reader slows us and fills no memory. */
import { OutputFile } from '../capture/output-file.js';

const FLUSH_AT = 1 << 16;

/** Standard output as lines. */
export class TextOutput {
  readonly #file = new OutputFile('-');
  readonly #encoder = new TextEncoder();
  #held = '';

  /** Writes a line. */
  line(text: string): void {
    this.#held += `${text}\n`;
    if (this.#held.length >= FLUSH_AT) this.flush();
  }

  /** Hands on what is held back. */
  flush(): void {
    if (this.#held !== '') this.#file.write(this.#encoder.encode(this.#held));
    this.#held = '';
  }
}

/** Words for people, on standard error. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
