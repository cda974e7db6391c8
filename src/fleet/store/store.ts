/** The port of a store: where nodes keep what they must agree on. Adapters: `MemoryStore`, `NatsStore`. */

/** A key's value, and the change that set it. */
export interface StoreRecord {
  readonly key: string;
  /** The reader's own copy. Another program may have written it: check it like any input. */
  readonly value: Uint8Array;
  /** Every change of a store has a higher revision than those before it, whatever its key. */
  readonly revision: number;
}

/** All records under a prefix, as of one revision. */
export interface StoreSnapshot {
  /** Every change of these keys up to this revision is in the snapshot. Watch from here to see those after it. */
  readonly revision: number;
  readonly records: readonly StoreRecord[];
}

/** What a watch reports. */
export type StoreChange =
  | ({ readonly kind: 'put' } & StoreRecord)
  | { readonly kind: 'delete'; readonly key: string; readonly revision: number }
  /** The connection is lost: what is known may be out of date from here. */
  | { readonly kind: 'lost' }
  /** The connection is back, and changes follow from the last revision reported. */
  | { readonly kind: 'resumed' };

export interface PutOptions {
  /**
   * Write only if the key's last change has this revision. 0: only if there is no such key. Without it, write anyway.
   */
  readonly revision?: number;
}

export interface WatchOptions {
  /** Ends the watch. */
  readonly signal?: AbortSignal;
}

/**
 * A store of small records with compare-and-set, shared by the nodes of an overlay. Keys: up to 16 segments of letters,
 * digits, `_`, `-` and `.` between slashes, 255 characters in all. Values: at most 65,536 bytes. Records: at most
 * 262,144. Every method throws StoreError; `CLOSED` after `close()`.
 */
export interface Store {
  /** False while the server is out of reach. */
  readonly connected: boolean;

  /**
   * @returns undefined if there is no such key
   * @throws StoreError `UNAVAILABLE`, `BAD_KEY`
   */
  get(key: string): Promise<StoreRecord | undefined>;

  /**
   * Writes a record, of which the store takes a copy.
   * @returns the revision of the change
   * @throws StoreError `CONFLICT`, `UNAVAILABLE`, `OUTCOME_UNKNOWN`, `TOO_LARGE`, `FULL`, `BAD_KEY`
   */
  put(key: string, value: Uint8Array, options?: PutOptions): Promise<number>;

  /**
   * Deletes a record if its last change has this revision.
   * @throws StoreError `CONFLICT`, also if there is no such key, `UNAVAILABLE`, `OUTCOME_UNKNOWN`, `BAD_KEY`
   */
  delete(key: string, revision: number): Promise<void>;

  /**
   * All records whose keys begin with a prefix, which is empty or ends with a slash; or the one record of a whole key.
   * @throws StoreError `UNAVAILABLE`, `FULL` if there are more than 262,144, `BAD_KEY`
   */
  snapshot(prefix: string): Promise<StoreSnapshot>;

  /**
   * The changes after a revision, in their order, until the signal or `close()` ends it. It goes on after a lost
   * connection, from the last revision reported. Nothing is queued for a slow reader: of several changes to one key it
   * may see only the last, and it sees that one, exactly once.
   * @param revision 0 for everything there is
   * @throws StoreError `COMPACTED`, `RESET` (the remedy for both is a new snapshot), `NOT_PERMITTED`, `BAD_KEY`
   */
  watch(prefix: string, revision: number, options?: WatchOptions): AsyncIterable<StoreChange>;

  /**
   * Forgets which keys were deleted up to a revision; their number is what grows otherwise. Who resumes from before it
   * gets `COMPACTED`.
   * @throws StoreError `UNAVAILABLE`
   */
  compact(revision: number): Promise<void>;

  /** Ends all watches and the connection. Again: does nothing. */
  close(): Promise<void>;
}
