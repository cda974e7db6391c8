/** The completion script for fish. */
import type { CommandNode, OptionNode } from './command-tree.js';
import { childPaths } from './shell-cases.js';

/** Quotes a text for fish. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', String.raw`\\`).replaceAll("'", String.raw`\'`)}'`;
}

const DEVICES = '(echo any; ls /sys/class/net 2>/dev/null)';

function valueArguments({ takesValue, choices, completes }: OptionNode): string {
  if (!takesValue) return '';
  if (choices.length > 0) return ` -x -a ${quoted(choices.join(' '))}`;
  if (completes === 'file') return ' -r -F';
  return completes === 'device' ? ` -x -a ${quoted(DEVICES)}` : ' -x';
}

/** The script. */
export function fishCompletion(nodes: readonly CommandNode[]): string {
  const lines = nodes.flatMap(({ path, commands, options, operand }) => {
    const start = `complete -c vtep -n ${quoted(`__vtep_at ${path}`)}`;
    return [
      ...commands.map(({ name, summary }) => `${start} -a ${name} -d ${quoted(summary)}`),
      ...(commands.length > 0 ? [`${start} -a help -d 'show the help of a command'`] : []),
      ...(operand?.choices ?? []).map((choice) => `${start} -a ${choice}`),
      ...(operand?.completes === 'file' ? [`${start} -F`] : []),
      ...(operand?.completes === 'device' ? [`${start} -a ${quoted(DEVICES)}`] : []),
      ...options.map((option) => {
        const names = option.names.map((name) =>
          name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
        );
        return `${start} ${names.join(' ')}${valueArguments(option)} -d ${quoted(option.description)}`;
      }),
    ];
  });
  return `# fish completion for vtep. To load it in every shell:
#   vtep completion fish > ~/.config/fish/completions/vtep.fish
# or in this one:
#   vtep completion fish | source

function __vtep_at
  set -l at vtep
  for word in (commandline -opc)[2..-1]
    switch "$at $word"
      case ${childPaths(nodes).map(quoted).join(' ')}
        set at "$at $word"
    end
  end
  test "$at" = "$argv"
end

complete -c vtep -f
${lines.join('\n')}
`;
}
