/** `vtep keys`: subcommands for key rings and SPIs. */
import { inQuotes } from '../../text/plain-text.js';
import { UsageError } from '../arguments.js';
import { type Command, runCommand } from '../command.js';

interface Subcommand {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  generate: {
    summary: 'creates a key ring, in a file only its owner can read',
    load: async () => (await import('./keys-generate.js')).keysGenerateCommand,
  },
  rotate: {
    summary: 'replaces a ring by its successor: drops the oldest key, adds one',
    load: async () => (await import('./keys-rotate.js')).keysRotateCommand,
  },
  spi: {
    summary: 'computes the SPIs of two nodes, in both directions and forms',
    load: async () => (await import('./keys-spi.js')).keysSpiCommand,
  },
  schedule: {
    summary: 'plans rotations; checks whether sequence numbers last',
    load: async () => (await import('./keys-schedule.js')).keysScheduleCommand,
  },
  match: {
    summary: "finds the key of each of a capture's SPIs, verified by decryption",
    load: async () => (await import('./keys-match.js')).keysMatchCommand,
  },
  timeline: {
    summary: "shows a capture's SPIs over time: switches, sequence numbers",
    load: async () => (await import('./keys-timeline.js')).keysTimelineCommand,
  },
};

const HELP = `vtep keys COMMAND [OPTIONS]

Key rings of clusters, the SPIs derived from them, and their rotation in
captures.

Commands:
${Object.entries(SUBCOMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}`)
  .join('\n')}

See vtep keys COMMAND --help for details. Only generate -o - and rotate -o -
print keys; all other output shows fingerprints instead.`;

/** `vtep keys`. */
export const keysCommand: Command = {
  summary: 'key rings and SPIs',
  help: HELP,
  nested: true,
  async run(args) {
    const name = args.at(0);
    const rest = args.slice(1);
    const entry = name !== undefined && Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined;
    if (entry === undefined) {
      const wrong = name === undefined ? 'needs a command' : `has no command ${inQuotes(name)}`;
      throw new UsageError(`keys ${wrong}: ${Object.keys(SUBCOMMANDS).join(', ')}; see: vtep keys --help`);
    }
    return runCommand(await entry.load(), rest);
  },
};
