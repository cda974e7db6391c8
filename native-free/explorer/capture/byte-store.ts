/** Bytes that are read where they are needed: of a file that the user chose, or of one that `vtep explore` serves. */

/** Random access to the bytes of a capture. */
export interface ByteStore {
  /** Name of the file, without its folder. */
  readonly name: string;
  /** Size in bytes. */
  readonly size: number;
  /**
   * Reads bytes.
   * @param from offset of the first byte
   * @param to offset after the last byte, at most `size`
   * @throws StoreError `READ_FAILED` if the file has changed or is gone
   */
  read(from: number, to: number): Promise<Uint8Array>;
}

/** Where the bytes of a capture are, as a message to a worker can say it. */
export type ByteLocation =
  | { readonly kind: 'blob'; readonly name: string; readonly blob: Blob }
  | { readonly kind: 'url'; readonly name: string; readonly url: string; readonly size: number };
