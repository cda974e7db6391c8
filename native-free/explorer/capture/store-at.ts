import { BlobStore } from './blob-store.js';
import type { ByteLocation, ByteStore } from './byte-store.js';
import { RangeStore } from './range-store.js';

/** Opens the bytes at a location; the first read says whether they are there. */
export function storeAt(location: ByteLocation): ByteStore {
  return location.kind === 'blob'
    ? new BlobStore(location.blob, location.name)
    : new RangeStore(location.url, location.name, location.size);
}
