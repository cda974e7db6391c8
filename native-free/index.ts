/**
 * vtep without Node: no `node:` imports and no native code, so that a browser can load it.
 *
 * It has every module up to vtep/inspect and vtep/picture, and AES-GCM by node-forge ({@link forgeBackend}), or by
 * WebCrypto for the ESP of captures ({@link WebCryptoEsp}). Captures
 * are passed as bytes (`openCapture(new MemoryReader(bytes))`). The pcap-parser source needs Node streams and has a
 * separate entry point, `vtep/native-free/pcap-parser`.
 * @module vtep/native-free
 */
export * from '../src/aead/portable.js';
export * from '../src/capture/portable.js';
export * from '../src/dataplane/index.js';
export * from '../src/fragment/index.js';
export * from '../src/gossip/index.js';
export * from '../src/inspect/index.js';
export * from '../src/ipsec/index.js';
export * from '../src/memory/index.js';
export * from '../src/overlay/files.js';
export * from '../src/overlay/index.js';
export * from '../src/picture/index.js';
export * from '../src/wire/index.js';
export { forgeBackend } from './forge-aead.js';
export { forgeHkdfSha256 } from './forge-hkdf.js';
export {
  type GcmParameters,
  type Subtle,
  type SubtleKey,
  WebCryptoEsp,
  type WebCryptoEspOptions,
} from './webcrypto/index.js';
