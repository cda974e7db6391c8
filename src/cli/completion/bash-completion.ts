/** The completion script for bash 3.2 and later. */
import type { CommandNode } from './command-tree.js';
import { caseLines, childPaths, operandPaths, singleQuoted, valueOptions } from './shell-cases.js';

/** The script. */
export function bashCompletion(nodes: readonly CommandNode[]): string {
  const values = valueOptions(nodes);
  const words = nodes.flatMap(({ path, commands, options, operand }) => {
    const names = commands.map(({ name }) => name).concat(operand?.choices ?? []);
    const given = [...(commands.length > 0 ? ['help'] : []), ...names].join(' ');
    const long = options.flatMap((option) => option.names).join(' ');
    return `      ${singleQuoted(path)}) words=${singleQuoted(given)} options=${singleQuoted(long)} ;;`;
  });
  return `# bash completion for vtep. To load it in every shell:
#   vtep completion bash > ~/.local/share/bash-completion/completions/vtep
# or in this one:
#   source <(vtep completion bash)

_vtep() {
  local cur prev at word words options i IFS=$' \\t\\n'
  cur=\${COMP_WORDS[COMP_CWORD]}
  prev=\${COMP_WORDS[COMP_CWORD-1]}
  # bash splits --option=value into three words.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  COMPREPLY=()

  at=vtep
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$at $word" in
${caseLines(childPaths(nodes), 'at="$at $word"').join('\n')}
    esac
  done

  case "$at $prev" in
${[
  ...values.choices.flatMap(({ at, choices }) =>
    caseLines(at, `COMPREPLY=($(compgen -W ${singleQuoted(choices.join(' '))} -- "$cur")); return`),
  ),
  ...caseLines(values.files, '_vtep_files; return'),
  ...caseLines(values.devices, '_vtep_devices; return'),
  ...caseLines(values.free, 'return'),
].join('\n')}
  esac

  words= options=
  case $at in
${words.join('\n')}
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
    return
  fi
  case $at in
${[...caseLines(operandPaths(nodes, 'file'), '_vtep_files; return'), ...caseLines(operandPaths(nodes, 'device'), '_vtep_devices; return')].join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}

_vtep_files() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen -f -- "$cur"))
}

_vtep_devices() {
  COMPREPLY=($(compgen -W "any $(ls /sys/class/net 2>/dev/null)" -- "$cur"))
}

complete -F _vtep vtep
`;
}
