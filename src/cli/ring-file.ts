/** A key ring's file: written whole or not at all, for its owner alone. */
import { fchownSync, lstatSync, realpathSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { isForeign } from '../capture/foreign-file.js';
import { clearPartFilesOf, PartFile } from '../capture/part-file.js';
import { VtepError } from '../error.js';
import { FileLock } from '../live/file-lock.js';
import { syncFolder } from '../live/sync-folder.js';
import { UsageError } from './arguments.js';
import { removeWhenEnded, sayLeftovers } from './output.js';

/** What a ring's file may take the place of. */
export const RingFileMode = {
  /** Of nothing: there must be no such file. */
  New: 'new',
  /** Of a file, whoever's it was. */
  Overwrite: 'overwrite',
  /** Of a file that is there, or that a link stands for. It stays its owner's: a daemon's, whose keys root rotates. */
  Replace: 'replace',
} as const;
export type RingFileMode = (typeof RingFileMode)[keyof typeof RingFileMode];

/**
 * Writes a ring's file. One that is there is replaced at once, so that whoever reads it gets the old ring or the new one,
 * and with what mode it had doesn't matter. Removes what a killed process left unfinished of it, since that holds keys.
 * @throws UsageError
 */
export function writeRing(path: string, text: string, mode: RingFileMode): void {
  try {
    const place = mode === RingFileMode.Replace ? realpathSync(path) : path;
    const before = lstatSync(place, { throwIfNoEntry: false });
    if (mode === RingFileMode.New && before !== undefined) throw new UsageError(thereAlready(path));
    if (before?.isFile() === false) throw new UsageError(`${path}: it is no file; name another`);
    sayLeftovers(clearPartFilesOf(place));
    removeWhenEnded();
    const part = new PartFile(place, true);
    try {
      if (mode === RingFileMode.Replace && before !== undefined) giveTo(part.descriptor, before);
      part.write(new TextEncoder().encode(text));
      if (mode === RingFileMode.New) part.create();
      else part.replace();
    } finally {
      part.abandon();
    }
    syncFolder(dirname(place));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new UsageError(thereAlready(path));
    throw new UsageError(`${path}: ${code === 'ENOENT' ? 'there is no such folder' : `can't be written (${code})`}`);
  }
}

/**
 * Calls `change` while no other process rewrites the ring's file: of two rotations at once, the later would undo the
 * earlier.
 * @throws UsageError if another process does, or if a link to the ring is somebody else's
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
  let place: string;
  try {
    if (isForeign(path)) {
      throw new UsageError(`${path}: somebody else's link in a folder that everybody can write; name the ring itself`);
    }
    place = realpathSync(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // Reading it says what is wrong.
    return undefined;
  }
  try {
    return new FileLock(place);
  } catch (error) {
    if (error instanceof VtepError) throw new UsageError(error.message);
    throw error;
  }
}

function thereAlready(path: string): string {
  return `${path}: it is there already; --force overwrites it`;
}

function giveTo(file: number, { uid, gid }: Stats): void {
  if (uid !== process.getuid?.()) fchownSync(file, uid, gid);
}
