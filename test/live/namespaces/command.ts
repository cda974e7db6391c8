/** Runs the programs that configure Linux networking. */
import { spawnSync } from 'node:child_process';

/** A hundred times what a quiet machine needs; on a busy one, a program takes seconds to start. */
const TIMEOUT_MS = 60_000;

/** Environment for untranslated output. */
export const ENVIRONMENT = { ...process.env, LC_ALL: 'C' };

/**
 * Runs a program and returns its standard output.
 *
 * @param input its standard input
 * @param timeout milliseconds until it is ended
 * @throws {Error} with the command line and the program's message, if it fails or is missing
 */
export function command(words: readonly string[], input: string | Uint8Array = '', timeout = TIMEOUT_MS): string {
  const [program = '', ...rest] = words;
  const { status, signal, stdout, stderr, error } = spawnSync(program, rest, {
    encoding: 'utf8',
    env: ENVIRONMENT,
    input,
    timeout,
  });
  if (error !== undefined) throw new Error(`${words.join(' ')}: ${error.message}`);
  if (status === 0) return stdout;
  throw new Error(`${words.join(' ')}: ${stderr.trim() || `ended with ${signal ?? `exit code ${String(status)}`}`}`);
}
