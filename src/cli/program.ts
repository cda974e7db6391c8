/** The command line: finds the command, and says in one line what went wrong. */
import { VtepError } from '../error.js';
import { inQuotes, plainMessage } from '../plain-text.js';
import { type Command, print, runCommand } from './command.js';
import { ExitCode } from './exit-code.js';
import { type Streams, withStreams } from './streams.js';
import { say, sayLines } from './text-output.js';

// Loaded when they are called, so that `--help` needn't wait for what only one command needs.
const COMMANDS: Readonly<Record<string, { summary: string; load: () => Promise<Command> }>> = {
  inspect: {
    summary: 'what a capture of an overlay holds: networks, VTEPs, endpoints, SPIs, problems',
    load: async () => (await import('./inspect.js')).inspectCommand,
  },
  decap: {
    summary: "wire to inner frames: the containers' own frames out of a capture of the underlay",
    load: async () => (await import('./decap.js')).decapCommand,
  },
  encap: {
    summary: "inner frames to wire: the containers' own frames as a node sends them",
    load: async () => (await import('./encap.js')).encapCommand,
  },
  replay: {
    summary: 'a capture through the whole data plane and back, compared and measured',
    load: async () => (await import('./replay.js')).replayCommand,
  },
  up: {
    summary: 'a VTEP that runs: this host as a node of the overlay, over its own sockets and TAP devices',
    load: async () => (await import('./up.js')).upCommand,
  },
  capture: {
    summary: 'packets of a device, as they come: into tables, a file, or the inner frames',
    load: async () => (await import('./capture.js')).captureCommand,
  },
  inject: {
    summary: 'the packets of a capture, sent to a device at the pace that is wanted',
    load: async () => (await import('./inject.js')).injectCommand,
  },
  keys: {
    summary: 'key rings and SPIs: generate, rotate, spi, match, timeline, schedule',
    load: async () => (await import('./keys.js')).keysCommand,
  },
  bench: {
    summary: 'how fast the data plane is here, stage by stage, clear and encrypted',
    load: async () => (await import('./bench.js')).benchCommand,
  },
  mtu: {
    summary: 'what fits inside an overlay, line by line, and what Docker sets',
    load: async () => (await import('./mtu.js')).mtuCommand,
  },
};

function help(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}`);
  return `vtep COMMAND [OPTIONS]

VXLAN and IPsec overlays (Docker Swarm's and their like), packet by packet.

Commands:
${commands.join('\n')}

vtep COMMAND --help says more. Results go to standard output, remarks to standard error.
Exit: 0 done; 1 done, but something is wrong with the data (--strict); 2 the call or a file is unusable.
Ctrl-C, SIGTERM and SIGHUP end a command by that signal (130, 143 and 129 to a shell); output files are whole or not there.
up, capture and inject finish what they have and print their totals.`;
}

async function carryOut(words: readonly string[]): Promise<number> {
  if (words.length === 0) {
    sayLines(help());
    return ExitCode.Unusable;
  }
  const [name, ...rest] = words;
  if (name === 'help' && rest.length > 0 && !rest[0].startsWith('-')) return carryOut([...rest, '--help']);
  if (name === '--help' || name === '-h' || name === 'help') {
    print(help());
    return ExitCode.Done;
  }
  if (name === '--version' || name === '-v' || name === '-V' || name === 'version') {
    print((await import('./version.js')).version());
    return ExitCode.Done;
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry === undefined) {
    say(`vtep: there is no command ${inQuotes(name)}; see: vtep --help`);
    return ExitCode.Unusable;
  }
  const command = await entry.load();
  return runCommand(command, rest);
}

function isClosedPipe(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return cause?.code === 'EPIPE';
}

/** Where an error came from; its message, which may hold anything, in one line. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  return [plainMessage(`${error.name}: ${error.message}`), ...frames].join('\n');
}

async function answer(words: readonly string[]): Promise<number> {
  try {
    return await carryOut(words);
  } catch (error) {
    // Whoever reads our output has had enough (`| head`): that is no failure.
    if (isClosedPipe(error)) return ExitCode.Done;
    if (error instanceof VtepError) say(`vtep: ${error.message}`);
    else sayLines(`vtep: internal error: ${stackOf(error)}`);
    return ExitCode.Unusable;
  }
}

/**
 * Carries out a call of the command line.
 * @param words what stands behind the program's name
 * @param streams what it writes to, captures on standard output apart; the process's own if not said
 * @returns the exit code
 */
export function run(words: readonly string[], streams?: Streams): Promise<number> {
  return streams === undefined ? answer(words) : withStreams(streams, () => answer(words));
}
