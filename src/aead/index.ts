/**
 * AES-GCM over batches of packets: the interface, its backends for Node, and the choice between them.
 *
 * Start with {@link chooseAead}, which picks from ipsec-mb, OpenSSL and node:crypto ({@link AEAD_BACKENDS}) and
 * returns the fastest that works here. Each backend passes a self-test with published vectors before it is used.
 * {@link hkdfSha256} derives the keys of the strict profile.
 * @module vtep/aead
 */
export * from './portable.js';
export { AEAD_BACKENDS, type AeadChoice, chooseAead, type SkippedBackend } from './choose.js';
export { hkdfSha256 } from './hkdf.js';
export { ipsecMbBackend } from './ipsec-mb-aead.js';
export { nodeBackend } from './node-aead.js';
export { opensslBackend } from './openssl-aead.js';
