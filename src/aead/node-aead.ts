/** AES-GCM by node:crypto: one cipher object per packet. Slow, but available wherever Node is. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { secretCopy } from '../memory/internal.js';
import { type Aead, type AeadBackend, checkKeyLength } from './aead.js';
import { type AeadBatch, NONCE_BYTES, NONCE_STRIDE } from './aead-batch.js';
import { KeySlots } from './key-slots.js';

type Algorithm = 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm';

interface Key {
  readonly algorithm: Algorithm;
  readonly bytes: Uint8Array;
}

const ALGORITHMS: Readonly<Record<number, Algorithm>> = { 16: 'aes-128-gcm', 24: 'aes-192-gcm', 32: 'aes-256-gcm' };

class NodeAead implements Aead {
  readonly name = 'node';
  readonly #keys = new KeySlots<Key>();

  addKey(key: Uint8Array): number {
    checkKeyLength(key.length);
    return this.#keys.add(key, (bytes) => ({ algorithm: ALGORITHMS[bytes.length], bytes: secretCopy(bytes) }));
  }

  removeKey(id: number): void {
    this.#keys.remove(id)?.bytes.fill(0);
  }

  seal(batch: AeadBatch): void {
    batch.check();
    this.#keys.check(batch.key, batch.count);
    const { bytes } = batch;
    for (let i = 0; i < batch.count; i++) {
      const key = this.#keys.get(batch.key[i]);
      const from = batch.offset[i];
      const nonce = batch.nonce.subarray(i * NONCE_STRIDE, i * NONCE_STRIDE + NONCE_BYTES);
      const aad = batch.aad.subarray(i * batch.aadStride, i * batch.aadStride + batch.aadLength[i]);
      const cipher = createCipheriv(key.algorithm, key.bytes, nonce, { authTagLength: batch.icvLength[i] });
      cipher.setAAD(aad);
      bytes.set(cipher.update(bytes.subarray(from, from + batch.length[i])), from);
      cipher.final();
      bytes.set(cipher.getAuthTag(), batch.icvOffset[i]);
    }
  }

  open(batch: AeadBatch): void {
    batch.check();
    this.#keys.check(batch.key, batch.count);
    const { bytes } = batch;
    for (let i = 0; i < batch.count; i++) {
      const key = this.#keys.get(batch.key[i]);
      const from = batch.offset[i];
      const to = from + batch.length[i];
      const icv = batch.icvOffset[i];
      const nonce = batch.nonce.subarray(i * NONCE_STRIDE, i * NONCE_STRIDE + NONCE_BYTES);
      const aad = batch.aad.subarray(i * batch.aadStride, i * batch.aadStride + batch.aadLength[i]);
      const decipher = createDecipheriv(key.algorithm, key.bytes, nonce, { authTagLength: batch.icvLength[i] });
      decipher.setAAD(aad);
      decipher.setAuthTag(bytes.subarray(icv, icv + batch.icvLength[i]));
      const plain = decipher.update(bytes.subarray(from, to));
      // Node reports a wrong ICV by throwing (OpenSSL has compared it in constant time).
      try {
        decipher.final();
        bytes.set(plain, from);
        batch.verified[i] = 1;
      } catch {
        bytes.fill(0, from, to);
        batch.verified[i] = 0;
      }
      plain.fill(0);
    }
  }
}

/** AES-GCM by node:crypto; always available. */
export const nodeBackend: AeadBackend = { name: 'node', create: () => new NodeAead() };
