/** `vtep mesh`: subcommands for the HTTP routing mesh. */
import type { CommandGroup } from '../command.js';

/** `vtep mesh`. */
export const MESH_COMMANDS: CommandGroup = {
  name: 'mesh',
  summary: 'show the routes of the HTTP routing mesh',
  description: ['The HTTP routing mesh: which hosts lead to which services (docs/mesh.md). up and join run it.'],
  notes: ['vtep help mesh COMMAND shows the options of a command and examples.'],
  commands: [
    {
      name: 'routes',
      summary: 'show the routes that a config and its labels give, and what is not understood',
      load: async () => (await import('./mesh-routes.js')).meshRoutesCommand,
    },
  ],
};
