/** ESP by WebCrypto. */
export { WebCryptoEsp, type WebCryptoEspOptions } from './web-crypto-esp.js';
export type { GcmParameters, Subtle, SubtleKey } from './subtle.js';
