/** Runs and builds other programs. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { VtepError } from '../../src/error.js';
import { CAPTURES, ROOT } from '../captures.js';

/** Timeout for programs that hang, in milliseconds: longer than any of them takes. */
const TIMEOUT = 60_000;

/** Why a program gave no output: it is missing, or it failed. */
export class ProgramError extends VtepError<'PROGRAM_MISSING' | 'PROGRAM_FAILED'> {}

/**
 * Runs a program to its end.
 * @param environment variables in addition to this process's own
 * @returns its standard output
 * @throws ProgramError
 */
export async function call(
  program: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...environment }, maxBuffer: 1 << 28, timeout: TIMEOUT };
    execFile(program, words, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (error.code === 'ENOENT') reject(new ProgramError('PROGRAM_MISSING', `${program} is not installed`));
      else {
        const reason = error.killed === true ? 'it took too long' : stderr.trim().split('\n').at(-1);
        reject(new ProgramError('PROGRAM_FAILED', `${program} failed: ${reason === '' ? error.message : reason}`));
      }
    });
  });
}

/** As `call`, but undefined if the program is missing or fails. */
export async function output(...words: Parameters<typeof call>): Promise<string | undefined> {
  try {
    return await call(...words);
  } catch (error) {
    if (error instanceof ProgramError) return undefined;
    throw error;
  }
}

/**
 * Builds a program in the directory of the captures.
 * @param name the program's name
 * @param compile returns the compiler's arguments for an output path
 * @returns its path
 * @throws ProgramError
 */
export async function build(
  name: string,
  compiler: string,
  compile: (target: string) => readonly string[],
  environment?: Readonly<Record<string, string>>,
): Promise<string> {
  mkdirSync(CAPTURES, { recursive: true });
  const program = join(CAPTURES, name);
  // Build under another name and rename: another run may be using it.
  const target = `${program}.${process.pid}`;
  try {
    await call(compiler, compile(target), environment);
    renameSync(target, program);
  } finally {
    rmSync(target, { force: true });
  }
  return program;
}

/** The installed version of an npm package. By path: not every package exports its package.json. */
export function packageVersion(name: string): string | undefined {
  const path = join(ROOT, 'node_modules', name, 'package.json');
  if (!existsSync(path)) return undefined;
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
