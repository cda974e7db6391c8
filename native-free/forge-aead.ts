/** AES-GCM by node-forge: pure JavaScript, for environments with neither Node nor a native library. */
import 'node-forge/lib/aes.js';
import forge, { type BlockCipher } from 'node-forge/lib/forge.js';
import { type Aead, type AeadBackend, type AeadBatch, NONCE_BYTES, NONCE_STRIDE } from '../src/aead/portable.js';
import { equalBytes } from '../src/memory/internal.js';
import { checkKeyLength, KeySlots } from '../src/aead/internal.js';

interface Key {
  readonly encrypt: BlockCipher;
  readonly decrypt: BlockCipher;
}

/**
 * Length of a full tag in bits. node-forge truncates tags incorrectly (it returns a full one if asked for 64 bits), so
 * they are truncated here.
 */
const TAG_BITS = 128;
const TAG_BYTES = TAG_BITS / 8;
/** Placeholder: node-forge needs a tag before it decrypts, but would not compare it in constant time. */
const NO_TAG = '\0'.repeat(TAG_BYTES);

/** Encodes bytes as a node-forge string, one character per byte. */
function text(bytes: Uint8Array): string {
  return forge.util.binary.raw.encode(bytes);
}

class ForgeAead implements Aead {
  readonly name = 'forge';
  readonly #keys = new KeySlots<Key>();
  readonly #tag = new Uint8Array(TAG_BYTES);

  addKey(key: Uint8Array): number {
    checkKeyLength(key.length);
    return this.#keys.add(key, (bytes) => ({
      encrypt: forge.cipher.createCipher('AES-GCM', text(bytes)),
      decrypt: forge.cipher.createDecipher('AES-GCM', text(bytes)),
    }));
  }

  /**
   * Removes a key. node-forge keeps keys in JavaScript strings, which can't be wiped; the garbage collector frees them.
   */
  removeKey(id: number): void {
    this.#keys.remove(id);
  }

  seal(batch: AeadBatch): void {
    batch.check();
    this.#keys.check(batch.key, batch.count);
    for (let i = 0; i < batch.count; i++) {
      this.#run(batch, i, this.#keys.get(batch.key[i]).encrypt, undefined);
      const at = batch.icvOffset[i];
      batch.bytes.set(this.#tag.subarray(0, batch.icvLength[i]), at);
    }
  }

  open(batch: AeadBatch): void {
    batch.check();
    this.#keys.check(batch.key, batch.count);
    for (let i = 0; i < batch.count; i++) {
      this.#run(batch, i, this.#keys.get(batch.key[i]).decrypt, NO_TAG);
      const right = equalBytes(batch.bytes, batch.icvOffset[i], this.#tag, 0, batch.icvLength[i]);
      batch.verified[i] = right ? 1 : 0;
      if (!right) batch.bytes.fill(0, batch.offset[i], batch.offset[i] + batch.length[i]);
    }
  }

  /** Encrypts or decrypts a packet in place and leaves its full tag in `#tag`. */
  #run(batch: AeadBatch, i: number, cipher: BlockCipher, tag: string | undefined): void {
    const from = batch.offset[i];
    const nonce = batch.nonce.subarray(i * NONCE_STRIDE, i * NONCE_STRIDE + NONCE_BYTES);
    const aad = batch.aad.subarray(i * batch.aadStride, i * batch.aadStride + batch.aadLength[i]);
    const options = { iv: text(nonce), additionalData: text(aad), tagLength: TAG_BITS };
    cipher.start(tag === undefined ? options : { ...options, tag });
    cipher.update(forge.util.createBuffer(text(batch.bytes.subarray(from, from + batch.length[i]))));
    cipher.finish();
    copy(cipher.output.getBytes(), batch.bytes, from);
    copy(cipher.mode.tag.bytes(), this.#tag, 0);
  }
}

function copy(characters: string, bytes: Uint8Array, offset: number): void {
  for (let i = 0; i < characters.length; i++) bytes[offset + i] = characters.charCodeAt(i);
}

/** AES-GCM by node-forge: runs anywhere, but can't wipe keys. */
export const forgeBackend: AeadBackend = { name: 'forge', create: () => new ForgeAead() };
