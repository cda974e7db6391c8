/** `vtep network`: subcommands for networks and their addresses. */
import type { CommandGroup } from '../command.js';

/** `vtep network`. */
export const NETWORK_COMMANDS: CommandGroup = {
  name: 'network',
  summary: "plan a swarm's networks and addresses",
  description: ["A swarm's networks: subnets, VNIs, and the addresses of services, tasks and load balancers."],
  notes: ['vtep help network COMMAND shows the options of a command and examples.'],
  commands: [
    {
      name: 'plan',
      summary: 'show who gets which address, and how many replicas fit',
      load: async () => (await import('./network-plan.js')).networkPlanCommand,
    },
  ],
};
