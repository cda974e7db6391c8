/**
 * AES-GCM over batches of packets: the interface, its backends for Node, and the choice between them.
 * @module vtep/aead
 */
export * from './portable.js';
export { AEAD_BACKENDS, type AeadChoice, chooseAead, type SkippedBackend } from './choose.js';
export { hkdfSha256 } from './hkdf.js';
export { ipsecMbBackend } from './ipsec-mb-aead.js';
export { nodeBackend } from './node-aead.js';
export { opensslBackend } from './openssl-aead.js';
