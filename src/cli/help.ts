/** Help texts, in the terminal's width. */
import { Command as Parser, type Help, type Option } from 'commander';
import type { Command, CommandGroup } from './command.js';
import { Declared } from './options/declared.js';
import { shellLines } from './shell-lines.js';

/** Without a terminal. */
const DEFAULT_COLUMNS = 80;
/** Longer lines are hard to read. */
const MAX_COLUMNS = 100;
const MIN_COLUMNS = 40;
/** Widest column of options; the description of a longer one begins on the next line. */
const TERM_COLUMNS = 18;
/** In a narrower terminal, all descriptions begin on the next line. */
const TWO_COLUMNS = 60;
const NARROW_INDENT = 6;

/**
 * The width of help texts for a terminal.
 * @param columns its width; undefined if the output isn't a terminal
 */
export function helpWidth(columns: number | undefined): number {
  return Math.max(MIN_COLUMNS, Math.min(columns ?? DEFAULT_COLUMNS, MAX_COLUMNS));
}

/** The width of help texts on this process's standard output. */
export function currentHelpWidth(): number {
  return helpWidth(process.stdout.isTTY ? process.stdout.columns : undefined);
}

/** The default of an option, if it has one that is worth showing. */
export function defaultText({ defaultValue, defaultValueDescription }: Option): string | undefined {
  if (defaultValueDescription !== undefined) return defaultValueDescription;
  return typeof defaultValue === 'string' || typeof defaultValue === 'number' ? String(defaultValue) : undefined;
}

/** The choices of an option, unless its description explains each. */
export function choicesText({ description, argChoices = [] }: Option): string | undefined {
  const words = description.split(/[^a-z0-9-]+/);
  return argChoices.every((one) => words.includes(one)) ? undefined : argChoices.join(', ');
}

/** An option's description, with its choices and its default. */
export function optionText(option: Option): string {
  const { description } = option;
  const shown = defaultText(option);
  const facts = [
    ...[choicesText(option) ?? []].flat(),
    ...(option instanceof Declared && option.repeatable ? ['may be repeated'] : []),
    ...(shown === undefined ? [] : [`default: ${shown}`]),
  ];
  return facts.length === 0 ? description : `${description} (${facts.join('; ')})`;
}

/** How commander lays out the help. */
const LAYOUT: Partial<Help> = {
  minWidthToWrap: 10,
  argumentDescription: ({ description }) => description,
  optionDescription: optionText,
  subcommandTerm: (command) => command.name(),
  formatItem(term, termWidth, description, helper) {
    const width = helper.helpWidth ?? DEFAULT_COLUMNS;
    const indent = width < TWO_COLUMNS ? NARROW_INDENT : Math.min(termWidth, TERM_COLUMNS) + 4;
    const lines = helper.boxWrap(description, width - indent).split('\n');
    const fits = width >= TWO_COLUMNS && term.length + 4 <= indent;
    const first = fits ? [`  ${term}`.padEnd(indent) + (lines.shift() ?? '')] : [`  ${term}`];
    return [...first, ...lines.map((line) => ' '.repeat(indent) + line)].join('\n');
  },
};

/** Wraps a line at spaces, and indents the lines after the first. */
function hanging(help: Help, text: string, width: number, indent: number): string {
  const lines = help.boxWrap(text, width - indent).split('\n');
  return lines.join(`\n${' '.repeat(indent)}`);
}

function base(path: string, width: number): Parser {
  return new Parser(path)
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .configureHelp(LAYOUT)
    .configureOutput({ getOutHelpWidth: () => width, getErrHelpWidth: () => width });
}

/** Sets the parts of a help text that have lines of their own. */
function finish(parser: Parser, usages: readonly string[], after: readonly string[], width: number): Parser {
  const help = parser.createHelp();
  const usage = usages.map((one) => hanging(help, `${parser.name()} ${one}`, width - 'Usage: '.length, 4));
  parser.configureHelp({ ...LAYOUT, commandUsage: () => usage.join('\n').replaceAll('\n', '\n       ') });
  if (after.length > 0) parser.addHelpText('after', after.map((text) => `\n${text}`).join('\n'));
  return parser;
}

/**
 * The parser of a command, which also has its help text.
 * @param path its name: `vtep keys match`
 */
export function parserOf(path: string, command: Command, width: number): Parser {
  const { usage, description, operand, options, notes = [], examples } = command;
  const parser = base(path, width).description(description.join('\n\n'));
  if (operand !== undefined) parser.addArgument(operand);
  for (const [name, option] of Object.entries(options)) {
    if (option.attributeName() !== name)
      throw new Error(`${option.flags} must be declared as ${option.attributeName()}`);
    parser.addOption(option);
  }
  const help = parser.createHelp();
  const lines = examples.map(([invocation, does]) => {
    const wrapped = shellLines(invocation, width).join('\n');
    return `  # ${hanging(help, does, width - 4, 0).replaceAll('\n', '\n  # ')}\n${wrapped}`;
  });
  const after = [...notes.map((text) => help.boxWrap(text, width)), `Examples:\n${lines.join('\n')}`];
  return finish(parser, usage, after, width);
}

/** The help text of a group of commands. */
export function groupHelp(path: string, group: CommandGroup, width: number): string {
  const parser = base(path, width).description(group.description.join('\n\n'));
  for (const { name, summary } of group.commands) parser.addCommand(new Parser(name).summary(summary));
  // program.ts answers it before any command is loaded.
  if (!path.includes(' ')) parser.option('-V, --version', 'show the version');
  const usages = ['COMMAND [OPTIONS]'];
  let text = '';
  parser.configureOutput({ writeOut: (part) => void (text += part) });
  const notes = group.notes.map((note) => parser.createHelp().boxWrap(note, width));
  finish(parser, usages, notes, width).outputHelp();
  return text.trimEnd();
}

/** The help text of a command. */
export function commandHelp(path: string, command: Command, width: number): string {
  const parser = parserOf(path, command, width);
  let text = '';
  parser.configureOutput({ writeOut: (part) => void (text += part) });
  parser.outputHelp();
  return text.trimEnd();
}
