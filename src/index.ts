/**
 * vtep: VXLAN and IPsec overlays, packet by packet.
 * @module vtep
 */
export * from './aead/index.js';
export * from './capture/index.js';
export * from './dataplane/index.js';
export { VtepError } from './error.js';
export * from './fragment/index.js';
export * from './inspect/index.js';
export * from './ipsec/index.js';
export * from './live/index.js';
export * from './memory/index.js';
export * from './overlay/files.js';
export * from './overlay/index.js';
export * from './replay/index.js';
export * from './wire/index.js';
export * from './workers/index.js';
