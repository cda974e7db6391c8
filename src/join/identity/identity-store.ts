/**
 * Persists an identity in a directory, which only its owner can read. It is replaced atomically, and locked, since two
 * processes with one identity would end each other's sessions for ever.
 */
import { lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clearPartFilesOf, PartFile, syncFolder } from '../../capture/file/part-file.js';
import { systemReason } from '../../capture/file/standard-stream.js';
import { FileLock } from '../../live/state/file-lock.js';
import { VtepError } from '../../error.js';
import { JoinError } from '../error.js';
import { isManagerAddress } from '../managers.js';
import { NodeIdentity } from './node-identity.js';

/** Name of the file in the state directory. */
export const IDENTITY_FILE = 'identity.json';
const VERSION = 1;
const OWNER_ONLY = 0o700;
const OTHERS = 0o077;
const MAX_BYTES = 1 << 18;
const MAX_MANAGERS = 64;

/** What is stored. */
export interface StoredIdentity {
  readonly identity: NodeIdentity;
  /** Managers known at the time, as `host:port`. */
  readonly managers: readonly string[];
}

/** A state directory. */
export class IdentityStore {
  readonly #directory: string;
  readonly #path: string;
  readonly #lock: FileLock;

  /**
   * Creates the directory if it doesn't exist, and locks it.
   * @throws JoinError `IDENTITY_IN_USE`, `STATE_UNUSABLE`
   */
  constructor(directory: string) {
    this.#directory = directory;
    this.#path = join(directory, IDENTITY_FILE);
    try {
      mkdirSync(directory, { recursive: true, mode: OWNER_ONLY });
      this.#lock = new FileLock(this.#path);
    } catch (error) {
      if (error instanceof VtepError) {
        const code = error.code === 'STATE_IN_USE' ? 'IDENTITY_IN_USE' : 'STATE_UNUSABLE';
        throw new JoinError(code, error.message, { cause: error });
      }
      throw new JoinError('STATE_UNUSABLE', `can't create ${systemReason(directory, error)}`, { cause: error });
    }
    clearPartFilesOf(this.#path);
  }

  /**
   * Loads the identity.
   * @returns undefined if none is stored
   * @throws JoinError `BAD_IDENTITY`, `STATE_UNUSABLE` with a remedy
   */
  load(): StoredIdentity | undefined {
    let text: string;
    try {
      const found = lstatSync(this.#path, { throwIfNoEntry: false });
      if (found === undefined) return undefined;
      if (!found.isFile() || found.size > MAX_BYTES) {
        throw new JoinError('STATE_UNUSABLE', `${this.#path}: not an identity`);
      }
      if ((found.mode & OTHERS) !== 0) {
        throw new JoinError('STATE_UNUSABLE', `${this.#path}: others can read it`);
      }
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof JoinError) throw error;
      throw new JoinError('STATE_UNUSABLE', `can't read ${systemReason(this.#path, error)}`, { cause: error });
    }
    return this.#parse(text);
  }

  /**
   * Stores an identity durably, in place of the previous one.
   * @throws JoinError `STATE_UNUSABLE`
   */
  save({ identity, managers }: StoredIdentity): void {
    const text = identity.useKey((key) =>
      JSON.stringify(
        { version: VERSION, root: identity.rootPem, certificate: identity.chainPem, key, managers },
        null,
        2,
      ),
    );
    try {
      const part = new PartFile(this.#path, true);
      try {
        part.write(Buffer.from(`${text}\n`));
        part.replace();
      } finally {
        part.abandon();
      }
      syncFolder(this.#directory);
    } catch (error) {
      throw new JoinError('STATE_UNUSABLE', `can't write ${systemReason(this.#path, error)}`, { cause: error });
    }
  }

  /** Unlocks the directory. */
  close(): void {
    this.#lock.release();
  }

  #parse(text: string): StoredIdentity {
    const bad = (why: string): JoinError => new JoinError('BAD_IDENTITY', `${this.#path}: ${why}`);
    let root: unknown;
    try {
      root = JSON.parse(text);
    } catch {
      // The cause quotes the text.
      throw bad('not JSON, or truncated');
    }
    if (typeof root !== 'object' || root === null) throw bad('not an identity');
    const { version, root: rootPem, certificate, key, managers } = root as Readonly<Record<string, unknown>>;
    if (version !== VERSION) throw bad('of an unknown version');
    if (typeof rootPem !== 'string' || typeof certificate !== 'string' || typeof key !== 'string') {
      throw bad('not an identity');
    }
    if (!Array.isArray(managers) || managers.length > MAX_MANAGERS || !managers.every(isManagerAddress)) {
      throw bad('its managers are not addresses with ports');
    }
    try {
      return { identity: NodeIdentity.restore(rootPem, certificate, key), managers };
    } catch (error) {
      throw bad((error as Error).message);
    }
  }
}
