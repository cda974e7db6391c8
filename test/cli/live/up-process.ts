/** `vtep up` or another command as a process that runs alongside the test. */
import { type ChildProcessByStdio, spawn, type SpawnOptions } from 'node:child_process';
import type { Readable } from 'node:stream';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAIN, type Outcome } from '../run.js';

/** Ten times what the slowest start takes. */
const PATIENCE = 20_000;

const running = new Set<UpProcess>();
const killAll = (): void => running.forEach((up) => up.signal('SIGKILL'));
process.once('exit', killAll);
// Also after a failed test, which would otherwise wait for its process.
after(killAll);

/** A running `vtep up`. */
export class UpProcess {
  readonly ended: Promise<Outcome & { readonly signal: NodeJS.Signals | null }>;
  stdout = '';
  stderr = '';
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #running = true;

  /**
   * @param main alternative path of the entry point
   * @param command another command than `up`
   */
  constructor(words: readonly string[], options: SpawnOptions = {}, main = MAIN, command = 'up') {
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    this.#child = spawn(process.execPath, [main, command, ...words], { ...options, stdio });
    for (const stream of ['stdout', 'stderr'] as const) {
      this.#child[stream].setEncoding('utf8').on('data', (text: string) => void (this[stream] += text));
    }
    this.ended = new Promise((done) => {
      this.#child.once('close', (status, signal) => {
        this.#running = false;
        running.delete(this);
        done({ status, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
    running.add(this);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /**
   * Waits until it has printed a matching line so many times, and returns the last one.
   * @throws if it exits before that, or takes too long
   */
  async said(pattern: RegExp, times = 1): Promise<string> {
    const found = (): string[] => this.stderr.match(new RegExp(pattern.source, `${pattern.flags}g`)) ?? [];
    for (let waited = 0; found().length < times; waited += 10) {
      if (waited > PATIENCE || (!this.#running && found().length < times)) {
        this.signal('SIGKILL');
        throw new Error(`it did not say ${String(pattern)} ${times} times: ${this.stdout}${this.stderr}`);
      }
      await sleep(10);
    }
    return found().at(-1) ?? '';
  }

  /** Waits for it to exit, after an optional signal. Kills it if it keeps running. */
  async end(signal?: NodeJS.Signals): Promise<Outcome & { readonly signal: NodeJS.Signals | null }> {
    if (signal !== undefined) this.signal(signal);
    const timer = setTimeout(() => this.signal('SIGKILL'), PATIENCE);
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }
}
