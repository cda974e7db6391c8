/** The cipher of a VTEP that runs, and where its sequence numbers are kept (`--state`). */
import { randomFillSync } from 'node:crypto';
import { type AeadChoice, hkdfSha256 } from '../aead/index.js';
import { SequenceLedger, type SequenceStore } from '../ipsec/index.js';
import { type LiveVtepOptions, SequenceFile } from '../live/index.js';
import type { ParsedArguments } from './arguments.js';
import { say } from './text-output.js';

/** Where sequence numbers are kept, and the cipher; neither where no network is encrypted, nor any key is there. */
export class LiveCipher {
  readonly choice: AeadChoice | undefined;
  readonly #file: SequenceFile | undefined;
  readonly #ledger: SequenceLedger | undefined;
  #stateLost = false;

  /**
   * @param choice the cipher; none where there are no keys
   * @throws LiveError if the file of `--state` is another's, torn or can't be used
   */
  constructor(choice: AeadChoice | undefined, parsed: ParsedArguments) {
    this.choice = choice;
    const path = parsed.values['state'];
    if (choice === undefined || typeof path !== 'string') return;
    const file = new SequenceFile(path);
    this.#file = file;
    try {
      const onFailure = (error: unknown): void => {
        this.#stateLost = true;
        say(`vtep: ${(error as Error).message}: encrypted networks stop when their numbers are used up`);
      };
      const store: SequenceStore = {
        load: () => file.load(),
        save: (records) => {
          file.save(records);
          this.#stateLost = false;
        },
      };
      this.#ledger = new SequenceLedger({ random, store, onFailure });
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /** Whether the file of `--state` could not be written the last time; SAs without numbers send nothing then. */
  get stateLost(): boolean {
    return this.#stateLost;
  }

  /** What `LiveVtep.open` takes. */
  get options(): Pick<LiveVtepOptions, 'cipher'> {
    if (this.choice === undefined) return {};
    const ledger = this.#ledger === undefined ? {} : { ledger: this.#ledger };
    return { cipher: { aead: this.choice.aead, hkdf: hkdfSha256, random, ...ledger } };
  }

  /** Lets the file go: the SAs are to be closed by then. */
  close(): void {
    this.#file?.close();
  }
}

function random(bytes: Uint8Array): void {
  randomFillSync(bytes);
}
