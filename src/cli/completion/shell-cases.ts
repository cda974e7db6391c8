/** Parts of completion scripts that bash and zsh share. */
import type { CommandNode } from './command-tree.js';

/** Quotes a text for bash and zsh. */
export function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The lines of a `case` with one action for many words; nothing without words. */
export function caseLines(words: readonly string[], action: string): string[] {
  return words.length === 0 ? [] : [`      ${words.map(singleQuoted).join('|')}) ${action} ;;`];
}

/** The commands below `vtep`: a word that isn't one of them is an operand. */
export function childPaths(nodes: readonly CommandNode[]): string[] {
  return nodes.map(({ path }) => path).filter((path) => path !== 'vtep');
}

/** Options with values, as `vtep inspect --keys`, by how their values are completed. */
export interface ValueOptions {
  readonly files: readonly string[];
  readonly devices: readonly string[];
  /** Anything, which can't be completed. */
  readonly free: readonly string[];
  readonly choices: readonly { readonly at: readonly string[]; readonly choices: readonly string[] }[];
}

/** Sorts options by how their values are completed. */
export function valueOptions(nodes: readonly CommandNode[]): ValueOptions {
  const all = nodes.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map((option) => ({ ...option, at: option.names.map((name) => `${path} ${name}`) })),
  );
  const places = (of: (option: (typeof all)[number]) => boolean): string[] => all.filter(of).flatMap(({ at }) => at);
  const lists = new Map<string, { at: string[]; choices: readonly string[] }>();
  for (const { at, choices } of all) {
    if (choices.length === 0) continue;
    const list = lists.get(choices.join(' ')) ?? { at: [], choices };
    list.at.push(...at);
    lists.set(choices.join(' '), list);
  }
  return {
    files: places(({ completes }) => completes === 'file'),
    devices: places(({ completes }) => completes === 'device'),
    free: places(({ completes, choices }) => completes === undefined && choices.length === 0),
    choices: [...lists.values()],
  };
}

/** Paths of the commands whose operand is a file, a device, or one of a few words. */
export function operandPaths(nodes: readonly CommandNode[], what: 'file' | 'device'): string[] {
  return nodes.filter(({ operand }) => operand?.completes === what).map(({ path }) => path);
}
