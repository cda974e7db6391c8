/** A file that the user chose, or bytes in memory. */
import type { ByteStore } from './byte-store.js';
import { StoreError } from './store-error.js';

/** Reads a `Blob`. A browser refuses to read a file that has changed since the user chose it. */
export class BlobStore implements ByteStore {
  readonly name: string;
  readonly size: number;
  readonly #blob: Blob;

  constructor(blob: Blob, name: string) {
    this.#blob = blob;
    this.name = name;
    this.size = blob.size;
  }

  /** @throws StoreError `READ_FAILED` */
  async read(from: number, to: number): Promise<Uint8Array> {
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(await this.#blob.slice(from, to).arrayBuffer());
    } catch (error) {
      const why = 'the browser can no longer read it: it was changed, moved or deleted; open it again';
      throw new StoreError('READ_FAILED', `${this.name}: ${why}`, { cause: error });
    }
    if (bytes.length !== to - from) {
      throw new StoreError('READ_FAILED', `${this.name}: it has become shorter since it was opened; open it again`);
    }
    return bytes;
  }
}
