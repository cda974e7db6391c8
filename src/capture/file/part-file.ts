/**
 * Files being written. Each is created exclusively next to its target under an unpredictable name, and renamed over it
 * once complete. The name also identifies the writing process, to distinguish leftovers of a killed process from files
 * still being written.
 */
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, lstatSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { MarkedProcess, markedProcess, processMark } from './process-mark.js';
import { writeAll } from './standard-stream.js';

/** Mode of files that hold keys or decrypted traffic. */
export const OWNER_ONLY = 0o600;
/** Mode of other files, before the umask. */
const ANYBODY = 0o666;
const RANDOM_BYTES = 8;
/** Longest base name in bytes that leaves room for the suffix: a name has at most 255. */
const MAX_BASE = 180;

/** Part files that are neither committed nor removed. */
const unfinished = new Set<PartFile>();

/** Removes all unfinished part files of this process. */
export function abandonPartFiles(): void {
  for (const part of unfinished) {
    try {
      part.abandon();
    } catch {
      // A file that can't be removed must not keep the others from being removed.
    }
  }
}

/** Whether `abandonPartFiles` would remove any. */
export function hasPartFiles(): boolean {
  return unfinished.size > 0;
}

/** Name of a file's part files, up to the process mark. */
function partPrefix(base: string): string {
  const stem = Buffer.byteLength(base) > MAX_BASE ? createHash('sha256').update(base).digest('hex').slice(0, 16) : base;
  return `${stem}.part-`;
}

let exitWatched = false;

/** A file being written. All methods throw system errors. */
export class PartFile {
  /** Path while unfinished. */
  readonly path: string;
  readonly descriptor: number;
  readonly #target: string;
  #open = true;

  /**
   * Creates the file.
   * @param target the final path, in an existing directory
   * @param ownerOnly whether only the owner can read it
   */
  constructor(target: string, ownerOnly: boolean) {
    this.#target = target;
    const name = `${partPrefix(basename(target))}${processMark()}-${randomBytes(RANDOM_BYTES).toString('hex')}`;
    this.path = join(dirname(target), name);
    this.descriptor = openSync(this.path, 'wx', ownerOnly ? OWNER_ONLY : ANYBODY);
    unfinished.add(this);
    // Cleans up at a normal exit for callers that forget `abandon`.
    if (!exitWatched) process.on('exit', abandonPartFiles);
    exitWatched = true;
  }

  /** Writes all of the bytes. */
  write(bytes: Uint8Array): void {
    writeAll(this.descriptor, bytes);
  }

  /** Syncs the file and renames it to its target, replacing an existing file. Removes it on failure. */
  replace(): void {
    this.#finish(() => renameSync(this.path, this.#target));
  }

  /** Syncs the file and links it to its target, which must not exist (`EEXIST`). Removes it on failure. */
  create(): void {
    this.#finish(() => {
      try {
        linkSync(this.path, this.#target);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EEXIST') throw error;
        // A file system without hard links: an empty file reserves the name.
        closeSync(openSync(this.#target, 'wx', OWNER_ONLY));
        renameSync(this.path, this.#target);
        return;
      }
      rmSync(this.path, { force: true });
    });
  }

  /** Removes the file. No-op once it has its final name. */
  abandon(): void {
    if (!this.#open) return;
    this.#close();
    rmSync(this.path, { force: true });
  }

  #finish(name: () => void): void {
    try {
      fsyncSync(this.descriptor);
      name();
    } catch (error) {
      this.abandon();
      throw error;
    }
    this.#close();
  }

  #close(): void {
    this.#open = false;
    unfinished.delete(this);
    closeSync(this.descriptor);
  }
}

/**
 * Removes part files left by killed processes, and nothing else: only regular files of this user with a single link,
 * whose name identifies a process of this boot and pid namespace that has ended.
 * @param folder the directory to clean
 * @param isTarget whether a name is that of a file that part files belong to
 * @returns paths of part files whose process ran elsewhere and may still be running
 */
export function clearPartFiles(folder: string, isTarget: (name: string) => boolean): string[] {
  const elsewhere: string[] = [];
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    // A directory that is writable but not listable.
    return elsewhere;
  }
  for (const name of names) {
    const match = /^(.*\.part-)([0-9a-f-]+)-[0-9a-f]{16}$/s.exec(name);
    if (match === null || !isTarget(match[1].slice(0, -'.part-'.length))) continue;
    const maker = markedProcess(match[2]);
    const path = join(folder, name);
    if (maker === MarkedProcess.Elsewhere) elsewhere.push(path);
    if (maker === MarkedProcess.Gone && isOwn(path)) rmSync(path, { force: true });
  }
  return elsewhere;
}

/** Like `clearPartFiles`, for one file. */
export function clearPartFilesOf(target: string): string[] {
  const prefix = partPrefix(basename(target));
  return clearPartFiles(dirname(target), (name) => `${name}.part-` === prefix);
}

function isOwn(path: string): boolean {
  try {
    const found = lstatSync(path);
    return found.isFile() && found.nlink === 1 && found.uid === (process.geteuid?.() ?? found.uid);
  } catch {
    return false;
  }
}

/** Syncs a directory to disk: files created and renamed in it are on disk only after it is. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
