/** The port of what outlives a process: how far the sequence numbers of its SAs went. */

/** What must outlive a process about an SA that sends. Every sequence number up to `sequence` may have been used. */
export interface SequenceRecord {
  /** A name of its key: a fingerprint, never the key. */
  readonly key: string;
  readonly spi: number;
  readonly source: string;
  readonly destination: string;
  /** The mask of its IVs, as two words of 32 bits. */
  readonly ivMask: { readonly high: number; readonly low: number };
  readonly sequence: { readonly high: number; readonly low: number };
}

/** Keeps records where a restart finds them. */
export interface SequenceStore {
  /** What is kept. Throws if it can't be read as it was written. */
  load(): readonly SequenceRecord[];
  /** Replaces what is kept. Durable when it returns; throws if it can't be made so. */
  save(records: readonly SequenceRecord[]): void;
}
