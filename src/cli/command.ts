import type { Operand, Options, Values } from './options/declared.js';
import { TextOutput } from './text-output.js';

/** A command, declared: what it takes, what its help says, and what it does. */
export interface CommandDeclaration<O extends Options = Options> {
  /** Its arguments: `FILE -o OUT [OPTIONS]`. */
  readonly usage: readonly string[];
  /** Paragraphs; the first sentence says what it does. */
  readonly description: readonly string[];
  readonly operand?: Operand;
  readonly options: O;
  /** Paragraphs after the options. */
  readonly notes?: readonly string[];
  /** Invocations, and what they do. */
  readonly examples: readonly (readonly [command: string, does: string])[];
  /** When else it exits with status 2, apart from usage errors and unreadable input. */
  readonly fails?: string;
  /** What else makes it exit with 3, though it may work later. */
  readonly waits?: string;
  /**
   * Runs the command.
   * @param values the values of its options
   * @param operands the other arguments; checked against `operand`
   * @returns the exit code
   */
  readonly run: (values: Values<O>, operands: readonly string[]) => Promise<number> | number;
}

/** A declared command whose options have any type. */
export type Command = Omit<CommandDeclaration, 'run'> & {
  readonly run: (values: never, operands: readonly string[]) => Promise<number> | number;
};

/** Declares a command; only for type inference. */
export function declare<O extends Options>(declaration: CommandDeclaration<O>): CommandDeclaration<O> {
  return declaration;
}

/** A command in the list of commands. It is loaded on demand, since most commands load much of the data plane. */
export interface CommandEntry {
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** Commands with a common name: `vtep keys`, and `vtep` itself. */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  /** Paragraphs before the list of commands. */
  readonly description: readonly string[];
  /** Paragraphs after it. */
  readonly notes: readonly string[];
  readonly commands: readonly (CommandEntry | CommandGroup)[];
}

/** Prints a text to standard output, unfiltered: it must come from vtep itself. */
export function print(text: string): void {
  const output = new TextOutput();
  output.verbatim(text);
  output.flush();
}
