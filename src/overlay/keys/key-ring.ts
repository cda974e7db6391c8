/**
 * A cluster's keys, which Swarm's managers distribute to every node, each with the Lamport time that SPIs are derived
 * from.
 */
import { isRepeatedByte, sameSecret, secretBytes, secretCopy } from '../../memory/internal.js';
import { quoted } from '../../text/plain-text.js';
import { withoutKeyParts } from '../../text/secret-text.js';
import { OverlayError } from '../error.js';

const HIDDEN = '[hidden]';
/** Lamport times have 64 bits, of which numbers represent 53 exactly. */
const MAX_TAG = Number.MAX_SAFE_INTEGER;
/** Swarm has three. */
const MAX_KEYS = 64;
/** Number of distinct tags in SPIs. */
const SPI_TAGS = 2 ** 32;

/** A key of the cluster. It never reveals itself in output. */
export class ClusterKey {
  /** Its Lamport time. */
  readonly tag: number;
  readonly #bytes: Uint8Array;
  #wiped = false;

  /**
   * @param tag 0 to 2^53 - 1
   * @param bytes an AES key of 16, 24 or 32 bytes (Swarm's have 16); copied
   * @throws OverlayError `BAD_KEY_RING`
   */
  constructor(tag: number, bytes: Uint8Array) {
    if (!Number.isInteger(tag) || tag < 0 || tag > MAX_TAG) {
      throw new OverlayError(
        'BAD_KEY_RING',
        `a key's tag must be a whole number from 0 to 2^53 - 1, not ${shown(tag)}`,
      );
    }
    if (bytes.length !== 16 && bytes.length !== 24 && bytes.length !== 32) {
      throw new OverlayError(
        'BAD_KEY_RING',
        `the key with tag ${tag} has ${bytes.length} bytes; Swarm's have 16, and AES needs 16, 24 or 32`,
      );
    }
    this.tag = tag;
    this.#bytes = secretCopy(bytes);
  }

  /** Whether `wipe` was called. */
  get wiped(): boolean {
    return this.#wiped;
  }

