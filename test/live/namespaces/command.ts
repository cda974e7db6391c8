/** Calls the programs that set up Linux networking. */
import { spawnSync } from 'node:child_process';

/** On a quiet machine no call takes a hundredth of it; on a busy one a program alone takes seconds to start. */
const TIMEOUT_MS = 60_000;

/** What programs are told, so that their words are the ones that are looked for here. */
export const ENVIRONMENT = { ...process.env, LC_ALL: 'C' };

/**
 * Runs a program and gives what it wrote to standard output.
 *
 * @param input what it reads from standard input
 * @throws {Error} with the call and the program's own words, if it fails or is not there
 */
export function command(words: readonly string[], input: string | Uint8Array = ''): string {
  const [program = '', ...rest] = words;
  const { status, signal, stdout, stderr, error } = spawnSync(program, rest, {
    encoding: 'utf8',
    env: ENVIRONMENT,
    input,
    timeout: TIMEOUT_MS,
  });
  if (error !== undefined) throw new Error(`${words.join(' ')}: ${error.message}`);
  if (status === 0) return stdout;
  throw new Error(`${words.join(' ')}: ${stderr.trim() || `ended with ${signal ?? `exit code ${String(status)}`}`}`);
}
