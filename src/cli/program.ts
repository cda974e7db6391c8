/** The command line: runs the named command, and reports errors in one line. */
import { VtepError } from '../error.js';
import { plainMessage } from '../text/plain-text.js';
import { print } from './command.js';
import { ExitCode } from './exit-code.js';
import { type Streams, withStreams } from './streams.js';
import { say, sayLines } from './text-output.js';

const VERSION = ['--version', '-V', '-v', 'version'];

async function carryOut(args: readonly string[]): Promise<number> {
  if (args.length === 1 && VERSION.includes(args[0])) {
    print((await import('./version.js')).version());
    return ExitCode.Done;
  }
  const { COMMANDS } = await import('./commands.js');
  if (args.length > 0) return (await import('./command-line.js')).runCommandLine(COMMANDS, args);
  const { currentHelpWidth, groupHelp } = await import('./help.js');
  sayLines(groupHelp('vtep', COMMANDS, currentHelpWidth()));
  return ExitCode.Unusable;
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
