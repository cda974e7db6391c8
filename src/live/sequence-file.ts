/** Sequence numbers in a file, where a restart finds them. */
import { lstatSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { clearPartFilesOf, PartFile } from '../capture/part-file.js';
import { systemReason } from '../capture/standard-stream.js';
import type { SequenceRecord, SequenceStore } from '../ipsec/index.js';
import { LiveError } from './error.js';
import { FileLock } from './file-lock.js';
import { formatSequences, MAX_STATE_BYTES, parseSequences } from './sequence-state.js';
import { syncFolder } from './sync-folder.js';

/**
 * A store in a file that is written whole: whenever the process or the machine stops, the file holds what was saved last
 * or what was saved before it. It is of one process at a time (see FileLock), on one machine: processes that don't see each
 * other, in two containers that share the folder or on two machines, are not kept apart.
 */
export class SequenceFile implements SequenceStore {
  readonly #path: string;
  readonly #lock: FileLock;
  #open = true;

  /**
   * Takes hold of the file, and removes what a process left that was killed while it wrote.
   * @param path in a folder that exists; the file needn't
   * @throws LiveError `STATE_IN_USE` if another process has it, `STATE_UNUSABLE`
   */
  constructor(path: string) {
    this.#path = path;
    this.#lock = new FileLock(path);
    clearPartFilesOf(path);
  }

  /**
   * What was saved last; nothing if there is no file.
   * @throws LiveError `TORN_STATE`, `STATE_VERSION`, `BAD_STATE` with what to do, `STATE_UNUSABLE`
   */
  load(): SequenceRecord[] {
    this.#checkOpen();
    let bytes: Uint8Array;
    try {
      const found = lstatSync(this.#path, { throwIfNoEntry: false });
      if (found === undefined) return [];
      if (!found.isFile()) throw new LiveError('STATE_UNUSABLE', `${this.#path}: it is no file; name another`);
      if (found.size > MAX_STATE_BYTES) {
        throw new LiveError('STATE_UNUSABLE', `${this.#path}: too large for sequence numbers; name another file`);
      }
      bytes = readFileSync(this.#path);
    } catch (error) {
      throw error instanceof LiveError ? error : unusable("can't read", this.#path, error);
    }
    try {
      return parseSequences(bytes);
    } catch (error) {
      if (!(error instanceof LiveError)) throw error;
      throw new LiveError(error.code, `${this.#path}: ${error.message}`, { cause: error });
    }
  }

  /**
   * Replaces what is kept; it is on the disk when this returns.
   * @throws LiveError `BAD_STATE` for a record out of its bounds, `STATE_UNUSABLE` if it can't be made durable
   */
  save(records: readonly SequenceRecord[]): void {
    this.#checkOpen();
    const bytes = formatSequences(records);
    try {
      const part = new PartFile(this.#path, true);
      try {
        part.write(bytes);
        part.replace();
      } finally {
        part.abandon();
      }
      syncFolder(dirname(this.#path));
    } catch (error) {
      throw unusable("can't write", this.#path, error);
    }
  }

  /** Lets the file go. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#lock.release();
  }

  #checkOpen(): void {
    // Whoever took hold of it since has the numbers.
    if (!this.#open) throw new LiveError('STATE_UNUSABLE', `${this.#path}: it was let go; open it anew`);
  }
}

function unusable(what: string, path: string, error: unknown): LiveError {
  return new LiveError('STATE_UNUSABLE', `${what} ${systemReason(path, error)}`, { cause: error });
}
