/** An SA's key in a cipher, kept there while packets of a batch still need it, even after the SA is closed. */
import type { Aead } from '../aead/portable.js';
import { type Keymat, NO_KEY } from './keymat.js';

/** A reference-counted key, removed once no packet needs it. */
export class CipherKey {
  /** Key id in the cipher; `NO_KEY` once it is closed. */
  id: number;
  readonly #aead: Aead;
  readonly #keyId: number;
  #references = 0;

  /** @throws AeadError `BAD_KEY_LENGTH`, `TOO_MANY_KEYS` */
  constructor(keymat: Keymat, aead: Aead) {
    this.#aead = aead;
    this.#keyId = keymat.addTo(aead);
    this.id = this.#keyId;
  }

  /** Whether packets of a pending batch need the key. */
  get inUse(): boolean {
    return this.#references > 0;
  }

  /** Adds a reference for a packet, until `release`. */
  hold(): void {
    this.#references++;
  }

  release(): void {
    this.#references--;
    if (this.#references === 0 && this.id === NO_KEY) this.#aead.removeKey(this.#keyId);
  }

  /** Prevents further use and wipes the key: at once, or with the last packet that needs it. */
  close(): void {
    if (this.id === NO_KEY) return;
    this.id = NO_KEY;
    if (this.#references === 0) this.#aead.removeKey(this.#keyId);
  }
}
