/** Key files of a capture that outlasts a rotation: read again once they have changed. */
import { statSync } from 'node:fs';
import type { InboundEsp } from '../../ipsec/index.js';
import type { KeysOption } from '../keys/key-files.js';
import { type KeyValues, readKeysOption } from '../options/keys-option.js';

/** How often the files are looked at, in milliseconds. */
const INTERVAL_MS = 1000;

/** The keys, as they are in the files. */
export class RenewedKeys {
  readonly #values: KeyValues;
  #files: KeysOption | undefined;
  #marks: string;
  #next: number;

  private constructor(values: KeyValues, files: KeysOption | undefined, marks: string, now: number) {
    this.#values = values;
    this.#files = files;
    this.#marks = marks;
    this.#next = now + INTERVAL_MS;
  }

  /**
   * Reads the files of `--keys`.
   * @param now milliseconds of any clock
   * @throws UsageError, AeadError
   */
  static async read(values: KeyValues, now: number): Promise<RenewedKeys> {
    const marks = marksOf(values);
    return new RenewedKeys(values, await readKeysOption(values), marks, now);
  }

  /** What decrypts with them; undefined without keys of ESP. */
  open(): InboundEsp | undefined {
    return this.#files?.openEsp()?.esp;
  }

  /**
   * Reads the files again if one of them has changed, at most once a second. While they can't be read, as when half of one
   * is written, the keys remain those that were read before.
   * @returns what decrypts from now on, in place of what `open` returned; undefined if nothing has changed
   */
  async renew(now: number): Promise<InboundEsp | undefined> {
    if (now < this.#next || this.#files === undefined) return undefined;
    this.#next = now + INTERVAL_MS;
    // Before the files are read: what is written meanwhile counts as another change.
    const marks = marksOf(this.#values);
    if (marks === this.#marks) return undefined;
    this.#marks = marks;
    try {
      const files = await readKeysOption(this.#values);
      const esp = files?.openEsp()?.esp;
      if (files === undefined || esp === undefined) return undefined;
      this.#files.finish();
      this.#files = files;
      return esp;
    } catch {
      return undefined;
    }
  }

  /** Wipes the keys. */
  finish(): void {
    this.#files?.finish();
  }
}

/** What changes when a file does. Only of regular files: a pipe's keys are there once. */
function marksOf({ keys = [] }: KeyValues): string {
  return keys
    .map((path) => {
      const found = statSync(path, { throwIfNoEntry: false, bigint: true });
      return found?.isFile() === true ? `${found.ino} ${found.size} ${found.mtimeNs}` : '';
    })
    .join();
}
