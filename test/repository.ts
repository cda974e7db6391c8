/** Where things are, for tests that run from the build folder. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

function rootAbove(start: string): string {
  let folder = start;
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/** The folder that holds package.json. */
export const ROOT = rootAbove(dirname(fileURLToPath(import.meta.url)));

/** A recording by its path below fixtures/. */
export function fixture(path: string): string {
  return resolve(ROOT, 'fixtures', path);
}

/**
 * Why a test that needs a program is passed over, or false if the program is there. In CI nothing is passed over: what is
 * missing there fails the test.
 */
export function missing(program: string): string | false {
  if (process.env['CI'] === 'true') return false;
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined
    ? false
    : `${program} is not installed`;
}
