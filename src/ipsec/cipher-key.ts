/** An SA's key in a cipher. It stays there while packets of a batch need it, even if the SA is closed. */
import type { Aead } from '../aead/aead.js';
import { type Keymat, NO_KEY } from './keymat.js';

/** A reference-counted key, removed once no packet needs it. */
export class CipherKey {
  /** Key id in the cipher; `NO_KEY` once it is closed. */
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

  /** Whether packets in a batch need it. */
  get inUse(): boolean {
    return this.#waiting > 0;
  }

  /** Adds a reference for a packet, until `release`. */
  hold(): void {
    this.#waiting++;
  }

  release(): void {
    this.#waiting--;
    if (this.#waiting === 0 && this.id === NO_KEY) this.#aead.removeKey(this.#held);
  }

  /** Prevents further use and wipes the key: at once, or with the last packet that needs it. */
  close(): void {
    if (this.id === NO_KEY) return;
    this.id = NO_KEY;
    if (this.#waiting === 0) this.#aead.removeKey(this.#held);
  }
}
