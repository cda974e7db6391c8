/**
 * AES-GCM by the OpenSSL whose symbols the running node executable exports: one cached EVP context per key and
 * direction, in which a packet only sets the nonce. This saves the key schedule, and node:crypto's objects.
 */
import { type Aead, type AeadBackend, checkKeyLength } from './aead.js';
import { type AeadBatch, NONCE_STRIDE } from './aead-batch.js';
import { AeadError } from './error.js';
import { AddressCache, CType, type ForeignFunction, ForeignLibrary, NativeMemory } from '../foreign/index.js';
import { KeySlots } from './key-slots.js';
import { native } from './native.js';

const { Pointer, Int, Void } = CType;

// include/openssl/evp.h
const EVP_CTRL_AEAD_GET_TAG = 0x10;
const EVP_CTRL_AEAD_SET_TAG = 0x11;

/** The OpenSSL functions used. */
class Evp {
  readonly newContext: ForeignFunction;
  readonly freeContext: ForeignFunction;
  readonly control: ForeignFunction;
  readonly encryptInit: ForeignFunction;
  readonly encryptUpdate: ForeignFunction;
  readonly encryptFinal: ForeignFunction;
  readonly decryptInit: ForeignFunction;
  readonly decryptUpdate: ForeignFunction;
  readonly decryptFinal: ForeignFunction;
  readonly clearErrors: ForeignFunction;
  /** Addresses of the ciphers, by key length. */
  readonly ciphers: Readonly<Record<number, number>>;

  constructor() {
    const node = new ForeignLibrary(null, 'this program exports no symbols');
    this.newContext = node.function('EVP_CIPHER_CTX_new', Pointer, []);
    this.freeContext = node.function('EVP_CIPHER_CTX_free', Void, [Pointer]);
    this.control = node.function('EVP_CIPHER_CTX_ctrl', Int, [Pointer, Int, Int, Pointer]);
    const init: CType[] = [Pointer, Pointer, Pointer, Pointer, Pointer];
    const update: CType[] = [Pointer, Pointer, Pointer, Pointer, Int];
    const final: CType[] = [Pointer, Pointer, Pointer];
    this.encryptInit = node.function('EVP_EncryptInit_ex', Int, init);
    this.encryptUpdate = node.function('EVP_EncryptUpdate', Int, update);
    this.encryptFinal = node.function('EVP_EncryptFinal_ex', Int, final);
    this.decryptInit = node.function('EVP_DecryptInit_ex', Int, init);
    this.decryptUpdate = node.function('EVP_DecryptUpdate', Int, update);
    this.decryptFinal = node.function('EVP_DecryptFinal_ex', Int, final);
    this.clearErrors = node.function('ERR_clear_error', Void, []);
    const cipher = (name: string): number => node.function(name, Pointer, [])();
    this.ciphers = {
      16: cipher('EVP_aes_128_gcm'),
      24: cipher('EVP_aes_192_gcm'),
      32: cipher('EVP_aes_256_gcm'),
    };
  }
}

/** Contexts of a key; OpenSSL wipes them when they are freed (EVP_CIPHER_CTX_free). */
interface Contexts {
  encrypt: number;
  decrypt: number;
}

class OpensslAead implements Aead {
  readonly name = 'openssl';
  readonly #evp: Evp;
  readonly #keys = new KeySlots<Contexts>();
  /** Output length written by OpenSSL; ignored, since GCM's output is as long as its input. */
  readonly #outLength = new NativeMemory(16);
  readonly #scratch = new NativeMemory(32);
  readonly #bytes = new AddressCache();
  readonly #nonce = new AddressCache();
  readonly #aad = new AddressCache();

  constructor(evp: Evp) {
    this.#evp = evp;
  }

  addKey(key: Uint8Array): number {
    checkKeyLength(key.length);
    return this.#keys.add(key, (bytes) => this.#contexts(bytes));
  }

