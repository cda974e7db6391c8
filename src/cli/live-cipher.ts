/** The cipher of a VTEP that runs, and where its sequence numbers are kept (`--state`). */
import { randomFillSync } from 'node:crypto';
import { type AeadChoice, hkdfSha256 } from '../aead/index.js';
import { SequenceLedger } from '../ipsec/index.js';
import { type LiveVtepOptions, SequenceFile } from '../live/index.js';
import type { ParsedArguments } from './arguments.js';
import { say } from './text-output.js';

/** Where sequence numbers are kept, and the cipher; neither where no network is encrypted, nor any key is there. */
export class LiveCipher {
  readonly choice: AeadChoice | undefined;
  readonly #file: SequenceFile | undefined;
  readonly #ledger: SequenceLedger | undefined;

  /**
   * @param choice the cipher; none where there are no keys
   * @throws LiveError if the file of `--state` is another's, torn or can't be used
   */
  constructor(choice: AeadChoice | undefined, parsed: ParsedArguments) {
    this.choice = choice;
    const path = parsed.values['state'];
    if (choice === undefined || typeof path !== 'string') return;
    this.#file = new SequenceFile(path);
    try {
      const onFailure = (error: unknown): void => {
        say(`vtep: ${(error as Error).message}: encrypted networks stop when their numbers are used up`);
      };
      this.#ledger = new SequenceLedger({ random, store: this.#file, onFailure });
    } catch (error) {
      this.#file.close();
      throw error;
    }
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
