/** Calls the command line: as a user does, or in the test's own process, which takes a tenth of the time. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { run } from '../../src/cli/program.js';
import { ROOT } from '../repository.js';

/** What a call did. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a process did. */
export interface ProcessOutcome extends Outcome {
  readonly stdoutBytes: Buffer;
}

/** Where the command line starts. */
export const MAIN = join(ROOT, 'dist/src/cli/main.js');

/** No call takes a tenth of it. */
const TIMEOUT_MS = 120_000;

/**
 * Runs `vtep` as a process with words, and with bytes on its standard input. A call that hangs is made once more: of many thousand starts
 * of Node one was seen to wait for ever while it loaded modules. One that hangs again has no status.
 */
export function vtepProcess(words: readonly string[], input?: Uint8Array): ProcessOutcome {
  const start = (): ReturnType<typeof spawnSync> & { stdout: Buffer; stderr: Buffer } =>
    spawnSync(process.execPath, [MAIN, ...words], {
      ...(input === undefined ? {} : { input }),
      maxBuffer: 1 << 28,
      timeout: TIMEOUT_MS,
      cwd: ROOT,
    });
  const first = start();
  const hung = (first.error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT';
  const { status, stdout, stderr } = hung ? start() : first;
  return { status, stdout: stdout.toString(), stderr: stderr.toString(), stdoutBytes: stdout };
}

/** Runs `vtep` with words in this process. What reads standard input or writes captures to standard output can't be. */
export async function vtep(words: readonly string[]): Promise<Outcome> {
  const written = { stdout: '', stderr: '' };
  const decoder = new TextDecoder();
  const status = await run(words, {
    output: (bytes) => void (written.stdout += decoder.decode(bytes, { stream: true })),
    remarks: (text) => void (written.stderr += text),
  });
  return { status, ...written };
}

/** A folder that is gone after the test file. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
