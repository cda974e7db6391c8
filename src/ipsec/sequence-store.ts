/** Persistent storage for the sequence numbers of outbound SAs. */

/** Persistent state of an outbound SA. Every sequence number up to `sequence` may have been used. */
export interface SequenceRecord {
  /** A name of its key: a fingerprint, never the key. */
  readonly key: string;
  readonly spi: number;
  readonly source: string;
  readonly destination: string;
  /** The IV mask, as two 32-bit words. */
  readonly ivMask: { readonly high: number; readonly low: number };
  readonly sequence: { readonly high: number; readonly low: number };
}

/** Stores records for the next restart. */
export interface SequenceStore {
  /** Loads the records. Throws if they can't be read as written. */
  load(): readonly SequenceRecord[];
  /** Replaces the records. Durable when it returns; throws if that fails. */
  save(records: readonly SequenceRecord[]): void;
}
