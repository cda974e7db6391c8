import { ExitCode } from './exit-code.js';
import { TextOutput } from './text-output.js';

/** A command; each has its own file. */
export interface Command {
  /** What it does, in one line. */
  readonly summary: string;
  /** What `--help` prints. */
  readonly help: string;
  /** Whether its first argument is a subcommand, with a help text of its own. */
  readonly nested?: boolean;
  /**
   * Runs the command.
   * @param args the arguments after the command's name
   * @returns the exit code
   */
  run(args: readonly string[]): Promise<number>;
}

/** Prints a text to standard output, unfiltered: it must come from vtep itself. */
export function print(text: string): void {
  const output = new TextOutput();
  output.verbatim(text);
  output.flush();
}

/** Runs a command, or prints its help if asked to. */
export async function runCommand(command: Command, args: readonly string[]): Promise<number> {
  const asked = command.nested === true ? args.slice(0, 1) : args;
  if (asked.includes('--help') || asked.includes('-h')) {
    print(command.help);
    return ExitCode.Done;
  }
  return command.run(args);
}
