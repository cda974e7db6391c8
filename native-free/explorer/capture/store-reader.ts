/** Reads a store from its start to its end, for `openCapture`. */
import { type ByteReader, CaptureError } from '../../../src/capture/portable.js';
import type { ByteStore } from './byte-store.js';
import { StoreError } from './store-error.js';

/** Bytes of a read of the store: large, since each takes a trip to another process. */
export const PIECE_BYTES = 1 << 22;

/** Reads pieces of a store, with one piece read ahead: two pieces are in memory. */
export class StoreReader implements ByteReader {
  readonly name: string;
  readonly size: number;
  readonly #store: ByteStore;
  readonly #pieceBytes: number;
  #piece: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** Offset in the store after the pieces that were requested. */
  #requested = 0;
  #ahead: Promise<Uint8Array> | undefined;

  constructor(store: ByteStore, pieceBytes: number = PIECE_BYTES) {
    this.name = store.name;
    this.size = store.size;
    this.#store = store;
    this.#pieceBytes = pieceBytes;
  }

  /** @throws CaptureError `FILE_UNUSABLE`, caused by a StoreError: what was read before stays valid */
  read(into: Uint8Array): number | Promise<number> {
    return this.#at < this.#piece.length ? this.#take(into) : this.#readPiece(into);
  }

  close(): void {
    this.#requested = this.size;
    this.#ahead = undefined;
    this.#piece = new Uint8Array(0);
    this.#at = 0;
  }

  #take(into: Uint8Array): number {
    const part = this.#piece.subarray(this.#at, this.#at + into.length);
    into.set(part);
    this.#at += part.length;
    return part.length;
  }

  async #readPiece(into: Uint8Array): Promise<number> {
    const next = this.#ahead ?? this.#request();
    if (next === undefined) return 0;
    try {
      this.#piece = await next;
    } catch (error) {
      this.close();
      if (!(error instanceof StoreError)) throw error;
      throw new CaptureError('FILE_UNUSABLE', error.message, { cause: error });
    }
    this.#at = 0;
    this.#ahead = this.#request();
    return this.#take(into);
  }

  /** Begins to read the next piece; undefined at the end. */
  #request(): Promise<Uint8Array> | undefined {
    const from = this.#requested;
    if (from >= this.size) return undefined;
    this.#requested = Math.min(this.size, from + this.#pieceBytes);
    const piece = this.#store.read(from, this.#requested);
    // If it fails, that is of interest only once it is needed.
    piece.catch(() => undefined);
    return piece;
  }
}
