/** Persists sequence numbers in a file across restarts. */
import { lstatSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { clearPartFilesOf, PartFile, syncFolder } from '../../capture/file/part-file.js';
import { systemReason } from '../../capture/file/standard-stream.js';
import type { SequenceRecord, SequenceStore } from '../../ipsec/index.js';
import { LiveError } from '../error.js';
import { FileLock } from './file-lock.js';
import { formatSequences, MAX_STATE_BYTES, parseSequences } from './sequence-state.js';

/**
 * A store in a file that is replaced atomically: whenever the process or the machine stops, the file contains either
 * the last or the previous save. Only one process at a time may use it (see FileLock). The lock doesn't work between
 * processes that can't see each other: in two containers that share the directory, or on two machines.
 */
export class SequenceFile implements SequenceStore {
  readonly #path: string;
  readonly #lock: FileLock;
  #open = true;

  /**
   * Locks the file, and removes what a process killed while writing left behind.
   * @param path the file, which need not exist, in an existing directory
   * @throws LiveError `STATE_IN_USE` if another process has locked it, `STATE_UNUSABLE`
   */
  constructor(path: string) {
    this.#path = path;
    this.#lock = new FileLock(path);
    clearPartFilesOf(path);
  }

  /**
   * Loads the last save; empty if there is no file.
   * @throws LiveError `TORN_STATE`, `STATE_VERSION`, `BAD_STATE` with a remedy, `STATE_UNUSABLE`
   */
  load(): SequenceRecord[] {
    this.#checkOpen();
    let bytes: Uint8Array;
    try {
      const found = lstatSync(this.#path, { throwIfNoEntry: false });
      if (found === undefined) return [];
      if (!found.isFile())
        throw new LiveError('STATE_UNUSABLE', `${this.#path}: not a regular file; choose another path`);
      if (found.size > MAX_STATE_BYTES) {
        throw new LiveError('STATE_UNUSABLE', `${this.#path}: too large for sequence numbers; choose another path`);
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
   * Saves records durably, replacing the previous ones.
   * @throws LiveError `BAD_STATE` for a record out of range, `STATE_UNUSABLE` if it can't be made durable
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

  /** Unlocks the file. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#lock.release();
  }

  #checkOpen(): void {
    // The numbers belong to whichever process has locked it since.
    if (!this.#open) throw new LiveError('STATE_UNUSABLE', `${this.#path}: closed; open it again`);
  }
}

function unusable(what: string, path: string, error: unknown): LiveError {
  return new LiveError('STATE_UNUSABLE', `${what} ${systemReason(path, error)}`, { cause: error });
}
