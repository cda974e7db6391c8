/** Runs nft, the program of nftables (nft(8)). */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { plain } from '../../text/plain-text.js';
import { LiveError } from '../error.js';

/** Where it is: on the path, or where Debian has it, which the path of a user without privileges lacks. */
const PROGRAMS = ['nft', '/usr/sbin/nft'];
/** A thousand times what it needs. */
const TIMEOUT_MS = 20_000;
const MAX_OUTPUT = 1 << 20;
const MAX_MESSAGE = 300;

/** What nft printed, and how it ended. */
interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Invocations of nft, one at a time. */
export class Nft {
  readonly #programs: readonly string[];
  readonly #timeout: number;
  #running: ChildProcess | undefined;

  /**
   * @param programs names or paths to try. Default: nft, /usr/sbin/nft
   * @param timeout in milliseconds, after which it is killed
   */
  constructor(programs: readonly string[] = PROGRAMS, timeout = TIMEOUT_MS) {
    this.#programs = programs;
    this.#timeout = timeout;
  }

  /**
   * Runs it without blocking this thread.
   * @param input its standard input
   * @returns its standard output
   * @throws LiveError `FIREWALL_UNAVAILABLE`, `NOT_PERMITTED`, `FIREWALL_REFUSED`
   */
  async run(args: readonly string[], input = ''): Promise<string> {
    for (const program of this.#programs) {
      const ended = await this.#start(program, args, input);
      if (ended !== undefined) return outputOf(ended);
    }
    throw absent();
  }

  /**
   * Runs it, and blocks this thread meanwhile: at the end of the process. A running invocation is killed first.
   * @throws LiveError as `run`
   */
  runNow(args: readonly string[], input = ''): string {
    this.#running?.kill('SIGKILL');
    for (const program of this.#programs) {
      const { error, status, stdout, stderr } = spawnSync(program, args, {
        encoding: 'utf8',
        input,
        env: environment(),
        timeout: this.#timeout,
        killSignal: 'SIGKILL',
        maxBuffer: MAX_OUTPUT,
      });
      if (error === undefined) return outputOf({ status, stdout, stderr });
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw failed(error);
    }
    throw absent();
  }

  /** Resolves with undefined if there is no such program. */
  #start(program: string, args: readonly string[], input: string): Promise<Ended | undefined> {
    return new Promise((done, fail) => {
      const child = spawn(program, args, {
        env: environment(),
        stdio: 'pipe',
        timeout: this.#timeout,
        killSignal: 'SIGKILL',
      });
      this.#running = child;
      const output = { stdout: '', stderr: '' };
      for (const stream of ['stdout', 'stderr'] as const) {
        child[stream].setEncoding('utf8').on('data', (text: string) => {
          if (output[stream].length < MAX_OUTPUT) output[stream] += text;
        });
      }
      child.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') done(undefined);
        else fail(failed(error));
      });
      child.once('exit', (status) => {
        // A process that it started may still hold the pipes: `close` would wait for that one.
        if (status !== null) return;
        child.stdout.destroy();
        child.stderr.destroy();
      });
      child.once('close', (status) => {
        if (this.#running === child) this.#running = undefined;
        done({ status, ...output });
      });
      // It may end without reading its input; its exit status then says why.
      child.stdin.on('error', () => undefined).end(input);
    });
  }
}

/** Messages are matched, so they must not be translated. */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: 'C' };
}

function outputOf({ status, stdout, stderr }: Ended): string {
  if (status === 0) return stdout;
  if (status === null) throw new LiveError('FIREWALL_UNAVAILABLE', 'nft was killed or took too long');
  const said = stderr.trim().split('\n')[0].slice(0, MAX_MESSAGE);
  const message = said === '' ? `exit status ${status}` : plain(said);
  if (/not permitted|permission denied/i.test(stderr)) {
    throw new LiveError(
      'NOT_PERMITTED',
      `can't change the host's rules: ${message}: run as root, or with CAP_NET_ADMIN`,
    );
  }
  throw new LiveError('FIREWALL_REFUSED', `nft rejected the host's rules: ${message}`);
}

function absent(): LiveError {
  return new LiveError('FIREWALL_UNAVAILABLE', "nft isn't installed (Debian: nftables)");
}

function failed(error: Error): LiveError {
  return new LiveError('FIREWALL_UNAVAILABLE', plain(`can't run nft: ${error.message}`), { cause: error });
}
