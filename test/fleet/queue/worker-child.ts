/** Starts and ends worker processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type NatsQueueOptions } from '../../../src/fleet/index.js';
import { ROOT } from '../../repository.js';

const PROGRAM = join(ROOT, 'dist/test/fleet/queue/worker-process.js');

export class WorkerChild {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #exit: Promise<unknown>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#process = child;
    this.#lines = lines;
    this.#exit = once(child, 'exit');
  }

  static async start(address: string, name: string, options: NatsQueueOptions): Promise<WorkerChild> {
    const child = spawn(process.execPath, [PROGRAM, address, name, JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const worker = new WorkerChild(child, lines);
    await worker.says('ready');
    return worker;
  }

  /** Waits for a line, and ignores others before it. */
  async says(line: string): Promise<void> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`the worker ended before it said "${line}"`);
      if (value === line) return;
    }
  }

  /** Ends what a job waits for. */
  go(): void {
    this.#process.stdin?.write('go\n');
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Waits until it has ended by itself. */
  async ended(): Promise<void> {
    await this.#exit;
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await this.#exit;
  }
}
