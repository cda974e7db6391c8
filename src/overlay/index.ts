/** What the network is: its keys, and what is made of them. */
export { OverlayError, type OverlayErrorCode } from './error.js';
export { ClusterKey, KeyRing } from './key-ring.js';
export { type KeyRingFile, parseKeyRing, parseSwarmKeys } from './key-ring-file.js';
export { type KeysFile, parseKeys } from './keys-file.js';
export { deriveSa, type HkdfSha256, type PairKey, Profile } from './profile.js';
export { RingResolver, type RingResolverOptions, type RingSa } from './ring-resolver.js';
export { deriveSpi, SpiForm } from './spi.js';
