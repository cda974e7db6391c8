/** A `vtep worker` as a process, which can be killed in the middle of a job. Linux: what a process does is read from /proc. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from '../../../test/repository.js';

/** The command line, as it is installed. */
export const MAIN = join(ROOT, 'dist/cli/main.js');

/** Milliseconds between looks at a process. */
const LOOK_EVERY = 5;

/** A worker. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  /** What it printed, in lines. */
  readonly lines: string[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts one, and waits until it waits for jobs. */
  static async start(address: string, options: readonly string[] = []): Promise<WorkerProcess> {
    const args = [MAIN, 'worker', '--fleet', address, '--jobs', '1', ...options];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const worker = new WorkerProcess(child);
    const input = createInterface({ input: child.stderr });
    input.on('line', (line) => worker.lines.push(line));
    await Promise.race([once(input, 'line'), once(input, 'close')]);
    if (!worker.lines[0]?.includes('waiting for jobs')) throw new Error(`no worker: ${worker.lines.join('\n')}`);
    return worker;
  }

  /** Stops it in the middle of a job: while it has a capture open. Until it is killed, it says nothing more. */
  async stopAtWork(): Promise<void> {
    for (;;) {
      while (!this.#isAtWork()) await sleep(LOOK_EVERY);
      // Standing still, it can't end the job in the meantime.
      this.#child.kill('SIGSTOP');
      await this.#stopped();
      if (this.#isAtWork()) return;
      this.#child.kill('SIGCONT');
    }
  }

  /** Ends it by a signal. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const end = once(child, 'close');
    child.kill(signal);
    await end;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /** User and system time so far, in seconds. */
  cpuSeconds(): number {
    return cpuSecondsOf(this.#child.pid ?? 0);
  }

  #isAtWork(): boolean {
    const folder = `/proc/${this.#child.pid ?? 0}/fd`;
    return readdirSync(folder).some((name) => {
      try {
        return /vtep-job-|\.pcap/.test(readlinkSync(join(folder, name)));
      } catch {
        // It was closed meanwhile.
        return false;
      }
    });
  }

  async #stopped(): Promise<void> {
    const tasks = `/proc/${this.#child.pid ?? 0}/task`;
    const runs = (task: string): boolean => !/\) T /.test(readFileSync(join(tasks, task, 'stat'), 'utf8'));
    while (readdirSync(tasks).some(runs)) await sleep(1);
  }
}

/** User and system time of a process so far, in seconds. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Clock ticks are 1/100 s on every architecture that Node runs on.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
