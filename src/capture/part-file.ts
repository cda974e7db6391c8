/**
 * Files in the making. Each is written beside the file that it becomes, under a name that nobody can foretell, opened
 * exclusively, and takes the other's name when it is whole. Its name also says which process it belongs to, so that what
 * a killed process left can be told from what another is still writing.
 */
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, lstatSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { MarkedProcess, markedProcess, processMark } from './process-mark.js';
import { writeAll } from './standard-stream.js';

/** Mode of files that hold keys, or what was encrypted. */
export const OWNER_ONLY = 0o600;
/** Mode of other files; the umask takes bits away. */
const ANYBODY = 0o666;
const RANDOM_BYTES = 8;
/** Bytes of a name that leave room for what is added to it: a name has at most 255. */
const MAX_BASE = 180;

/** Part files that are neither finished nor removed. */
const unfinished = new Set<PartFile>();

/** Removes all part files of this process that are neither finished nor removed. */
export function abandonPartFiles(): void {
  for (const part of unfinished) {
    try {
      part.abandon();
    } catch {
      // One that can't be removed must not keep the others.
    }
  }
}

/** Whether there are any that `abandonPartFiles` would remove. */
export function hasPartFiles(): boolean {
  return unfinished.size > 0;
}

/** What part files of a file are called, up to the mark of their process. */
function partPrefix(base: string): string {
  const stem = Buffer.byteLength(base) > MAX_BASE ? createHash('sha256').update(base).digest('hex').slice(0, 16) : base;
  return `${stem}.part-`;
}

let exitWatched = false;

/** A file in the making. All methods throw the system's errors. */
export class PartFile {
  /** Where it is while it is in the making. */
  readonly path: string;
  readonly descriptor: number;
  readonly #target: string;
  #open = true;

  /**
   * Creates it.
   * @param target the file that it becomes, in a folder that exists
   * @param ownerOnly whether nobody else may read it
   */
  constructor(target: string, ownerOnly: boolean) {
    this.#target = target;
    const name = `${partPrefix(basename(target))}${processMark()}-${randomBytes(RANDOM_BYTES).toString('hex')}`;
    this.path = join(dirname(target), name);
    this.descriptor = openSync(this.path, 'wx', ownerOnly ? OWNER_ONLY : ANYBODY);
    unfinished.add(this);
    // Whoever forgets `abandon` leaves nothing behind at an orderly end.
    if (!exitWatched) process.on('exit', abandonPartFiles);
    exitWatched = true;
  }

  /** Writes all of the bytes. */
  write(bytes: Uint8Array): void {
    writeAll(this.descriptor, bytes);
  }

  /** Makes it durable and gives it its name, in place of a file that has it. Where that fails, nothing is left of it. */
  replace(): void {
    this.#finish(() => renameSync(this.path, this.#target));
  }

  /** Makes it durable and gives it its name, unless a file has it (`EEXIST`). Where that fails, nothing is left of it. */
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

  /** Removes it. Does nothing once it has its name. */
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
 * Removes what processes that were killed left of files in the making, and nothing else: only regular files of this user
 * that have one name, whose name says that the process was of this boot and pid namespace and has ended.
 * @param folder where they are
 * @param isTarget which files they would have become, by name
 * @returns paths of files that were left by, or are being written by, processes elsewhere: nobody can tell
 */
export function clearPartFiles(folder: string, isTarget: (name: string) => boolean): string[] {
  const elsewhere: string[] = [];
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    // A folder that may be written but not listed.
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

/** As `clearPartFiles`, for one file. */
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
