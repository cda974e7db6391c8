/** An SA's key in a cipher, which stays there as long as packets of a batch wait for it, whatever becomes of the SA. */
import type { Aead } from '../aead/aead.js';
import { type Keymat, NO_KEY } from './keymat.js';

/** A key that is given up once nothing waits for it any more. */
export class CipherKey {
  /** Its id in the cipher; `NO_KEY` once it is closed. */
  id: number;
  readonly #aead: Aead;
  readonly #held: number;
  #waiting = 0;

  /** @throws AeadError `BAD_KEY_LENGTH`, `TOO_MANY_KEYS` */
  constructor(keymat: Keymat, aead: Aead) {
    this.#aead = aead;
    this.#held = keymat.addTo(aead);
    this.id = this.#held;
  }

  /** Whether packets wait for it in a batch. */
  get inUse(): boolean {
    return this.#waiting > 0;
  }

  /** A packet waits for it, until `release`. */
  hold(): void {
    this.#waiting++;
  }

  release(): void {
    this.#waiting--;
    if (this.#waiting === 0 && this.id === NO_KEY) this.#aead.removeKey(this.#held);
  }

  /** Lets no further packet use it, and wipes it: at once, or with the last packet that waits. */
  close(): void {
    if (this.id === NO_KEY) return;
    this.id = NO_KEY;
    if (this.#waiting === 0) this.#aead.removeKey(this.#held);
  }
}
