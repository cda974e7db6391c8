/** Outputs for captures and other results: a file that appears complete or not at all, or standard output. */
import { closeSync, constants, fstatSync, openSync, type Stats, statSync } from 'node:fs';
import { descriptorLink, isDeviceLink } from './descriptor-link.js';
import { CaptureError } from '../error.js';
import { isForeign, isSameFile } from './foreign-file.js';
import { clearPartFilesOf, PartFile } from './part-file.js';
import { STANDARD_STREAM, systemReason, writeAll } from './standard-stream.js';

const STANDARD_OUTPUT = 1;

/** Options of an output file. */
export interface OutputFileOptions {
  /**
   * Whether only the owner can read the file (mode 0600): for keys, and for decrypted traffic. Pipes, devices and
   * targets of shell redirections keep their mode.
   * @default false
   */
  readonly ownerOnly?: boolean;
}

/**
 * An output being written. Bytes go to a temporary file with a random name in the same directory, which is renamed over
 * the target at `commit`: an existing file or link is replaced, never opened. `abandon` removes uncommitted output, at
 * the latest when the process exits; leftovers of a killed process are removed when the next output of that name
 * begins. A name that refers to a descriptor (`/dev/stdout`) is written to as that descriptor, whatever it is open on.
 */
export class OutputFile {
  /** Display name. */
  readonly name: string;
  /**
   * Unfinished files of this output from another machine, another container or before a reboot. They may still be in
   * use, so they are not removed.
   */
  readonly leftovers: readonly string[];
  /** The temporary file; undefined if bytes go directly to a pipe or device. */
  readonly #part: PartFile | undefined;
  readonly #descriptor: number;
  /** Whether this object opened the descriptor, and so must close it. */
  readonly #opened: boolean;
  #open = true;

  /**
   * @param path a file, or `-` for standard output
   * @param input the file or files being read, which must not be the output
   * @throws CaptureError `FILE_UNUSABLE`
   */
  constructor(path: string, input: string | readonly string[] = [], { ownerOnly = false }: OutputFileOptions = {}) {
    this.leftovers = [];
    if (path === STANDARD_STREAM) {
      this.name = 'standard output';
      this.#part = undefined;
      this.#descriptor = STANDARD_OUTPUT;
      this.#opened = false;
      return;
    }
    this.name = path;
    const target = statOf(path);
    const inputs = typeof input === 'string' ? [input] : input;
    if (inputs.some((name) => name !== STANDARD_STREAM && isSameFile(target, statOf(name)))) {
      throw new CaptureError('FILE_UNUSABLE', `${path}: the output is the input itself; name another file`);
    }
    if (target?.isDirectory() === true) {
      throw new CaptureError('FILE_UNUSABLE', `${path}: it is a directory; name a file in it`);
    }
    try {
      const descriptor = openedBefore(path, target);
      this.#opened = descriptor === undefined;
      if (descriptor !== undefined) {
        this.#part = undefined;
        this.#descriptor = descriptor;
      } else if (target === undefined || target.isFile()) {
        this.leftovers = clearPartFilesOf(path);
        this.#part = new PartFile(path, ownerOnly);
        this.#descriptor = this.#part.descriptor;
      } else {
        this.#part = undefined;
        this.#descriptor = openStream(path, target);
      }
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  /** @internal What `write` writes to, for threads that write in turn. */
  get descriptor(): number {
    return this.#descriptor;
  }

  /**
   * Writes all of the bytes.
   * @throws CaptureError `FILE_UNUSABLE`
   */
  readonly write = (bytes: Uint8Array): void => {
    try {
      writeAll(this.#descriptor, bytes);
    } catch (error) {
      throw unwritable(this.name, error);
    }
  };

  /**
   * Completes the output and renames it to its target.
   * @throws CaptureError `FILE_UNUSABLE`; the output is then removed
   */
  commit(): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      if (this.#part === undefined) this.#closeStream();
      else this.#part.replace();
    } catch (error) {
      throw unwritable(this.name, error);
    }
  }

  /** Discards the output and leaves an existing target unchanged. No-op after `commit`. */
  abandon(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#part === undefined) this.#closeStream();
    else this.#part.abandon();
  }

  #closeStream(): void {
    if (this.#opened) closeSync(this.#descriptor);
  }
}

/**
 * Writes a whole file.
 * @throws CaptureError `FILE_UNUSABLE`
 */
export function writeWhole(path: string, content: string | Uint8Array, options?: OutputFileOptions): void {
  const file = new OutputFile(path, undefined, options);
  try {
    file.write(typeof content === 'string' ? new TextEncoder().encode(content) : content);
    file.commit();
  } finally {
    file.abandon();
  }
}

/**
 * The descriptor that a name refers to; undefined if there is none.
 * @throws CaptureError `FILE_UNUSABLE` for another process's descriptor, and for a device link to a file: replacing it
 *   would affect the whole system
 */
function openedBefore(path: string, target: Stats | undefined): number | undefined {
  const link = descriptorLink(path);
  if (link?.descriptor !== undefined) {
    checkForeign(path);
    // Report a closed descriptor now, not after the work.
    fstatSync(link.descriptor);
    return link.descriptor;
  }
  const isReplaced = target === undefined || target.isFile();
  if (isReplaced && link !== undefined) {
    throw new CaptureError('FILE_UNUSABLE', `${path}: it is a file that another process has open; name the file`);
  }
  if (isReplaced && isDeviceLink(path)) {
    throw new CaptureError('FILE_UNUSABLE', `${path}: it is a link in /dev; name the file itself`);
  }
  return undefined;
}

function checkForeign(path: string): void {
  if (!isForeign(path)) return;
  const why = 'another user put a link, pipe or device there, in a world-writable directory; name another file';
  throw new CaptureError('FILE_UNUSABLE', `${path}: ${why}`);
}

/** Opens a pipe or device. */
function openStream(path: string, expected: Stats): number {
  checkForeign(path);
  // Creates nothing: if the target has vanished, that is an error.
  const descriptor = openSync(path, constants.O_WRONLY);
  if (isSameFile(fstatSync(descriptor), expected)) return descriptor;
  closeSync(descriptor);
  throw new CaptureError('FILE_UNUSABLE', `${path}: it was replaced while being opened; name another file`);
}

function unwritable(name: string, error: unknown): CaptureError {
  if (error instanceof CaptureError) return error;
  return new CaptureError('FILE_UNUSABLE', `can't write ${systemReason(name, error)}`, { cause: error });
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // What prevents the stat also prevents opening it, and is reported then.
    return undefined;
  }
}
