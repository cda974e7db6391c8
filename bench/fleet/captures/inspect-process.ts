/** `vtep inspect --json` as a process, and what it took. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cpuSecondsOf, MAIN } from './worker-process.js';

/** Milliseconds between looks at a process. */
const LOOK_EVERY = 100;

/** How an inspection ended. */
export interface Inspection {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** From start to end. */
  readonly seconds: number;
  /** User and system time of this process, without that of its workers; to a tenth of a second. */
  readonly cpuSeconds: number;
  /** Most memory it had. */
  readonly residentBytes: number;
}

/** Runs it. */
export async function inspectProcess(paths: readonly string[], options: readonly string[] = []): Promise<Inspection> {
  const from = performance.now();
  const child = spawn(process.execPath, [MAIN, 'inspect', ...paths, '--json', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  let [cpuSeconds, residentBytes] = [0, 0];
  const look = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8');
      residentBytes = 1024 * Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? residentBytes / 1024);
      cpuSeconds = cpuSecondsOf(child.pid ?? 0);
    } catch {
      // It has ended, or the system has no /proc.
    }
  }, LOOK_EVERY);
  await once(child, 'close');
  clearInterval(look);
  const seconds = (performance.now() - from) / 1000;
  return { status: child.exitCode, stdout: Buffer.concat(stdout), stderr, seconds, cpuSeconds, residentBytes };
}
