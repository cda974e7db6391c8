/** The completion script for zsh. */
import type { CommandNode } from './command-tree.js';
import { caseLines, childPaths, operandPaths, singleQuoted, valueOptions } from './shell-cases.js';

/** `name:description`, as `_describe` takes it. */
function described(name: string, description: string): string {
  return singleQuoted(`${name.replaceAll(':', String.raw`\:`)}:${description.replaceAll(':', String.raw`\:`)}`);
}

/** The script. */
export function zshCompletion(nodes: readonly CommandNode[]): string {
  const values = valueOptions(nodes);
  const options = nodes.map(({ path, options: all }) => {
    const items = all.flatMap(({ names, description }) => names.map((name) => described(name, description)));
    return `      ${singleQuoted(path)}) items=(${items.join(' ')}) ;;`;
  });
  const words = nodes.flatMap(({ path, commands, operand }) => {
    const items = [
      ...commands.map(({ name, summary }) => described(name, summary)),
      ...(commands.length > 0 ? [described('help', 'show the help of a command')] : []),
      ...(operand?.choices ?? []).map((choice) => described(choice, '')),
    ];
    return items.length === 0 ? [] : [`      ${singleQuoted(path)}) items=(${items.join(' ')}) ;;`];
  });
  return `#compdef vtep
# zsh completion for vtep. To load it in every shell, from a directory in $fpath:
#   vtep completion zsh > ~/.zfunc/_vtep
# or in this one:
#   source <(vtep completion zsh)

_vtep() {
  local at=vtep prev=$words[CURRENT-1] word
  local -a items
  local -i i
  if [[ $PREFIX == --*=* ]]; then
    prev=\${PREFIX%%=*}
    compset -P '*='
  fi

  for ((i = 2; i < CURRENT; i++)); do
    word=$words[i]
    case "$at $word" in
${caseLines(childPaths(nodes), 'at="$at $word"').join('\n')}
    esac
  done

  case "$at $prev" in
${[
  ...values.choices.flatMap(({ at, choices }) => caseLines(at, `compadd -- ${choices.join(' ')}; return`)),
  ...caseLines(values.files, '_files; return'),
  ...caseLines(values.devices, '_vtep_devices; return'),
  ...caseLines(values.free, 'return'),
].join('\n')}
  esac

  if [[ $PREFIX == -* ]]; then
    case $at in
${options.join('\n')}
    esac
    _describe -o option items
    return
  fi
  case $at in
${[...caseLines(operandPaths(nodes, 'file'), '_files; return'), ...caseLines(operandPaths(nodes, 'device'), '_vtep_devices; return')].join('\n')}
  esac
  case $at in
${words.join('\n')}
  esac
  (( $#items )) && _describe command items
}

_vtep_devices() {
  compadd -- any $(ls /sys/class/net 2>/dev/null)
}

if [[ $funcstack[1] == _vtep ]]; then
  _vtep "$@"
else
  compdef _vtep vtep
fi
`;
}
