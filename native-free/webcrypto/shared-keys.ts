/** The keys of several ciphers: equal ones are one, and WebCrypto imports each once. */
import type { Aead } from '../../src/aead/portable.js';
import { sameSecret, secretCopy } from '../../src/memory/internal.js';
import type { Subtle, SubtleKey } from './subtle.js';

/** A key, of any number of SAs. */
export interface SharedKey {
  readonly bytes: Uint8Array;
  /** Undefined until it is imported, and if WebCrypto doesn't take it, as Chromium doesn't take those of 24 bytes. */
  imported: SubtleKey | undefined;
  /** Its id in the cipher that opens what WebCrypto didn't; -1 as long as it isn't needed. */
  fallbackId: number;
  users: number;
}

/** Keys by value. */
export class SharedKeys {
  readonly #subtle: Subtle | undefined;
  readonly #fallback: Aead;
  /** By a hash: a ring's SAs share a few keys, but in the strict profile each has its own. */
  readonly #byHash = new Map<number, SharedKey[]>();
  #importing: Promise<unknown> | undefined;

  constructor(subtle: Subtle | undefined, fallback: Aead) {
    this.#subtle = subtle;
    this.#fallback = fallback;
  }

  /** Resolves once every key is imported; undefined if none has to be waited for. */
  get importing(): Promise<unknown> | undefined {
    return this.#importing;
  }

  /** The key with these bytes, for one more user. */
  take(bytes: Uint8Array): SharedKey {
    const hash = hashOf(bytes);
    const equal = this.#byHash.get(hash) ?? [];
    let key = equal.find((one) => sameSecret(one.bytes, bytes));
    if (key === undefined) {
      key = { bytes: secretCopy(bytes), imported: undefined, fallbackId: -1, users: 0 };
      this.#byHash.set(hash, [...equal, key]);
      this.#import(key);
    }
    key.users++;
    return key;
  }

  /** Ends a use; without any, the key is wiped. WebCrypto keeps its own copy until it is collected. */
  release(key: SharedKey): void {
    if (--key.users > 0) return;
    const hash = hashOf(key.bytes);
    const rest = this.#byHash.get(hash)?.filter((one) => one !== key) ?? [];
    if (rest.length === 0) this.#byHash.delete(hash);
    else this.#byHash.set(hash, rest);
    if (key.fallbackId >= 0) this.#fallback.removeKey(key.fallbackId);
    key.fallbackId = -1;
    key.imported = undefined;
    key.bytes.fill(0);
  }

  /** The id of a key in the other cipher. */
  fallbackId(key: SharedKey): number {
    if (key.fallbackId < 0) key.fallbackId = this.#fallback.addKey(key.bytes);
    return key.fallbackId;
  }

  #import(key: SharedKey): void {
    if (this.#subtle === undefined) return;
    const before = this.#importing;
    const imported = this.#subtle.importKey('raw', key.bytes, 'AES-GCM', false, ['decrypt']).then(
      (done) => {
        if (key.users > 0) key.imported = done;
      },
      () => undefined,
    );
    const all = Promise.all([before, imported]).then(() => {
      if (this.#importing === all) this.#importing = undefined;
    });
    this.#importing = all;
  }
}

/** FNV-1a: it spreads keys, and hides nothing, but never leaves this map. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}
