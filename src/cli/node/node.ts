/** `vtep node`: subcommands for the nodes of a store. */
import type { CommandGroup } from '../command.js';

/** `vtep node`. */
export const NODE_COMMANDS: CommandGroup = {
  name: 'node',
  summary: 'list the nodes of a store',
  description: ['Nodes: hosts that run vtep up --store, as long as they renew their leases (docs/fleet.md).'],
  notes: ['vtep help node COMMAND shows the options of a command and examples.'],
  commands: [
    {
      name: 'ls',
      summary: 'list nodes, with the one that leads',
      load: async () => (await import('./node-ls.js')).nodeLsCommand,
    },
  ],
};
