/** `vtep service`: subcommands for the services of a store. */
import type { CommandGroup } from '../command.js';

/** `vtep service`. */
export const SERVICE_COMMANDS: CommandGroup = {
  name: 'service',
  summary: 'create, change and show services of a store',
  description: [
    'Services: a virtual IP, published ports, and tasks that the nodes of a store share among them (docs/fleet.md). vtep ' +
      'runs no containers and has no images: a task is an interface in each network of its service, which a node makes ' +
      'for what uses it, in the network namespace that --netns names.',
  ],
  notes: ['vtep help service COMMAND shows the options of a command and examples.'],
  commands: [
    {
      name: 'create',
      summary: 'create a service',
      load: async () => (await import('./service-create.js')).serviceCreateCommand,
    },
    {
      name: 'scale',
      summary: 'change how many tasks services have',
      load: async () => (await import('./service-scale.js')).serviceScaleCommand,
    },
    {
      name: 'update',
      summary: 'change labels or the number of tasks of a service',
      load: async () => (await import('./service-update.js')).serviceUpdateCommand,
    },
    {
      name: 'ls',
      summary: 'list services',
      load: async () => (await import('./service-ls.js')).serviceLsCommand,
    },
    {
      name: 'ps',
      summary: 'list the tasks of services',
      load: async () => (await import('./service-ps.js')).servicePsCommand,
    },
    {
      name: 'inspect',
      summary: 'show services as docker service inspect does',
      load: async () => (await import('./service-inspect.js')).serviceInspectCommand,
    },
    {
      name: 'rm',
      summary: 'remove services with their tasks',
      load: async () => (await import('./service-rm.js')).serviceRmCommand,
    },
  ],
};
