/** `vtep keys`: key rings and SPIs; what it does is said by its second word. */
import { inQuotes } from '../plain-text.js';
import { UsageError } from './arguments.js';
import { type Command, runCommand } from './command.js';

interface Subcommand {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  generate: {
    summary: 'a new key ring, in a file for its owner alone',
    load: async () => (await import('./keys-generate.js')).keysGenerateCommand,
  },
  rotate: {
    summary: 'the next ring in place of the present one: the oldest key goes, a new one comes',
    load: async () => (await import('./keys-rotate.js')).keysRotateCommand,
  },
  spi: {
    summary: 'the SPIs of two nodes, both ways and in both forms',
    load: async () => (await import('./keys-spi.js')).keysSpiCommand,
  },
  schedule: {
    summary: 'when which key is made, transmits and goes, and whether sequence numbers last',
    load: async () => (await import('./keys-schedule.js')).keysScheduleCommand,
  },
  match: {
    summary: "which key of a ring made each of a capture's SPIs, proven by its packets",
    load: async () => (await import('./keys-match.js')).keysMatchCommand,
  },
  timeline: {
    summary: "a capture's SPIs over time: who switches when, and how long sequence numbers last",
    load: async () => (await import('./keys-timeline.js')).keysTimelineCommand,
  },
};

const HELP = `vtep keys WORD [OPTIONS]

Key rings of clusters, the SPIs that are made of them, and what a capture shows of their rotation.

Words:
${Object.entries(SUBCOMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}`)
  .join('\n')}

vtep keys WORD --help says more. No key is ever printed but by generate -o - and rotate -o -: a fingerprint stands
in its place.`;

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
      const said = name === undefined ? 'needs a word' : `has no ${inQuotes(name)}`;
      throw new UsageError(`keys ${said}: ${Object.keys(SUBCOMMANDS).join(', ')}; see: vtep keys --help`);
    }
    return runCommand(await entry.load(), rest);
  },
};
