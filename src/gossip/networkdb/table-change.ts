/**
 * A change of a table as seen from this node: what a watcher has to do. Several events can become one change, and
 * events may arrive in any order.
 */
export interface TableChange {
  readonly kind: 'created' | 'updated' | 'deleted';
  readonly networkId: string;
  readonly tableName: string;
  readonly key: string;
  /** Name of the node that the entry belongs to. */
  readonly owner: string;
  /** The new value; the last one if it is deleted. */
  readonly value: Uint8Array;
  /** The value before; undefined if it is created. */
  readonly previous: Uint8Array | undefined;
}

/** An entry of a table. */
export interface TableEntry {
  readonly key: string;
  readonly owner: string;
  readonly value: Uint8Array;
  readonly lTime: number;
}
