/** Runs the command line: as a process, or within the test process, which takes a tenth of the time. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { run } from '../../src/cli/program.js';
import type { Screen } from '../../src/cli/streams.js';
import { ROOT } from '../repository.js';

/** The outcome of an invocation. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The outcome of a process. */
export interface ProcessOutcome extends Outcome {
  readonly stdoutBytes: Buffer;
}

/** The entry point of the command line. */
export const MAIN = join(ROOT, 'dist/cli/main.js');

/** The same before it is bundled, for tests that watch its modules. */
export const UNBUNDLED_MAIN = join(ROOT, 'dist/src/cli/main.js');

/** Width at which no table is shortened and no line wrapped. */
const WIDE = 1000;

/** Ten times what the slowest invocation takes. */
const TIMEOUT_MS = 120_000;

/**
 * Runs `vtep` as a process with arguments and standard input. Retries once if the process hangs: one of many thousand
 * starts of Node was seen to hang while loading modules. If it hangs again, the status is null.
 * @param env variables to set, or to remove if undefined. Default: a wide screen
 */
export function vtepProcess(
  words: readonly string[],
  input?: Uint8Array,
  env: NodeJS.ProcessEnv = { COLUMNS: String(WIDE) },
): ProcessOutcome {
  const start = (): ReturnType<typeof spawnSync> & { stdout: Buffer; stderr: Buffer } =>
    spawnSync(process.execPath, [MAIN, ...words], {
      ...(input === undefined ? {} : { input }),
      maxBuffer: 1 << 28,
      timeout: TIMEOUT_MS,
      cwd: ROOT,
      env: { ...process.env, ...env },
    });
  const first = start();
  const hung = (first.error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT';
  const { status, stdout, stderr } = hung ? start() : first;
  return { status, stdout: stdout.toString(), stderr: stderr.toString(), stdoutBytes: stdout };
}

/**
 * Runs `vtep` in this process. Not for commands that read standard input or write captures to standard output.
 * @param screen how results and diagnostics are shown. Default: on a wide screen, without colour
 */
export async function vtep(words: readonly string[], screen: Partial<Screen> = {}): Promise<Outcome> {
  const written = { stdout: '', stderr: '' };
  const decoder = new TextDecoder();
  const status = await run(words, {
    output: (bytes) => void (written.stdout += decoder.decode(bytes, { stream: true })),
    warnings: (text) => void (written.stderr += text),
    outputScreen: { columns: WIDE, named: true, colour: false, terminal: false, ...screen },
    warningsScreen: { columns: WIDE, named: true, colour: false, terminal: false, ...screen },
  });
  return { status, ...written };
}

/** A temporary directory, removed after the test file. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
