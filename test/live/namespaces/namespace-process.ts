/** A program that runs in a network namespace alongside the test. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { type Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ENVIRONMENT } from './command.js';

/** Timeout for an expected line, or for the exit after a signal, in milliseconds. */
const PATIENCE_MS = 60_000;

/** How a program exited, and its output. */
export interface Ended {
  /** Its exit code, or null after a signal. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running program. The kernel kills it when the test process is gone, even if that was killed. */
export class NamespaceProcess {
  /** Settles when the program has exited and its output is read. Never rejects. */
  readonly ended: Promise<Ended>;
  readonly #words: readonly string[];
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #written = { stdout: '', stderr: '' };
  #running = true;

  /** Starts a program in the namespace of that name. */
  constructor(namespace: string, words: readonly string[]) {
    this.#words = words;
    const inside = ['ip', 'netns', 'exec', namespace, 'setpriv', '--pdeathsig', 'KILL', ...words];
    this.#child = spawn(inside[0] ?? '', inside.slice(1), { env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of ['stdout', 'stderr'] as const) {
      this.#child[stream].setEncoding('utf8').on('data', (text: string) => void (this.#written[stream] += text));
    }
    this.ended = new Promise((resolve) => {
      const end = (status: number | null, signal: NodeJS.Signals | null): void => {
        this.#running = false;
        resolve({ status, signal, ...this.#written });
      };
      this.#child.once('close', end).once('error', (error) => {
        this.#written.stderr += error.message;
        end(null, null);
      });
    });
  }

  /** Its pid, or undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Whether the program is still running. */
  get running(): boolean {
    return this.#running;
  }

  /** Its standard output so far. */
  get stdout(): string {
    return this.#written.stdout;
  }

  /** Its standard error so far. */
  get stderr(): string {
    return this.#written.stderr;
  }

  /**
   * Waits for a complete line from the program, including earlier ones.
   *
   * @throws {Error} with all of its output, if it exits without such a line or takes too long
   */
  async line(stream: 'stdout' | 'stderr', pattern: RegExp, milliseconds?: number): Promise<string> {
    const find = (): string | undefined =>
      this.#written[stream]
        .split('\n')
        .slice(0, -1)
        .find((line) => pattern.test(line));
    await this.until(() => find() !== undefined, `a line of ${String(pattern)}`, milliseconds);
    return find() ?? '';
  }

  /**
   * Waits until the program's output meets a condition.
   *
   * @param what description of the condition
   * @throws {Error} with all of its output, if it exits before that or takes too long
   */
  async until(wished: () => boolean, what: string, milliseconds = PATIENCE_MS): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        this.#child.stdout.off('data', look);
        this.#child.stderr.off('data', look);
        act();
      };
      const look = (): void => {
        if (wished()) settle(resolve);
      };
      const fail = (why: string): void => settle(() => reject(this.#failure(`${why} ${what}`)));
      const timer = setTimeout(() => fail(`took over ${milliseconds} ms for`), milliseconds);
      this.#child.stdout.on('data', look);
      this.#child.stderr.on('data', look);
      look();
      void this.ended.then(() => {
        look();
        fail('ended without');
      });
    });
  }

  /**
   * Waits for the program to exit.
   *
   * @throws {Error} with all of its output, if it runs on; it is killed then
   */
  async end(milliseconds = PATIENCE_MS): Promise<Ended> {
    const patience = new AbortController();
    const ended = await Promise.race([this.ended, sleep(milliseconds, undefined, { signal: patience.signal })]);
    patience.abort();
    if (ended === undefined) {
      this.kill();
      await this.ended;
      throw this.#failure(`did not end in ${milliseconds} ms`);
    }
    return ended;
  }

  /**
   * Sends a signal and waits for the program to exit. Does nothing if it already has.
   *
   * @throws {Error} with all of its output, if it runs on; it is killed then
   */
  async stop(signal: NodeJS.Signals = 'SIGTERM', milliseconds = PATIENCE_MS): Promise<Ended> {
    this.#child.kill(signal);
    return this.end(milliseconds);
  }

  /** Sends a signal without waiting. */
  signal(signal: NodeJS.Signals): void {
    if (this.#running) this.#child.kill(signal);
  }

  /** Kills the program without waiting. */
  kill(): void {
    this.signal('SIGKILL');
  }

  #failure(why: string): Error {
    return new Error(`${this.#words.join(' ')}: ${why}\nstdout: ${this.stdout}\nstderr: ${this.stderr}`);
  }
}
