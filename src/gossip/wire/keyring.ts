/** Encryption of gossip: AES-GCM under the primary key, decryption with any key of the ring. */
import { type Aead, AeadBatch, NONCE_BYTES } from '../../aead/portable.js';
import { VtepError } from '../../error.js';
import type { RandomBytes } from '../../memory/index.js';
import { platformRandom } from '../../memory/internal.js';
import type { GossipFault } from './fault.js';

const TAG_BYTES = 16;
const BLOCK_BYTES = 16;
const HEADER_BYTES = 1 + NONCE_BYTES;
/** The additional data of a stream's frame: its 5 bytes of header, and a label of at most 255 bytes. */
const MAX_AAD = 5 + 255;

/** How a message is encrypted. */
export const EncryptionVersion = {
  /** AES-GCM with PKCS #7 padding to 16 bytes, for memberlist's first protocol. */
  Padded: 0,
  /** AES-GCM. */
  Plain: 1,
} as const;
export type EncryptionVersion = (typeof EncryptionVersion)[keyof typeof EncryptionVersion];

interface Key {
  readonly tag: number;
  /** Id in the cipher. */
  readonly id: number;
}

/** Length of a message once it is encrypted, in bytes: 29 more, and padding in version 0. */
export function encryptedLength(version: EncryptionVersion, length: number): number {
  const padding = version === EncryptionVersion.Padded ? BLOCK_BYTES - (length % BLOCK_BYTES) : 0;
  return HEADER_BYTES + length + padding + TAG_BYTES;
}

/**
 * Keys of a cluster: one that encrypts, and those that others may use. Swarm's are known by their Lamport times.
 * @example
 * import { chooseAead } from 'vtep/aead';
 * import { GossipKeyring } from 'vtep/gossip';
 *
 * const keys = new GossipKeyring(chooseAead().aead);
 * keys.add(1, crypto.getRandomValues(new Uint8Array(16)));
 */
export class GossipKeyring {
  readonly #aead: Aead;
  readonly #random: RandomBytes;
  readonly #batch = new AeadBatch(1, MAX_AAD);
  /** The primary is the first. */
  #keys: readonly Key[] = [];
  /** Tag of the key that `open` succeeded with last. */
  openedBy = -1;

  /**
   * @param aead encrypts and decrypts; the ring adds its keys to it
   * @param random makes nonces. Default: the platform's source
   */
  constructor(aead: Aead, random: RandomBytes = platformRandom) {
    this.#aead = aead;
    this.#random = random;
  }

  /** Tags of the keys; the first is the primary's. */
  get tags(): readonly number[] {
    return this.#keys.map(({ tag }) => tag);
  }

  /**
   * Adds a key. The first one becomes the primary.
   * @param tag distinguishes it, as its Lamport time; if there is a key with this tag, nothing changes
   * @param key 16, 24 or 32 bytes; copied
   * @throws AeadError `BAD_KEY_LENGTH`
   */
  add(tag: number, key: Uint8Array): void {
    if (this.#keys.some((other) => other.tag === tag)) return;
    this.#keys = [...this.#keys, { tag, id: this.#aead.addKey(key) }];
  }

  /**
   * Makes a key the primary, which encrypts.
   * @throws VtepError `BAD_GOSSIP` if there is no such key
   */
  use(tag: number): void {
    const primary = this.#keys.find((key) => key.tag === tag);
    if (primary === undefined) throw new VtepError('BAD_GOSSIP', `there is no key with tag ${tag}`);
    this.#keys = [primary, ...this.#keys.filter((key) => key !== primary)];
  }

  /**
   * Removes a key and wipes it; unknown ones are ignored.
   * @throws VtepError `BAD_GOSSIP` for the primary, since then nothing could be sent: `use` another first
   */
  remove(tag: number): void {
    const index = this.#keys.findIndex((key) => key.tag === tag);
    if (index < 0) return;
    if (index === 0) throw new VtepError('BAD_GOSSIP', `the key with tag ${tag} is the primary one`);
    this.#aead.removeKey(this.#keys[index].id);
    this.#keys = this.#keys.filter((_, i) => i !== index);
  }

  /** Removes and wipes all keys. */
  wipe(): void {
    for (const { id } of this.#keys) this.#aead.removeKey(id);
    this.#keys = [];
  }

  /**
   * Encrypts a message under the primary key.
   * @param aad additional data: the label of a packet; a stream's header and label
   * @returns version, nonce, ciphertext and tag
   * @throws VtepError `BAD_GOSSIP` without keys
   */
  seal(plain: Uint8Array, aad: Uint8Array, version: EncryptionVersion = EncryptionVersion.Plain): Uint8Array {
    if (this.#keys.length === 0) throw new VtepError('BAD_GOSSIP', 'there is no key to encrypt with');
    const sealed = new Uint8Array(encryptedLength(version, plain.length));
    const nonce = sealed.subarray(1, HEADER_BYTES);
    sealed[0] = version;
    this.#random(nonce);
    sealed.set(plain, HEADER_BYTES);
    const end = sealed.length - TAG_BYTES;
    sealed.fill(end - HEADER_BYTES - plain.length, HEADER_BYTES + plain.length, end);
    this.#fill(this.#keys[0], sealed, HEADER_BYTES, end, nonce, aad);
    this.#aead.seal(this.#batch);
    return sealed;
  }

  /**
   * Decrypts a message with the key that fits, and sets `openedBy`.
   * @param sealed version, nonce, ciphertext and tag; unchanged
   */
  open(sealed: Uint8Array, aad: Uint8Array): Uint8Array | GossipFault {
    if (sealed.length === 0) return 'truncated';
    const version = sealed[0];
    if (version !== EncryptionVersion.Padded && version !== EncryptionVersion.Plain) return 'bad-encryption-version';
    if (sealed.length < encryptedLength(version, 0)) return 'truncated';
    const nonce = sealed.subarray(1, HEADER_BYTES);
    for (const key of this.#keys) {
      // A failed attempt wipes the bytes. Not `slice`: that of a Buffer copies nothing.
      const bytes = new Uint8Array(sealed.subarray(HEADER_BYTES));
      const end = bytes.length - TAG_BYTES;
      this.#fill(key, bytes, 0, end, nonce, aad);
      this.#aead.open(this.#batch);
      if (this.#batch.verified[0] === 0) continue;
      this.openedBy = key.tag;
      return version === EncryptionVersion.Plain ? bytes.subarray(0, end) : unpadded(bytes.subarray(0, end));
    }
    return 'no-key-fits';
  }

  #fill({ id }: Key, bytes: Uint8Array, start: number, end: number, nonce: Uint8Array, aad: Uint8Array): void {
    const batch = this.#batch;
    batch.count = 1;
    batch.bytes = bytes;
    batch.key[0] = id;
    batch.offset[0] = start;
    batch.length[0] = end - start;
    batch.icvOffset[0] = end;
    batch.icvLength[0] = TAG_BYTES;
    batch.nonce.set(nonce);
    batch.aad.set(aad);
    batch.aadLength[0] = aad.length;
  }
}

/** Removes PKCS #7 padding. memberlist looks at the last byte only; the others are authenticated, too. */
function unpadded(bytes: Uint8Array): Uint8Array | GossipFault {
  const padding = bytes[bytes.length - 1];
  if (padding === 0 || padding > BLOCK_BYTES || padding > bytes.length) return 'bad-padding';
  return bytes.subarray(0, bytes.length - padding);
}
