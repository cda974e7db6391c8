/** Programs of the benchmark: started on a core and in a namespace of their own, and ended with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { VtepError } from '../../src/error.js';
import { installed } from '../live/requirements.js';
import { processTime } from '../live/process-time.js';

/** A program didn't do what the benchmark needs. */
export class MeshBenchError extends VtepError<'NOT_STARTED' | 'FAILED'> {}

/** Where a program runs. */
export interface Place {
  /** Name of a network namespace in `ip netns`; undefined for this process's own. */
  readonly namespace: string | undefined;
  /** Index of a core, if there is more than one. */
  readonly core: number;
}

const START_MS = 5000;
const LISTEN = '0A';
const running = new Set<ChildProcess>();
const isPinned = availableParallelism() > 1 && installed('taskset');

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** Starts a program whose output is piped. */
export function startIn({ namespace, core }: Place, words: readonly string[]): ChildProcess {
  const [program, ...args] = [
    ...(namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]),
    ...(isPinned ? ['taskset', '-c', String(core)] : []),
    ...words,
  ];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.once('close', () => running.delete(child));
  child.once('error', () => running.delete(child));
  return child;
}

/** Runs a program to its end. @returns its standard output */
export async function runIn(place: Place, words: readonly string[]): Promise<string> {
  const child = startIn(place, words);
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new MeshBenchError('FAILED', `${words[0]}: ${lastLine(stderr) || `exit ${status}`}`);
  return stdout;
}

/** A server that runs. */
export class Server {
  readonly name: string;
  readonly #child: ChildProcess;

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
  }

  /**
   * Starts a server, and waits until it listens.
   * @throws MeshBenchError with the end of what it says, if it doesn't
   */
  static async start(name: string, place: Place, port: number, words: readonly string[]): Promise<Server> {
    const child = startIn(place, words);
    let said = '';
    child.stdout?.resume();
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4096)));
    let failure: string | undefined;
    child.once('error', ({ message }) => (failure = message));
    child.once('exit', () => {
      failure ??= lastLine(said) || 'it ended';
    });
    const end = performance.now() + START_MS;
    while (performance.now() < end) {
      await sleep(20);
      if (failure !== undefined) throw new MeshBenchError('NOT_STARTED', failure);
      if (child.pid !== undefined && listens(child.pid, port)) return new Server(name, child);
    }
    child.kill('SIGKILL');
    throw new MeshBenchError('NOT_STARTED', `it doesn't listen after ${START_MS} ms`);
  }

  /** CPU seconds so far. */
  get cpu(): number {
    return this.#child.pid === undefined ? 0 : processTime(this.#child.pid);
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

/** Whether a socket of a process's namespace listens on a TCP port. */
function listens(pid: number, port: number): boolean {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  try {
    return readFileSync(`/proc/${pid}/net/tcp`, 'latin1')
      .split('\n')
      .some((line) => {
        const [, local = '', , state] = line.trim().split(/\s+/);
        return state === LISTEN && local.endsWith(`:${wanted}`);
      });
  } catch {
    return false;
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
