/** Parses and checks arguments; errors say in one line what is wrong and how to fix it. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { VtepError } from '../error.js';
import { inQuotes } from '../text/plain-text.js';
import { habitHint } from './options/habits.js';

/** Invalid arguments, or an unusable input file. */
export class UsageError extends VtepError<'USAGE'> {
  constructor(message: string) {
    super('USAGE', message);
  }
}

type Options = NonNullable<ParseArgsConfig['options']>;

/** Options and operands of an invocation. */
export interface ParsedArguments {
  readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly operands: readonly string[];
}

/**
 * Parses a command's arguments.
 * @throws UsageError for an option that is unknown or lacks its value
 */
export function parseWords(command: string, args: readonly string[], options: Options): ParsedArguments {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    return { values: values as ParsedArguments['values'], operands: positionals };
  } catch (error) {
    const message = (error as Error).message.split('\n')[0].replace(/ To specify a positional.*$/, '');
    const letter = /^Unknown option '-([a-zA-Z])'/.exec(message)?.[1];
    const hint = letter === undefined ? undefined : habitHint(letter, (option) => Object.hasOwn(options, option));
    throw new UsageError(
      `${message.replace(/\.$/, '')}${hint === undefined ? '' : ` (${hint})`}; see: vtep ${command} --help`,
    );
  }
}

/**
 * The only operand of an invocation.
 * @throws UsageError if there is none, or more than one
 */
export function onlyOperand(command: string, parsed: ParsedArguments, what: string): string {
  const { length } = parsed.operands;
  if (length === 0) throw new UsageError(`${command} needs ${what}; see: vtep ${command} --help`);
  if (length > 1) throw new UsageError(`${command} takes one file, not ${length}`);
  return parsed.operands[0];
}

/**
 * The value of an option that is an integer, decimal or hexadecimal (0x).
 * @throws UsageError if it isn't an integer, or out of range
 */
export function wholeNumber(
  parsed: ParsedArguments,
  name: string,
  lowest: number,
  highest: number,
): number | undefined {
  const text = parsed.values[name];
  if (typeof text !== 'string') return undefined;
  const value = /^(0x[0-9a-f]+|[0-9]+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value >= lowest && value <= highest)) {
    throw new UsageError(`--${name} takes an integer from ${lowest} to ${highest}, not ${inQuotes(text)}`);
  }
  return value;
}

/**
 * The value of an option that takes one of a fixed set of values.
 * @throws UsageError for any other value
 */
export function oneOf<const T extends string>(
  parsed: ParsedArguments,
  name: string,
  words: readonly T[],
): T | undefined {
  const text = parsed.values[name];
  if (text === undefined) return undefined;
  const found = words.find((word) => word === text);
  if (found === undefined) throw new UsageError(`--${name} takes ${words.join(' or ')}, not ${inQuotes(String(text))}`);
  return found;
}