  #contexts(key: Uint8Array): Contexts {
    const evp = this.#evp;
    const { bytes, address } = this.#scratch;
    bytes.set(key);
    const contexts = { encrypt: evp.newContext(), decrypt: evp.newContext() };
    const cipher = evp.ciphers[key.length];
    const made =
      contexts.encrypt !== 0 &&
      contexts.decrypt !== 0 &&
      evp.encryptInit(contexts.encrypt, cipher, 0, address, 0) === 1 &&
      evp.decryptInit(contexts.decrypt, cipher, 0, address, 0) === 1;
    bytes.fill(0);
    if (!made) {
      this.#free(contexts);
      throw new AeadError('AEAD_UNAVAILABLE', 'OpenSSL returned no context for AES-GCM');
    }
    return contexts;
  }

  removeKey(id: number): void {
    const contexts = this.#keys.remove(id);
    if (contexts !== undefined) this.#free(contexts);
  }

  #free(contexts: Contexts): void {
    // Freeing 0 is a no-op.
    this.#evp.freeContext(contexts.encrypt);
    this.#evp.freeContext(contexts.decrypt);
    contexts.encrypt = 0;
    contexts.decrypt = 0;
  }

  seal(batch: AeadBatch): void {
    batch.check();
    this.#keys.check(batch.key, batch.count);
    const { encryptInit, encryptUpdate, encryptFinal, control } = this.#evp;
    const { aadStride, count } = batch;
    const outLength = this.#outLength.address;
    const bytes = this.#bytes.of(batch.bytes);
    const nonces = this.#nonce.of(batch.nonce);
    const aads = this.#aad.of(batch.aad);
    for (let i = 0; i < count; i++) {
      const context = this.#keys.get(batch.key[i]).encrypt;
      const at = bytes + batch.offset[i];
      const length = batch.length[i];
      const aadLength = batch.aadLength[i];
      let done = encryptInit(context, 0, 0, 0, nonces + i * NONCE_STRIDE);
      if (aadLength > 0) done &= encryptUpdate(context, 0, outLength, aads + i * aadStride, aadLength);
      if (length > 0) done &= encryptUpdate(context, at, outLength, at, length);
      done &= encryptFinal(context, at, outLength);
      done &= control(context, EVP_CTRL_AEAD_GET_TAG, batch.icvLength[i], bytes + batch.icvOffset[i]);
      if (done !== 1) throw new AeadError('AEAD_UNAVAILABLE', 'OpenSSL failed to encrypt');
    }
  }

  open(batch: AeadBatch): void {
    batch.check();
    this.#keys.check(batch.key, batch.count);
    const { decryptInit, decryptUpdate, decryptFinal, control } = this.#evp;
    const { aadStride, count, verified } = batch;
    const outLength = this.#outLength.address;
    const bytes = this.#bytes.of(batch.bytes);
    const nonces = this.#nonce.of(batch.nonce);
    const aads = this.#aad.of(batch.aad);
    let failed = false;
    for (let i = 0; i < count; i++) {
      const context = this.#keys.get(batch.key[i]).decrypt;
      const from = batch.offset[i];
      const at = bytes + from;
      const length = batch.length[i];
      const aadLength = batch.aadLength[i];
      let done = decryptInit(context, 0, 0, 0, nonces + i * NONCE_STRIDE);
      done &= control(context, EVP_CTRL_AEAD_SET_TAG, batch.icvLength[i], bytes + batch.icvOffset[i]);
      if (aadLength > 0) done &= decryptUpdate(context, 0, outLength, aads + i * aadStride, aadLength);
      if (length > 0) done &= decryptUpdate(context, at, outLength, at, length);
      if (done !== 1) throw new AeadError('AEAD_UNAVAILABLE', 'OpenSSL failed to decrypt');
      // Compares the ICV in constant time (CRYPTO_memcmp).
      verified[i] = decryptFinal(context, at, outLength) === 1 ? 1 : 0;
      if (verified[i] === 0) {
        batch.bytes.fill(0, from, from + length);
        failed = true;
      }
    }
    // node:crypto would report an error left in the thread's queue as its own on its next call.
    if (failed) this.#evp.clearErrors();
  }
}

/** Node's own OpenSSL, called through koffi, which must be installed. */
export const opensslBackend: AeadBackend = { name: 'openssl', create: () => new OpensslAead(native(() => new Evp())) };
