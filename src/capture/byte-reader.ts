/** Source of a capture's bytes. */
export interface ByteReader {
  /** Display name: a path, or `standard input`. */
  readonly name: string;
  /** Total size in bytes, if known in advance; for progress. */
  readonly size: number | undefined;
  /**
   * Reads some bytes.
   * @param into filled from its beginning
   * @returns the number of bytes read; 0 at the end
   */
  read(into: Uint8Array): number | Promise<number>;
  /** Releases its resources. */
  close(): void | Promise<void>;
}

/** Reads from bytes in memory. */
export class MemoryReader implements ByteReader {
  readonly name: string;
  readonly size: number;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array, name = 'memory') {
    this.#bytes = bytes;
    this.name = name;
    this.size = bytes.length;
  }

  read(into: Uint8Array): number {
    const count = Math.min(into.length, this.#bytes.length - this.#at);
    into.set(this.#bytes.subarray(this.#at, this.#at + count));
    this.#at += count;
    return count;
  }

  close(): void {}
}
