/** Where the bytes of a capture come from. */
export interface ByteReader {
  /** What people call it: a path, or `standard input`. */
  readonly name: string;
  /** Bytes in all, where that is known beforehand: for progress. */
  readonly size: number | undefined;
  /**
   * Reads some bytes.
   * @param into where they go, from its beginning
   * @returns how many there were; 0 at the end
   */
  read(into: Uint8Array): number | Promise<number>;
  /** Gives up what it holds open. */
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
