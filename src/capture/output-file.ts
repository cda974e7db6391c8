/** Where captures are written to: a file that appears whole or not at all, or standard output. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, type Stats, statSync, writeSync } from 'node:fs';
import { CaptureError } from './error.js';
import { STANDARD_STREAM, systemReason } from './standard-stream.js';

/** An output in the making. Bytes go into a file beside the named one, which takes its name at `commit`. */
export class OutputFile {
  /** What people call it. */
  readonly name: string;
  readonly #path: string;
  /** The file beside; undefined where bytes go straight to a pipe or device. */
  readonly #part: string | undefined;
  readonly #descriptor: number;
  #open = true;

  /**
   * @param path a file, or `-` for standard output
   * @param input the file that is being read, which must not be the output
   * @throws CaptureError `FILE_UNUSABLE`
   */
  constructor(path: string, input?: string) {
    this.#path = path;
    if (path === STANDARD_STREAM) {
      this.name = 'standard output';
      this.#part = undefined;
      this.#descriptor = 1;
      return;
    }
    this.name = path;
    const target = statOf(path);
    const source = input === undefined || input === STANDARD_STREAM ? undefined : statOf(input);
    if (target !== undefined && source !== undefined && target.dev === source.dev && target.ino === source.ino) {
      throw new CaptureError('FILE_UNUSABLE', `${path}: the output is the input itself; name another file`);
    }
    if (target?.isDirectory() === true) {
      throw new CaptureError('FILE_UNUSABLE', `${path}: it is a folder; name a file in it`);
    }
    const device = target !== undefined && !target.isFile();
    this.#part = device ? undefined : `${path}.part-${process.pid}`;
    try {
      this.#descriptor = openSync(this.#part ?? path, 'w');
    } catch (error) {
      throw new CaptureError('FILE_UNUSABLE', `can't write ${systemReason(path, error)}`, { cause: error });
    }
  }

  /**
   * Writes all of the bytes.
   * @throws CaptureError `FILE_UNUSABLE`
   */
  readonly write = (bytes: Uint8Array): void => {
    let at = 0;
    while (at < bytes.length) {
      try {
        at += writeSync(this.#descriptor, bytes, at, bytes.length - at);
      } catch (error) {
        // A pipe whose reader is slow; there is no other way to wait for it in a synchronous write.
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
          continue;
        }
        throw new CaptureError('FILE_UNUSABLE', `can't write ${systemReason(this.name, error)}`, { cause: error });
      }
    }
  };

  /**
   * Finishes the output and gives it its name.
   * @throws CaptureError `FILE_UNUSABLE`
   */
  commit(): void {
    if (!this.#open) return;
    this.#close();
    if (this.#part === undefined) return;
    try {
      renameSync(this.#part, this.#path);
    } catch (error) {
      rmSync(this.#part, { force: true });
      throw new CaptureError('FILE_UNUSABLE', `can't write ${systemReason(this.name, error)}`, { cause: error });
    }
  }

  /** Takes the output back: what stood under its name before stands there still. Does nothing after `commit`. */
  abandon(): void {
    if (!this.#open) return;
    this.#close();
    if (this.#part !== undefined) rmSync(this.#part, { force: true });
  }

  #close(): void {
    this.#open = false;
    if (this.#part !== undefined) fsyncSync(this.#descriptor);
    if (this.#descriptor !== 1) closeSync(this.#descriptor);
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // Whatever keeps us from looking at it keeps us from opening it too, and is told then.
    return undefined;
  }
}
