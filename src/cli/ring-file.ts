/** A key ring's file: written whole or not at all, for its owner alone. */
import {
  closeSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { syncFolder } from '../live/sync-folder.js';
import { UsageError } from './arguments.js';

const OWNER_ONLY = 0o600;

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
 * and with what mode it had doesn't matter.
 * @throws UsageError
 */
export function writeRing(path: string, text: string, mode: RingFileMode): void {
  const isNew = mode === RingFileMode.New;
  try {
    const place = mode === RingFileMode.Replace ? realpathSync(path) : path;
    const target = isNew ? place : `${place}.part-${process.pid}`;
    const before = isNew ? undefined : lstatSync(place, { throwIfNoEntry: false });
    if (before?.isFile() === false) throw new UsageError(`${path}: it is no file; name another`);
    const file = openSync(target, 'wx', OWNER_ONLY);
    try {
      if (mode === RingFileMode.Replace && before !== undefined) giveTo(file, before);
      writeFileSync(file, text);
      fsyncSync(file);
      if (!isNew) renameSync(target, place);
      syncFolder(dirname(place));
    } catch (error) {
      rmSync(target, { force: true });
      throw error;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') {
      const beside = isNew
        ? 'it is there already; --force overwrites it'
        : `${path}.part-${process.pid} is there; remove it`;
      throw new UsageError(`${path}: ${beside}`);
    }
    throw new UsageError(`${path}: ${code === 'ENOENT' ? 'there is no such folder' : `can't be written (${code})`}`);
  }
}

function giveTo(file: number, { uid, gid }: Stats): void {
  if (uid !== process.getuid?.()) fchownSync(file, uid, gid);
}
