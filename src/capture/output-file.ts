/** Where captures and other results are written to: a file that appears whole or not at all, or standard output. */
import { closeSync, constants, fstatSync, openSync, type Stats, statSync } from 'node:fs';
import { descriptorLink, isDeviceLink } from './descriptor-link.js';
import { CaptureError } from './error.js';
import { isForeign, isSameFile } from './foreign-file.js';
import { clearPartFilesOf, PartFile } from './part-file.js';
import { STANDARD_STREAM, systemReason, writeAll } from './standard-stream.js';

const STANDARD_OUTPUT = 1;

/** Who may read an output. */
export interface OutputFileOptions {
  /**
   * Whether only its owner may read the file (mode 0600): for keys, and for what was encrypted on the wire. Pipes, devices and
   * what a shell redirects to keep their mode.
   * @default false
   */
  readonly ownerOnly?: boolean;
}

/**
 * An output in the making. Bytes go into a new file beside the named one, with a random name, which takes the other's
 * place at `commit`: a file or link that has the name is replaced, never opened. What is not committed is removed by
 * `abandon`, at the latest when the process ends; what a killed process left, when the next output of that name begins.
 * A name that stands for a descriptor (`/dev/stdout`) is written to as that descriptor, whatever it is open on.
 */
export class OutputFile {
  /** What people call it. */
  readonly name: string;
  /**
   * Unfinished files of this output that a process on another machine, in another container or before a reboot left, or is
   * writing: nobody can tell, so they are not removed.
   */
  readonly leftovers: readonly string[];
  /** The file beside; undefined where bytes go straight to a pipe or device. */
  readonly #part: PartFile | undefined;
  readonly #descriptor: number;
  /** Whether the descriptor was opened here, and so is closed here. */
  readonly #opened: boolean;
  #open = true;

  /**
   * @param path a file, or `-` for standard output
   * @param input the file that is being read, which must not be the output
   * @throws CaptureError `FILE_UNUSABLE`
   */
  constructor(path: string, input?: string, { ownerOnly = false }: OutputFileOptions = {}) {
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
    const source = input === undefined || input === STANDARD_STREAM ? undefined : statOf(input);
    if (isSameFile(target, source)) {
      throw new CaptureError('FILE_UNUSABLE', `${path}: the output is the input itself; name another file`);
    }
    if (target?.isDirectory() === true) {
      throw new CaptureError('FILE_UNUSABLE', `${path}: it is a folder; name a file in it`);
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
   * Finishes the output and gives it its name.
   * @throws CaptureError `FILE_UNUSABLE`; nothing is left of the output then
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

  /** Takes the output back: what had its name keeps it. Does nothing after `commit`. */
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
 * The descriptor that a name stands for; undefined if it stands for none.
 * @throws CaptureError `FILE_UNUSABLE` for another process's, and for a link of the system to a file: replacing it would take
 *   it from everybody
 */
function openedBefore(path: string, target: Stats | undefined): number | undefined {
  const link = descriptorLink(path);
  if (link?.descriptor !== undefined) {
    checkForeign(path);
    // One that isn't open is an error here, not after the work.
    fstatSync(link.descriptor);
    return link.descriptor;
  }
  const isReplaced = target === undefined || target.isFile();
  if (isReplaced && link !== undefined) {
    throw new CaptureError('FILE_UNUSABLE', `${path}: it is a file that another process has open; name the file`);
  }
  if (isReplaced && isDeviceLink(path)) {
    throw new CaptureError('FILE_UNUSABLE', `${path}: it is a link among the devices; name the file itself`);
  }
  return undefined;
}

function checkForeign(path: string): void {
  if (!isForeign(path)) return;
  const why = 'somebody else put a link, pipe or device there, in a folder that everybody can write; name another';
  throw new CaptureError('FILE_UNUSABLE', `${path}: ${why}`);
}

/** Opens a pipe or device. */
function openStream(path: string, expected: Stats): number {
  checkForeign(path);
  // Creates nothing: if what was found is gone, that is an error.
  const descriptor = openSync(path, constants.O_WRONLY);
  if (isSameFile(fstatSync(descriptor), expected)) return descriptor;
  closeSync(descriptor);
  throw new CaptureError('FILE_UNUSABLE', `${path}: it was replaced while it was opened; name another`);
}

function unwritable(name: string, error: unknown): CaptureError {
  if (error instanceof CaptureError) return error;
  return new CaptureError('FILE_UNUSABLE', `can't write ${systemReason(name, error)}`, { cause: error });
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // Whatever keeps us from looking at it also keeps us from opening it, and is reported then.
    return undefined;
  }
}
