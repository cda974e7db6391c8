/**
 * AES-GCM over batches of packets: the interface, its backends for Node, and the choice between them.
 * @module vtep/aead
 */
export type { Aead, AeadBackend } from './aead.js';
export { AeadBatch, isIcvLength, NONCE_BYTES, NONCE_STRIDE } from './aead-batch.js';
export { AEAD_BACKENDS, type AeadChoice, chooseAead, type PassedOver } from './choose.js';
export { AeadError, type AeadErrorCode } from './error.js';
export { hkdfSha256 } from './hkdf.js';
export { ipsecMbBackend } from './ipsec-mb-aead.js';
export { nodeBackend } from './node-aead.js';
export { opensslBackend } from './openssl-aead.js';
export { selfTest } from './self-test.js';
