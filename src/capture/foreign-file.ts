/** Names that somebody else may have put where our output goes: links, pipes and devices in folders for everybody. */
import { lstatSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

const ROOT = 0;
/** Others may write. */
const WORLD_WRITABLE = 0o002;

/**
 * Whether a link, pipe or device was put under a name by somebody else, in a folder where anybody can put one. The
 * kernel's fs.protected_symlinks and fs.protected_fifos say the same where they are on. A regular file needs no such
 * check: it is replaced, not opened.
 */
export function isForeign(path: string): boolean {
  const own = process.geteuid?.();
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (own === undefined || found === undefined || found.isFile() || found.uid === own || found.uid === ROOT) {
    return false;
  }
  return (statSync(dirname(path)).mode & WORLD_WRITABLE) !== 0;
}

/** Whether two names are of one file. */
export function isSameFile(one: Stats | undefined, other: Stats | undefined): boolean {
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino;
}
