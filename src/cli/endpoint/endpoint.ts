/** `vtep endpoint`: subcommands for interfaces in the networks of a store. */
import type { CommandGroup } from '../command.js';

/** `vtep endpoint`. */
export const ENDPOINT_COMMANDS: CommandGroup = {
  name: 'endpoint',
  summary: 'create and list interfaces in the networks of a store',
  description: [
    "Endpoints: an interface of a container in a network, on one of the store's nodes (docs/fleet.md). vtep runs no " +
      'containers: the node makes the interface, for what uses it.',
  ],
  notes: ['vtep help endpoint COMMAND shows the options of a command and examples.'],
  commands: [
    {
      name: 'create',
      summary: 'create an interface on a node',
      load: async () => (await import('./endpoint-create.js')).endpointCreateCommand,
    },
    {
      name: 'ls',
      summary: 'list endpoints',
      load: async () => (await import('./endpoint-ls.js')).endpointLsCommand,
    },
    {
      name: 'rm',
      summary: 'remove endpoints',
      load: async () => (await import('./endpoint-rm.js')).endpointRmCommand,
    },
  ],
};
