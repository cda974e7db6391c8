/** The cipher of a running VTEP, and its persistent sequence numbers (`--state`). */
import { randomFillSync } from 'node:crypto';
import { type AeadChoice, hkdfSha256 } from '../../aead/index.js';
import { SequenceReservations, type SequenceStore } from '../../ipsec/index.js';
import { type LiveVtepOptions, SequenceFile } from '../../live/index.js';
import { say } from '../text-output.js';

/** The cipher and the state file; neither without keys. */
export class LiveCipher {
  readonly choice: AeadChoice | undefined;
  readonly #file: SequenceFile | undefined;
  readonly #reservations: SequenceReservations | undefined;
  #stateLost = false;

  /**
   * @param choice the cipher; undefined without keys
   * @param path the file of `--state`, if any
   * @throws LiveError if the file of `--state` is in use, corrupt or unusable
   */
  constructor(choice: AeadChoice | undefined, path: string | undefined) {
    this.choice = choice;
    if (choice === undefined || path === undefined) return;
    const file = new SequenceFile(path);
    this.#file = file;
    try {
      const onFailure = (error: unknown): void => {
        this.#stateLost = true;
        say(`vtep: ${(error as Error).message}: encrypted networks stop when their sequence numbers run out`);
      };
      const store: SequenceStore = {
        load: () => file.load(),
        save: (records) => {
          file.save(records);
          this.#stateLost = false;
        },
      };
      this.#reservations = new SequenceReservations({ random, store, onFailure });
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /** Whether the last write to the file of `--state` failed. SAs stop sending when their sequence numbers run out. */
  get stateLost(): boolean {
    return this.#stateLost;
  }

  /** Options for `LiveVtep.open`. */
  get options(): Pick<LiveVtepOptions, 'cipher'> {
    if (this.choice === undefined) return {};
    const reservations = this.#reservations === undefined ? {} : { reservations: this.#reservations };
    return { cipher: { aead: this.choice.aead, hkdf: hkdfSha256, random, ...reservations } };
  }

  /** Closes the file. Close the SAs first. */
  close(): void {
    this.#file?.close();
  }
}

function random(bytes: Uint8Array): void {
  randomFillSync(bytes);
}
