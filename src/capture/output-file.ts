/** Where captures and other results are written to: a file that appears whole or not at all, or standard output. */
import { closeSync, constants, fstatSync, openSync, type Stats, statSync } from 'node:fs';
import { CaptureError } from './error.js';
import { isForeign, isSameFile } from './foreign-file.js';
import { clearPartFilesOf, PartFile } from './part-file.js';
import { STANDARD_STREAM, systemReason, writeAll } from './standard-stream.js';

const STANDARD_OUTPUT = 1;

/** Who may read an output. */
export interface OutputFileOptions {
  /**
   * Whether only its owner may read the file (mode 0600): for keys, and for what was encrypted on the wire. Pipes and
   * devices keep their mode.
   * @default false
   */
  readonly ownerOnly?: boolean;
}

/**
 * An output in the making. Bytes go into a new file beside the named one, with a random name, which takes the other's
 * place at `commit`: a file or link that has the name is replaced, never opened. What is not committed is removed by
 * `abandon`, at the latest when the process ends; what a killed process left, when the next output of that name begins.
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
      if (target === undefined || target.isFile()) {
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
    if (this.#descriptor !== STANDARD_OUTPUT) closeSync(this.#descriptor);
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

/** Opens a pipe or device. */
function openStream(path: string, expected: Stats): number {
  if (isForeign(path)) {
    const why = 'somebody else put a link, pipe or device there, in a folder that everybody can write; name another';
    throw new CaptureError('FILE_UNUSABLE', `${path}: ${why}`);
  }
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
