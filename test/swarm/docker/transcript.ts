/** Keeps what a test ran and what that printed, for readers: in the file that `VTEP_TRANSCRIPT` names. */
import { appendFileSync } from 'node:fs';

const FILE = process.env['VTEP_TRANSCRIPT'];

/** A transcript; without the variable, nothing is kept. */
export class Transcript {
  readonly #hidden: readonly (readonly [from: string | RegExp, to: string])[];

  /** @param hidden what is replaced: names that differ from run to run, and secrets */
  constructor(hidden: readonly (readonly [from: string | RegExp, to: string])[] = []) {
    this.#hidden = hidden;
  }

  /** Adds lines. */
  note(text: string): void {
    if (FILE === undefined) return;
    let shown = text;
    for (const [from, to] of this.#hidden) shown = shown.replaceAll(from, to);
    appendFileSync(FILE, `${shown.trimEnd()}\n`);
  }

  /** Adds a heading. */
  head(text: string): void {
    this.note(`\n## ${text}\n`);
  }

  /** Adds a command with what it printed, and returns that. */
  ran(where: string, words: string, output: string): string {
    this.note(`${where}$ ${words}\n${output}`);
    return output;
  }
}