  /**
   * Passes the bytes to a function. They are the object's own: copy what must outlive the call.
   * @throws OverlayError `KEY_WIPED`: zeros must never be mistaken for a key
   */
  use<T>(consumer: (bytes: Uint8Array) => T): T {
    if (this.#wiped) throw new OverlayError('KEY_WIPED', `the key with tag ${this.tag} was wiped`);
    return consumer(this.#bytes);
  }

  /**
   * Whether another key has the same tag and bytes.
   * @throws OverlayError `KEY_WIPED`
   */
  equals(other: ClusterKey): boolean {
    return this.tag === other.tag && this.use((own) => other.use((bytes) => sameSecret(own, bytes)));
  }

  /** Overwrites the bytes with zeros. */
  wipe(): void {
    this.#wiped = true;
    this.#bytes.fill(0);
  }

  /** Its JSON form, without the key. */
  toJSON(): { tag: number; key: string } {
    return { tag: this.tag, key: HIDDEN };
  }
}

/** Options of a new ring. */
export interface GeneratedKeys {
  /** Fills an array with cryptographic random bytes. */
  readonly random: (bytes: Uint8Array) => void;
  /**
   * Number of keys.
   * @default 3 (Swarm's)
   */
  readonly count?: number;
  /**
   * Length of a key in bytes: 16, 24 or 32.
   * @default 16 (Swarm's)
   */
  readonly keyBytes?: number;
  /**
   * Tag of the oldest key.
   * @default 1
   */
  readonly firstTag?: number;
}

/**
 * Keys sorted by tag; of three: oldest, current and next.
 * @example
 * import { randomFillSync } from 'node:crypto';
 * import { KeyRing } from 'vtep/overlay';
 *
 * const ring = KeyRing.generate({ random: (bytes) => void randomFillSync(bytes) });
 * console.log(ring.keys.map(({ tag }) => tag), ring.transmit.tag); // [ 1, 2, 3 ] 2
 * ring.wipe();
 */
export class KeyRing {
  readonly keys: readonly ClusterKey[];

  /** @throws OverlayError `BAD_KEY_RING` for no keys, too many, or two keys that yield the same SPIs */
  constructor(keys: readonly ClusterKey[]) {
    if (keys.length === 0) throw new OverlayError('BAD_KEY_RING', 'a key ring holds at least one key');
    if (keys.length > MAX_KEYS) {
      throw new OverlayError('BAD_KEY_RING', `a key ring holds at most ${MAX_KEYS} keys, not ${keys.length}`);
    }
    this.keys = [...keys].sort((a, b) => a.tag - b.tag);
    const seen = new Map<number, number>();
    for (const { tag } of this.keys) {
      const before = seen.get(tag % SPI_TAGS);
      if (before === tag) throw new OverlayError('BAD_KEY_RING', `two keys have the tag ${tag}`);
      if (before !== undefined) {
        throw new OverlayError(
          'BAD_KEY_RING',
          `the tags ${before} and ${tag} agree in the 32 bits that SPIs are derived from`,
        );
      }
      seen.set(tag % SPI_TAGS, tag);
    }
  }

  /**
   * Creates a ring of new keys.
   * @throws OverlayError `BAD_KEY_RING`
   */
  static generate({ random, count = 3, keyBytes = 16, firstTag = 1 }: GeneratedKeys): KeyRing {
    if (!Number.isInteger(count) || count < 1 || count > MAX_KEYS) {
      throw new OverlayError('BAD_KEY_RING', `a key ring holds 1 to ${MAX_KEYS} keys, not ${shown(count)}`);
    }
    return new KeyRing(Array.from({ length: count }, (_, i) => generateKey(firstTag + i, keyBytes, random)));
  }

  /**
   * The key that nodes send with: the middle one of three (moby daemon/libnetwork/agent.go), so that nodes one rotation
   * apart understand each other.
   */
  get transmit(): ClusterKey {
    return this.keys[(this.keys.length - 1) >> 1];
  }

  /**
   * The ring after a rotation: without the oldest key, and with a new one after the newest. Remaining keys are the same
   * objects; the dropped one isn't wiped.
   * @param random fills an array with cryptographic random bytes
   * @param tagStep increment from the newest tag to the new one. Default: 1. (Swarm's are about 2 apart, since gossip
   * keys share the counter.)
   * @throws OverlayError `BAD_KEY_RING` if the tags are exhausted, or for a step below 1
   */
  rotated(random: (bytes: Uint8Array) => void, tagStep = 1): KeyRing {
    if (!Number.isInteger(tagStep) || tagStep < 1) {
      throw new OverlayError(
        'BAD_KEY_RING',
        `a new key's tag must be at least 1 above the newest, not ${quoted(String(tagStep))}`,
      );
    }
    const newest = this.keys[this.keys.length - 1];
    const key = newest.use((bytes) => generateKey(newest.tag + tagStep, bytes.length, random));
    return new KeyRing([...this.keys.slice(1), key]);
  }

  /**
   * A ring with its own copies of the keys, which the caller may wipe.
   * @throws OverlayError `KEY_WIPED`
   */
  copy(): KeyRing {
    return new KeyRing(this.keys.map((key) => key.use((bytes) => new ClusterKey(key.tag, bytes))));
  }

  /** Overwrites all keys with zeros. */
  wipe(): void {
    for (const key of this.keys) key.wipe();
  }
}

/**
 * Rejects keys that protect nothing: a single repeated byte (zeros, as in a template), or the same key under two tags,
 * which makes a rotation pointless. Called for keys from files, which people edit.
 * @returns the ring
 * @throws OverlayError `WEAK_KEY` with the tags
 */
export function refuseWeakKeys(ring: KeyRing): KeyRing {
  const { keys } = ring;
  const make = 'generate a ring with vtep keys generate';
  keys.forEach((key, i) => {
    if (key.use(isRepeatedByte)) {
      throw new OverlayError('WEAK_KEY', `the key with tag ${key.tag} is a single repeated byte; ${make}`);
    }
    const twin = keys.slice(0, i).find((other) => key.use((own) => other.use((bytes) => sameSecret(own, bytes))));
    if (twin === undefined) return;
    throw new OverlayError(
      'WEAK_KEY',
      `the keys with tags ${twin.tag} and ${key.tag} are the same, so a rotation changes nothing; ${make}`,
    );
  });
  return ring;
}

function generateKey(tag: number, keyBytes: number, random: (bytes: Uint8Array) => void): ClusterKey {
  if (keyBytes !== 16 && keyBytes !== 24 && keyBytes !== 32) {
    throw new OverlayError('BAD_KEY_RING', `an AES key has 16, 24 or 32 bytes, not ${shown(keyBytes)}`);
  }
  const bytes = secretBytes(keyBytes);
  random(bytes);
  const key = new ClusterKey(tag, bytes);
  bytes.fill(0);
  return key;
}

/** Formats a value that should be a number, but may be a key passed by an untyped caller. */
function shown(value: unknown): string {
  const text = String(value);
  return typeof value === 'number' && withoutKeyParts(text) === text ? text : quoted(text);
}
