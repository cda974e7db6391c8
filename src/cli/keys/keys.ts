/** `vtep keys`: subcommands for key rings and SPIs. */
import type { CommandGroup } from '../command.js';

/** `vtep keys`. */
export const KEYS_COMMANDS: CommandGroup = {
  name: 'keys',
  summary: 'manage key rings and SPIs, and find them in captures',
  description: ['Key rings of clusters, the SPIs derived from them, and their rotation in captures.'],
  notes: [
    'vtep help keys COMMAND shows the options of a command and examples. Only generate -o - and rotate -o - print keys; ' +
      'all other output shows fingerprints instead.',
  ],
  commands: [
    {
      name: 'generate',
      summary: 'create a key ring, in a file only its owner can read',
      load: async () => (await import('./keys-generate.js')).keysGenerateCommand,
    },
    {
      name: 'rotate',
      summary: 'replace a ring by its successor: drop the oldest key, add one',
      load: async () => (await import('./keys-rotate.js')).keysRotateCommand,
    },
    {
      name: 'spi',
      summary: 'compute the SPIs of two nodes, in both directions and forms',
      load: async () => (await import('./keys-spi.js')).keysSpiCommand,
    },
    {
      name: 'schedule',
      summary: 'plan rotations; check whether sequence numbers last',
      load: async () => (await import('./keys-schedule.js')).keysScheduleCommand,
    },
    {
      name: 'match',
      summary: "find the key of each of a capture's SPIs, verified by decryption",
      load: async () => (await import('./keys-match.js')).keysMatchCommand,
    },
    {
      name: 'timeline',
      summary: "show a capture's SPIs over time: switches, sequence numbers",
      load: async () => (await import('./keys-timeline.js')).keysTimelineCommand,
    },
  ],
};
