/** Finds the command that the arguments name, parses the rest, and reports mistakes in vtep's own wording. */
import { type Command as Parser, CommanderError, type Option } from 'commander';
import { inQuotes } from '../text/plain-text.js';
import { didYouMean } from '../text/suggestion.js';
import { type Command, type CommandEntry, type CommandGroup, print } from './command.js';
import { ExitCode } from './exit-code.js';
import { commandHelp, currentHelpWidth, groupHelp, parserOf } from './help.js';
import { habitHint } from './options/habits.js';
import { UsageError } from './usage-error.js';

const HELP = ['--help', '-h', 'help'];

/** What arguments name. */
interface Found {
  /** `vtep keys match`. */
  readonly path: string;
  readonly at: CommandGroup | CommandEntry;
  /** The other arguments. */
  readonly rest: readonly string[];
  /** Whether they ask for help: `help keys match`, `keys help match`, `keys match help`, `keys match --help`. */
  readonly help: boolean;
}

/**
 * Follows the names of commands.
 * @throws UsageError for an unknown one
 */
function find(root: CommandGroup, args: readonly string[]): Found {
  let at: CommandGroup | CommandEntry = root;
  let path = root.name;
  let help = false;
  let i = 0;
  for (; i < args.length && 'commands' in at; i++) {
    if (HELP.includes(args[i])) {
      help = true;
      continue;
    }
    const next: CommandGroup | CommandEntry | undefined = at.commands.find(({ name }) => name === args[i]);
    if (next === undefined) throw unknownCommand(at, path, args[i]);
    at = next;
    path = `${path} ${next.name}`;
  }
  const rest = args.slice(i);
  const end = rest.indexOf('--');
  const asked = (end < 0 ? rest : rest.slice(0, end)).some((arg) => arg === '--help' || arg === '-h');
  return { path, at, rest, help: help || asked || (rest.length === 1 && rest[0] === 'help') };
}

function unknownCommand({ commands }: CommandGroup, path: string, word: string): UsageError {
  const names = commands.map(({ name }) => name);
  const what = word.startsWith('-') ? `unknown option ${inQuotes(word)}` : `unknown command ${inQuotes(word)}`;
  const where = path === 'vtep' ? '' : `${path.slice('vtep '.length)}: `;
  const hint = word.startsWith('-') ? '' : didYouMean(word, names);
  const all = where === '' ? '' : `; there are ${names.join(', ')}`;
  return new UsageError(`${where}${what}${hint === '' ? `${all}; see: ${path} --help` : hint}`);
}

/**
 * Runs the command that arguments name.
 * @returns the exit code
 * @throws UsageError
 */
export async function runCommandLine(root: CommandGroup, args: readonly string[]): Promise<number> {
  const { path, at, rest, help } = find(root, args);
  if ('commands' in at) {
    if (!help) {
      const names = at.commands.map(({ name }) => name).join(', ');
      throw new UsageError(`${at.name} needs a command: ${names}; see: ${path} --help`);
    }
    print(groupHelp(path, at, currentHelpWidth()));
    return ExitCode.Done;
  }
  const command = await at.load();
  if (help) {
    print(commandHelp(path, command, currentHelpWidth()));
    return ExitCode.Done;
  }
  return parseAndRun(path, command, rest);
}

async function parseAndRun(path: string, command: Command, args: readonly string[]): Promise<number> {
  const name = path.slice('vtep '.length);
  const parser = parserOf(path, command, currentHelpWidth());
  parser.exitOverride().configureOutput({ writeErr: () => undefined });
  let code: number = ExitCode.Done;
  parser.action(async () => {
    const { options } = command;
    const values = parser.opts<Record<string, unknown>>();
    for (const [key, option] of Object.entries(options)) {
      if (option.needed && values[key] === undefined) {
        throw new UsageError(
          `${name} needs ${option.flags.replace(/, --[a-z-]+/, '')} (${option.description}); usage: ${path} ${command.usage[0]}`,
        );
      }
    }
    code = await command.run(values as never, parser.args);
  });
  refuseOptionAsValue(parser, args);
  try {
    await parser.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw usageError(error, parser, path, command);
  }
  return code;
}

/**
 * Refuses `--keys --json`: commander would take `--json` for a file. A value that looks like an option can be given as
 * `--keys=--json`.
 * @throws UsageError
 */
function refuseOptionAsValue(parser: Parser, args: readonly string[]): void {
  for (let i = 0; i < args.length && args[i] !== '--'; i++) {
    const option = optionOf(parser, args[i]);
    if (option?.required !== true) continue;
    i++;
    const value = args.at(i);
    if (value !== undefined && optionOf(parser, value) !== undefined) throw needsValue(option);
  }
}

/** The option that an argument is exactly. */
function optionOf(parser: Parser, arg: string): Option | undefined {
  return parser.options.find(({ long, short }) => arg === long || arg === short);
}

function needsValue({ flags, long, short }: Option): UsageError {
  return new UsageError(`${long ?? short ?? flags} needs a value: ${flags}`);
}

/** Rewords an error of commander's. */
function usageError({ code, message }: CommanderError, parser: Parser, path: string, { operand }: Command): UsageError {
  const name = path.slice('vtep '.length);
  const see = `; see: ${path} --help`;
  const between = message.slice(message.indexOf("'") + 1, message.lastIndexOf("'"));
  switch (code) {
    case 'commander.unknownOption':
      return unknownOption(between, parser, name, see);
    case 'commander.optionMissingArgument': {
      const option = parser.options.find(({ flags }) => flags === between);
      return option === undefined ? new UsageError(`${name}: ${between}${see}`) : needsValue(option);
    }
    case 'commander.conflictingOption': {
      const [one, other] = between.split("' cannot be used with option '");
      return new UsageError(`${longest(one)} and ${longest(other)} are mutually exclusive`);
    }
    case 'commander.missingArgument':
      return new UsageError(`${name} needs ${operand?.what ?? 'more arguments'}${see}`);
    case 'commander.excessArguments':
      return new UsageError(
        operand === undefined
          ? `${name} takes only options, not ${inQuotes(parser.args[0])}${see}`
          : `${name} takes ${operand.what.replace(/^an? /, 'one ')}, not ${parser.args.length}${see}`,
      );
    default:
      return new UsageError(`${message.replace(/^error: /, '').replaceAll('\n', ' ')}${see}`);
  }
}

/** `-o, --output OUT`: `--output`. */
function longest(flags: string): string {
  return /--[a-z-]+/.exec(flags)?.[0] ?? flags;
}

function unknownOption(given: string, parser: Parser, name: string, see: string): UsageError {
  const word = given.replace(/=.*$/s, '');
  const known = optionOf(parser, word);
  if (known !== undefined) return new UsageError(`${word} takes no value`);
  const names = parser.options.flatMap(({ long }) => (long === undefined ? [] : [long]));
  const letter = /^-([a-zA-Z])/.exec(word)?.[1];
  const habit = letter === undefined ? undefined : habitHint(letter, (option) => names.includes(`--${option}`));
  if (habit !== undefined) return new UsageError(`${name}: unknown option ${inQuotes(word)}: ${habit}${see}`);
  const meant = letter === undefined ? didYouMean(word, names) : '';
  return new UsageError(`${name}: unknown option ${inQuotes(word)}${meant === '' ? see : meant}`);
}
