/** The command line: runs the named command, and reports errors in one line. */
import { VtepError } from '../error.js';
import { inQuotes, plainMessage } from '../text/plain-text.js';
import { type Command, print, runCommand } from './command.js';
import { ExitCode } from './exit-code.js';
import { type Streams, withStreams } from './streams.js';
import { say, sayLines } from './text-output.js';

// Loaded on demand, so that `--help` doesn't wait for what only one command needs.
const COMMANDS: Readonly<Record<string, { summary: string; load: () => Promise<Command> }>> = {
  inspect: {
    summary: 'shows what a capture contains: networks, VTEPs, SPIs, problems',
    load: async () => (await import('./capture/inspect.js')).inspectCommand,
  },
  decap: {
    summary: "extracts the containers' frames from a capture of the underlay",
    load: async () => (await import('./capture/decap.js')).decapCommand,
  },
  encap: {
    summary: "encapsulates the containers' frames as a node sends them",
    load: async () => (await import('./replay/encap.js')).encapCommand,
  },
  replay: {
    summary: 'runs a capture through the whole data plane and back, and compares',
    load: async () => (await import('./replay/replay.js')).replayCommand,
  },
  up: {
    summary: 'runs this host as a node of an overlay, on sockets and TAP devices',
    load: async () => (await import('./live/up.js')).upCommand,
  },
  capture: {
    summary: 'captures packets of a device: as tables, a file, or inner frames',
    load: async () => (await import('./capture/capture.js')).captureCommand,
  },
  inject: {
    summary: 'sends the packets of a capture to a device at a chosen pace',
    load: async () => (await import('./live/inject.js')).injectCommand,
  },
  keys: {
    summary: 'manages key rings and SPIs, and finds them in captures',
    load: async () => (await import('./keys/keys.js')).keysCommand,
  },
  demo: {
    summary: 'shows what vtep does, with a capture of a real swarm',
    load: async () => (await import('./demo.js')).demoCommand,
  },
  bench: {
    summary: 'measures the data plane stage by stage, clear and encrypted',
    load: async () => (await import('./bench.js')).benchCommand,
  },
  mtu: {
    summary: 'computes the MTU inside an overlay, and what Docker sets',
    load: async () => (await import('./mtu.js')).mtuCommand,
  },
};

function help(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}`);
  return `vtep COMMAND [OPTIONS]

A VXLAN and IPsec data plane for overlay networks such as Docker Swarm's.

Commands:
${commands.join('\n')}

See vtep COMMAND --help for details. Results go to standard output, diagnostics
to standard error.

Exit status: 0 done; 1 done, but something is wrong with the data (--strict);
2 usage error or unreadable file. Ctrl-C, SIGTERM and SIGHUP terminate a command
by that signal (130, 143 and 129 to a shell) and leave no partial output files.
up, capture and inject stop cleanly on Ctrl-C and SIGTERM, with their totals.`;
}

async function carryOut(args: readonly string[]): Promise<number> {
  if (args.length === 0) {
    sayLines(help());
    return ExitCode.Unusable;
  }
  const [name, ...rest] = args;
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
    say(`vtep: unknown command ${inQuotes(name)}; see: vtep --help`);
    return ExitCode.Unusable;
  }
  const command = await entry.load();
  return runCommand(command, rest);
}

function isClosedPipe(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return cause?.code === 'EPIPE';
}

/** The stack of an error, with its message, which may contain anything, in one line. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  return [plainMessage(`${error.name}: ${error.message}`), ...frames].join('\n');
}

async function answer(args: readonly string[]): Promise<number> {
  try {
    return await carryOut(args);
  } catch (error) {
    // The reader of our output closed the pipe (`| head`), which is not a failure.
    if (isClosedPipe(error)) return ExitCode.Done;
    if (error instanceof VtepError) say(`vtep: ${error.message}`, 'red');
    else sayLines(`vtep: internal error: ${stackOf(error)}`);
    return ExitCode.Unusable;
  }
}

/**
 * Runs the command line.
 * @param args the arguments after the program's name
 * @param streams where text output goes (captures always go to the process's standard output). Default: the process's
 * @returns the exit code
 */
export function run(args: readonly string[], streams?: Streams): Promise<number> {
  return streams === undefined ? answer(args) : withStreams(streams, () => answer(args));
}
