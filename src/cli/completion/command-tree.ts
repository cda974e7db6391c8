/** What the commands take, loaded from their declarations: for completion and docs/cli.md. */
import type { Option } from 'commander';
import type { Command, CommandEntry, CommandGroup } from '../command.js';
import type { Completion } from '../options/declared.js';
import { Declared } from '../options/declared.js';

/** An option that completion offers. */
export interface OptionNode {
  /** Its names: `--output`, `-o`. */
  readonly names: readonly string[];
  readonly description: string;
  /** Whether it takes a value. */
  readonly takesValue: boolean;
  readonly choices: readonly string[];
  readonly completes: Completion;
}

/** A command or a group of commands. */
export interface CommandNode {
  /** Its full name: `vtep keys match`. */
  readonly path: string;
  readonly summary: string;
  /** The commands of a group. */
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly OptionNode[];
  /** What the operand of a command is. */
  readonly operand: { readonly choices: readonly string[]; readonly completes: Completion } | undefined;
  /** The declaration of a command. */
  readonly command: Command | undefined;
  /** The declaration of a group. */
  readonly group: CommandGroup | undefined;
}

const HELP: OptionNode = {
  names: ['--help', '-h'],
  description: 'show this help',
  takesValue: false,
  choices: [],
  completes: undefined,
};

const VERSION: OptionNode = { ...HELP, names: ['--version', '-V'], description: 'show the version' };

function optionNode(option: Option): OptionNode {
  const { long, short, description, required, argChoices } = option;
  return {
    names: [long, short].filter((name) => name !== undefined),
    description,
    takesValue: required,
    choices: argChoices ?? [],
    completes: option instanceof Declared ? option.completes : undefined,
  };
}

async function commandNode(path: string, entry: CommandEntry): Promise<CommandNode> {
  const command = await entry.load();
  const { operand, options } = command;
  return {
    path,
    summary: entry.summary,
    commands: [],
    options: [...Object.values(options).map(optionNode), HELP],
    operand: operand && { choices: operand.argChoices ?? [], completes: operand.completes },
    command,
    group: undefined,
  };
}

/** Loads all commands of a group, with the group first. */
export async function commandTree(group: CommandGroup, path = group.name): Promise<readonly CommandNode[]> {
  const nodes: CommandNode[] = [
    {
      path,
      summary: group.summary,
      commands: group.commands.map(({ name, summary }) => ({ name, summary })),
      options: path.includes(' ') ? [HELP] : [HELP, VERSION],
      operand: undefined,
      command: undefined,
      group,
    },
  ];
  for (const entry of group.commands) {
    const name = `${path} ${entry.name}`;
    if ('commands' in entry) nodes.push(...(await commandTree(entry, name)));
    else nodes.push(await commandNode(name, entry));
  }
  return nodes;
}
