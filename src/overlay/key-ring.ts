/** A cluster's keys: what Swarm's managers hand to every node, each with the Lamport time that SPIs are made of. */
import { secretCopy } from '../memory/secret-bytes.js';
import { OverlayError } from './error.js';

const HIDDEN = '[hidden]';
/** Lamport times are 64 bits; numbers hold 53 of them exactly. */
const MAX_TAG = Number.MAX_SAFE_INTEGER;
/** Swarm has three. */
const MAX_KEYS = 64;

/** A key of the cluster. It doesn't show itself. */
export class ClusterKey {
  /** Its Lamport time. */
  readonly tag: number;
  readonly #bytes: Uint8Array;

  /**
   * @param tag 0 to 2^53 - 1
   * @param bytes an AES key of 16, 24 or 32 bytes; Swarm's have 16. Copied
   * @throws OverlayError `BAD_KEY_RING`
   */
  constructor(tag: number, bytes: Uint8Array) {
    if (!Number.isInteger(tag) || tag < 0 || tag > MAX_TAG) {
      throw new OverlayError('BAD_KEY_RING', `a key's tag is a whole number from 0 on, not ${tag}`);
    }
    if (bytes.length !== 16 && bytes.length !== 24 && bytes.length !== 32) {
      throw new OverlayError(
        'BAD_KEY_RING',
        `the key with tag ${tag} has ${bytes.length} bytes; Swarm's have 16, and AES takes 16, 24 or 32`,
      );
    }
    this.tag = tag;
    this.#bytes = secretCopy(bytes);
  }

  /** Hands the bytes to a function. They are the object's own: copy what is to be kept. */
  use<T>(consumer: (bytes: Uint8Array) => T): T {
    return consumer(this.#bytes);
  }

  /** Overwrites the bytes with zeros. */
  wipe(): void {
    this.#bytes.fill(0);
  }

  toJSON(): { tag: number; key: string } {
    return { tag: this.tag, key: HIDDEN };
  }
}

/** Keys in the order of their tags. */
export class KeyRing {
  readonly keys: readonly ClusterKey[];

  /** @throws OverlayError `BAD_KEY_RING` for none, too many, or one tag twice */
  constructor(keys: readonly ClusterKey[]) {
    if (keys.length === 0) throw new OverlayError('BAD_KEY_RING', 'a key ring holds at least one key');
    if (keys.length > MAX_KEYS) {
      throw new OverlayError('BAD_KEY_RING', `a key ring holds at most ${MAX_KEYS} keys, not ${keys.length}`);
    }
    this.keys = [...keys].sort((a, b) => a.tag - b.tag);
    for (let i = 1; i < this.keys.length; i++) {
      if (this.keys[i].tag === this.keys[i - 1].tag) {
        throw new OverlayError('BAD_KEY_RING', `two keys have the tag ${this.keys[i].tag}`);
      }
    }
  }
}
