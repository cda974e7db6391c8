/**
 * Detects names that another user may have planted at an output path: links, pipes and devices in world-writable
 * directories.
 */
import { lstatSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

const ROOT = 0;
/** Mode bit: writable by others. */
const WORLD_WRITABLE = 0o002;

/**
 * Whether another user put a link, pipe or device at this path, in a world-writable directory. Same rule as the
 * kernel's fs.protected_symlinks and fs.protected_fifos. A regular file needs no such check: it is replaced, not
 * opened.
 */
export function isForeign(path: string): boolean {
  const own = process.geteuid?.();
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (own === undefined || found === undefined || found.isFile() || found.uid === own || found.uid === ROOT) {
    return false;
  }
  return (statSync(dirname(path)).mode & WORLD_WRITABLE) !== 0;
}

/** Whether both names refer to the same file. */
export function isSameFile(one: Stats | undefined, other: Stats | undefined): boolean {
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino;
}
