/** `vtep network`: subcommands for networks and their addresses. */
import type { CommandGroup } from '../command.js';

/** `vtep network`. */
export const NETWORK_COMMANDS: CommandGroup = {
  name: 'network',
  summary: "create and show networks of a store; plan a swarm's addresses",
  description: [
    'Networks: subnets, VNIs, and the addresses of services, tasks and load balancers. All but plan work on a store ' +
      'that the nodes of an overlay share (docs/fleet.md).',
  ],
  notes: ['vtep help network COMMAND shows the options of a command and examples.'],
  commands: [
    {
      name: 'create',
      summary: 'create an overlay network',
      load: async () => (await import('./network-create.js')).networkCreateCommand,
    },
    {
      name: 'inspect',
      summary: 'show networks as docker network inspect does',
      load: async () => (await import('./network-inspect.js')).networkInspectCommand,
    },
    {
      name: 'ls',
      summary: 'list networks',
      load: async () => (await import('./network-ls.js')).networkLsCommand,
    },
    {
      name: 'rm',
      summary: 'remove networks that nothing uses',
      load: async () => (await import('./network-rm.js')).networkRmCommand,
    },
    {
      name: 'plan',
      summary: 'show who gets which address, and how many replicas fit',
      load: async () => (await import('./network-plan.js')).networkPlanCommand,
    },
  ],
};
