/** Bytes of captures, wherever they are. */
export { BlobStore } from './blob-store.js';
export type { ByteLocation, ByteStore } from './byte-store.js';
export { expandedLocation, type ExpandedLocation, type ExpandOptions, MAX_EXPANDED } from './expand-gzip.js';
export { RangeStore } from './range-store.js';
export { storeAt } from './store-at.js';
export { StoreError, type StoreErrorCode } from './store-error.js';
export { PIECE_BYTES, StoreReader } from './store-reader.js';
