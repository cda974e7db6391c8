import { ExitCode } from './exit-code.js';
import { TextOutput } from './text-output.js';

/** A command of the command line: one file each. */
export interface Command {
  /** What it does, in a line. */
  readonly summary: string;
  /** What `--help` prints. */
  readonly help: string;
  /** Whether its first word is a command of its own, which has a help of its own. */
  readonly nested?: boolean;
  /**
   * Carries it out.
   * @param words what stands behind the command's name
   * @returns the exit code
   */
  run(words: readonly string[]): Promise<number>;
}

/** Prints a text of vtep's own on standard output, as it is. */
export function print(text: string): void {
  const output = new TextOutput();
  output.verbatim(text);
  output.flush();
}

/** Carries a command out, or prints its help where that is asked for. */
export async function runCommand(command: Command, words: readonly string[]): Promise<number> {
  const asked = command.nested === true ? words.slice(0, 1) : words;
  if (asked.includes('--help') || asked.includes('-h')) {
    print(command.help);
    return ExitCode.Done;
  }
  return command.run(words);
}
