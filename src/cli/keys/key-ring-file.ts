/** Key ring files: written atomically, readable only by their owner. */
import { fchownSync, lstatSync, realpathSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { isForeign } from '../../capture/file/foreign-file.js';
import { clearPartFilesOf, PartFile, syncFolder } from '../../capture/file/part-file.js';
import { VtepError } from '../../error.js';
import { FileLock } from '../../live/state/file-lock.js';
import { UsageError } from '../usage-error.js';
import { removeWhenEnded, sayLeftovers } from '../output.js';

/** What a ring file may replace. */
export const RingFileMode = {
  /** Nothing: the file must not exist. */
  New: 'new',
  /** Any file, whoever owns it. */
  Overwrite: 'overwrite',
  /** An existing file, or the target of a link. Keeps the owner, so that root can rotate a daemon's keys. */
  Replace: 'replace',
} as const;
export type RingFileMode = (typeof RingFileMode)[keyof typeof RingFileMode];

/**
 * Writes a ring file. An existing file is replaced atomically, so that readers get either the old ring or the new one;
 * its mode doesn't matter. Removes unfinished copies that a killed process left, since they contain keys.
 * @throws UsageError
 */
export function writeRing(path: string, text: string, mode: RingFileMode): void {
  try {
    const target = mode === RingFileMode.Replace ? realpathSync(path) : path;
    const before = lstatSync(target, { throwIfNoEntry: false });
    if (mode === RingFileMode.New && before !== undefined) throw new UsageError(thereAlready(path));
    if (before?.isFile() === false) throw new UsageError(`${path}: not a regular file; choose another path`);
    sayLeftovers(clearPartFilesOf(target));
    removeWhenEnded();
    const part = new PartFile(target, true);
    try {
      if (mode === RingFileMode.Replace && before !== undefined) giveTo(part.descriptor, before);
      part.write(new TextEncoder().encode(text));
      if (mode === RingFileMode.New) part.create();
      else part.replace();
    } finally {
      part.abandon();
    }
    syncFolder(dirname(target));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new UsageError(thereAlready(path));
    throw new UsageError(`${path}: ${code === 'ENOENT' ? 'no such directory' : `can't be written (${code})`}`);
  }
}

/**
 * Calls `change` under a lock on the ring file: of two concurrent rotations, the later would undo the earlier.
 * @throws UsageError if another process holds the lock, or a link to the ring belongs to another user
 */
export function withRingLocked<T>(path: string, change: () => T): T {
  const lock = lockRing(path);
  try {
    return change();
  } finally {
    lock?.release();
  }
}

function lockRing(path: string): FileLock | undefined {
  let target: string;
  try {
    if (isForeign(path)) {
      throw new UsageError(`${path}: another user's link in a world-writable directory; name the ring file itself`);
    }
    target = realpathSync(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // Reading the file reports the error.
    return undefined;
  }
  try {
    return new FileLock(target);
  } catch (error) {
    if (error instanceof VtepError) throw new UsageError(error.message);
    throw error;
  }
}

function thereAlready(path: string): string {
  return `${path}: already exists; --force overwrites it`;
}

function giveTo(file: number, { uid, gid }: Stats): void {
  if (uid !== process.getuid?.()) fchownSync(file, uid, gid);
}
