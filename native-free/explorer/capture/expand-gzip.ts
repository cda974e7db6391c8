/** Expands gzip-compressed captures: what is compressed can only be read from its start. */
import { VtepError } from '../../../src/error.js';
import type { ByteLocation } from './byte-store.js';
import { storeAt } from './store-at.js';
import { StoreError } from './store-error.js';
import { StoreReader } from './store-reader.js';

/** Most bytes of an expanded file: 1 GiB. */
export const MAX_EXPANDED = 2 ** 30;
/** Bytes that are joined before they are handed to the browser, which may keep them on disk. */
const PART_BYTES = 1 << 24;
const READ_BYTES = 1 << 18;
const MAGIC = [0x1f, 0x8b] as const;

/** A location whose bytes can be read at any offset. */
export interface ExpandedLocation {
  readonly location: ByteLocation;
  /** Why the file ends early, if it does: what was expanded before is there. */
  readonly damage: string | undefined;
}

/** Options of `expandedLocation`. */
export interface ExpandOptions {
  /**
   * Most bytes of an expanded file.
   * @default MAX_EXPANDED
   */
  readonly maxBytes?: number;
  /** Called with the number of bytes of the compressed file that were read. */
  readonly progress?: (position: number) => void;
}

/**
 * The location itself or, of a gzip-compressed file, one of its expanded bytes. Offsets of packets are offsets in those, so expand
 * a file once, before it is indexed, and use the result wherever its bytes are read.
 * @throws StoreError `TOO_LARGE`, `NOT_EXPANDED`, and those of reading it; CaptureError `FILE_UNUSABLE` caused by one
 */
export async function expandedLocation(location: ByteLocation, options: ExpandOptions = {}): Promise<ExpandedLocation> {
  const store = storeAt(location);
  const start = await store.read(0, Math.min(store.size, MAGIC.length));
  if (start.length < MAGIC.length || start.some((byte, i) => byte !== MAGIC[i])) return { location, damage: undefined };
  if (typeof DecompressionStream === 'undefined') {
    throw new StoreError('NOT_EXPANDED', `${store.name}: this browser can't expand gzip; expand it with gunzip`);
  }
  const { maxBytes = MAX_EXPANDED, progress } = options;
  const expanded = new BlobParts();
  const stream = new DecompressionStream('gzip');
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  const written = pump(new StoreReader(store), writer, progress);
  // Its failure is that of the reader, too.
  written.catch(() => undefined);
  let damage: string | undefined;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const bytes = next.value as Uint8Array<ArrayBuffer>;
      if (expanded.size + bytes.length > maxBytes) {
        void reader.cancel().then(undefined, () => undefined);
        const limit = `${Math.floor(maxBytes / 2 ** 20)} MiB`;
        const what = `it expands to more than the ${limit} that are kept; expand it with gunzip, and open the result`;
        throw new StoreError('TOO_LARGE', `${store.name}: ${what}`);
      }
      expanded.add(bytes);
    }
    await written;
  } catch (error) {
    if (error instanceof VtepError) throw error;
    // A browser says nothing that helps: "The compressed data was not valid".
    damage = 'its compressed data is damaged, cut off, or followed by something else';
    if (expanded.size === 0) throw new StoreError('NOT_EXPANDED', `${store.name}: ${damage}`, { cause: error });
  }
  return { location: { kind: 'blob', name: location.name, blob: expanded.blob() }, damage };
}

interface Writer {
  readonly ready: Promise<unknown>;
  write(chunk: Uint8Array<ArrayBuffer>): Promise<void>;
  close(): Promise<void>;
  abort(reason: unknown): Promise<void>;
}

async function pump(reader: StoreReader, writer: Writer, progress?: (position: number) => void): Promise<void> {
  let position = 0;
  try {
    for (;;) {
      const chunk = new Uint8Array(READ_BYTES);
      const count = await reader.read(chunk);
      if (count === 0) break;
      await writer.ready;
      writer.write(chunk.subarray(0, count)).catch(() => undefined);
      position += count;
      progress?.(position);
    }
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => undefined);
    throw error;
  } finally {
    reader.close();
  }
}

/** Bytes on their way into a `Blob`, in parts, so that most of them needn't be in the memory of this thread. */
class BlobParts {
  size = 0;
  readonly #parts: Blob[] = [];
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #waiting = 0;

  add(chunk: Uint8Array<ArrayBuffer>): void {
    this.#chunks.push(chunk);
    this.#waiting += chunk.length;
    this.size += chunk.length;
    if (this.#waiting >= PART_BYTES) this.#join();
  }

  blob(): Blob {
    this.#join();
    return new Blob(this.#parts);
  }

  #join(): void {
    this.#parts.push(new Blob(this.#chunks));
    this.#chunks = [];
    this.#waiting = 0;
  }
}
