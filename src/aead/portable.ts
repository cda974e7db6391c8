/**
 * The part of `vtep/aead` that doesn't depend on Node: the interface that ciphers implement, batches, and the
 * self-test.
 */
export type { Aead, AeadBackend } from './aead.js';
export { AeadBatch, isIcvLength, NONCE_BYTES, NONCE_STRIDE } from './aead-batch.js';
export { AeadError, type AeadErrorCode } from './error.js';
export { selfTest } from './self-test.js';
