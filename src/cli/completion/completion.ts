/** `vtep completion`: prints completion scripts, made from the declarations of all commands. */
import { inQuotes } from '../../text/plain-text.js';
import { alternatives, didYouMean } from '../../text/suggestion.js';
import { declare, print } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { Operand } from '../options/declared.js';
import { UsageError } from '../usage-error.js';
import { bashCompletion } from './bash-completion.js';
import { commandTree } from './command-tree.js';
import { fishCompletion } from './fish-completion.js';
import { zshCompletion } from './zsh-completion.js';

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;
const SHELLS = Object.keys(SCRIPTS);

/** `vtep completion SHELL`. */
export const completionCommand = declare({
  usage: [SHELLS.join('|')],
  description: [
    'Prints a script that makes a shell complete the commands of vtep, their options, the values of options with a ' +
      'fixed choice, files and devices.',
  ],
  operand: new Operand('<SHELL>', `a shell: ${alternatives(SHELLS)}`, alternatives(SHELLS), undefined, SHELLS),
  options: {},
  examples: [
    ['source <(vtep completion bash)', 'in ~/.bashrc'],
    ['source <(vtep completion zsh)', 'in ~/.zshrc, after compinit'],
    ['vtep completion fish | source', 'in ~/.config/fish/config.fish'],
  ],
  async run(_, [shell]) {
    if (!Object.hasOwn(SCRIPTS, shell)) {
      const hint = didYouMean(shell, SHELLS);
      throw new UsageError(`completion takes ${alternatives(SHELLS)}, not ${inQuotes(shell)}${hint}`);
    }
    const { COMMANDS } = await import('../commands.js');
    print(SCRIPTS[shell as keyof typeof SCRIPTS](await commandTree(COMMANDS)).trimEnd());
    return ExitCode.Done;
  },
});
