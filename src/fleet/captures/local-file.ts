/** Opens the files of jobs that name a path, and no others. */
import { closeSync, constants, fstatSync, openSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, relative, sep } from 'node:path';
import { inQuotes } from '../../text/plain-text.js';
import type { JobFile } from './capture-job.js';
import { CaptureJobError } from './error.js';

/** An open file, which a thread reads at positions of its own. */
export interface OpenFile {
  readonly descriptor: number;
  /** Its size when the job was made. */
  readonly size: number;
  /** @throws CaptureJobError `FILE_CHANGED` */
  check(): void;
  close(): void;
}

type PathFile = Extract<JobFile, { where: 'path' }>;

/**
 * A path as a job names it: its real path, size and time of change.
 * @throws CaptureJobError `FILE_REFUSED`
 */
export function pathFile(path: string): PathFile {
  try {
    const real = realpathSync(path);
    const { size, mtimeNs } = statSync(real, { bigint: true });
    return { where: 'path', path: real, size: Number(size), modified: String(mtimeNs) };
  } catch (error) {
    throw unreadable(path, error);
  }
}

/**
 * The size of a file of this host, in bytes.
 * @throws CaptureJobError `FILE_REFUSED`
 */
export function fileSize(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** What the system said of a file that could be read a moment ago; any other error as it is. */
export function unreadable(path: string, error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall === undefined ? error : refused(`${inQuotes(path)} can't be read (${String(code)})`);
}

/**
 * Opens a file that a job names.
 * @param root the folder that has all files that jobs may name, as `realpath` gives it; undefined: they may name none
 * @throws CaptureJobError `FILE_REFUSED`, `FILE_CHANGED`
 */
export function openPathFile(file: PathFile, root: string | undefined): OpenFile {
  if (root === undefined) {
    throw refused('this worker reads no files of its own host: start it with --root, or upload the captures');
  }
  if (!isAbsolute(file.path)) throw refused(`${inQuotes(file.path)} is not an absolute path`);
  const descriptor = opened(file.path, root);
  const open: OpenFile = {
    descriptor,
    size: file.size,
    check: () => checkUnchanged(descriptor, file),
    close: () => closeSync(descriptor),
  };
  try {
    open.check();
    return open;
  } catch (error) {
    open.close();
    throw error;
  }
}

/** The path is checked after it was opened, as it was opened: a link that is swapped meanwhile leads nowhere else. */
function opened(path: string, root: string): number {
  const outside = refused(`${inQuotes(path)} is not a file below the folder of --root`);
  let descriptor: number | undefined;
  try {
    // What is outside isn't even opened: opening a device may have effects.
    if (!isBelow(realpathSync(path), root)) throw outside;
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(descriptor).isFile() || !isBelow(pathOf(descriptor, path), root)) throw outside;
    return descriptor;
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    if (error instanceof CaptureJobError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    // Who asked learns why a file can't be opened only if it is below the root: not which others exist.
    throw isBelow(path, root) ? refused(`${inQuotes(path)} can't be read (${String(code)})`) : outside;
  }
}

/** The real path of an open file. */
function pathOf(descriptor: number, path: string): string {
  if (process.platform === 'linux') return readlinkSync(`/proc/self/fd/${descriptor}`);
  const real = realpathSync(path);
  const [named, open] = [statSync(real), fstatSync(descriptor)];
  if (named.dev !== open.dev || named.ino !== open.ino) throw refused(`${inQuotes(path)} was replaced`);
  return real;
}

function isBelow(path: string, root: string): boolean {
  const below = relative(root, path);
  return below !== '' && below !== '..' && !below.startsWith(`..${sep}`) && !isAbsolute(below);
}

function checkUnchanged(descriptor: number, { path, size, modified }: PathFile): void {
  const now = fstatSync(descriptor, { bigint: true });
  if (Number(now.size) === size && String(now.mtimeNs) === modified) return;
  throw new CaptureJobError('FILE_CHANGED', `${inQuotes(path)} isn't as it was when the job was made`);
}

function refused(message: string): CaptureJobError {
  return new CaptureJobError('FILE_REFUSED', message);
}
