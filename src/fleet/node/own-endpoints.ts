/** Writes to the records of this node's endpoints whether their interface is there. */
import { isVtepError } from '../../error.js';
import { encodeRecord } from '../records/records.js';
import { FleetEndpointKind } from '../records/schemas.js';
import type { Store } from '../store/store.js';
import { topologyId } from './overlay-values.js';
import type { RecordsTable } from './records-table.js';

export interface OwnEndpointsOptions {
  /** Whether an endpoint, by its id in the topology, has an interface. */
  readonly isThere: (id: string) => boolean;
  /** Monotonic clock, in milliseconds. */
  readonly clock: () => number;
  /** Gets the revision of each write, and when it was sent. */
  readonly onWritten: (revision: number, sent: number) => void;
}

/** Most records that are written in a turn. */
const MAX_WRITES = 64;

/** The endpoints of this node. */
export class OwnEndpoints {
  readonly #store: Store;
  readonly #table: RecordsTable;
  readonly #options: OwnEndpointsOptions;
  /** Revisions of records that were written, by key, until the table has them. */
  readonly #written = new Map<string, number>();
  #waiting = 0;

  constructor(store: Store, table: RecordsTable, options: OwnEndpointsOptions) {
    this.#store = store;
    this.#table = table;
    this.#options = options;
  }

  /** Records that are yet to be written. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Writes what has changed.
   * @throws StoreError; the next turn tries again
   */
  async turn(): Promise<void> {
    const changed = [...this.#table.own].filter((key) => this.#isChanged(key));
    this.#waiting = changed.length;
    if (!this.#store.connected) return;
    await Promise.all(changed.slice(0, MAX_WRITES).map((key) => this.#write(key)));
  }

  #isChanged(key: string): boolean {
    const held = this.#table.endpoint(key);
    if (held === undefined || held.record.kind !== FleetEndpointKind.Container) return false;
    const written = this.#written.get(key);
    if (written !== undefined && held.revision < written) return false;
    if (written !== undefined) this.#written.delete(key);
    const { network, id, running } = held.record;
    return running !== this.#options.isThere(topologyId(network, id));
  }

  async #write(key: string): Promise<void> {
    const held = this.#table.endpoint(key);
    if (held === undefined) return;
    const { record, revision } = held;
    const value = encodeRecord({ kind: 'endpoint', record: { ...record, running: !record.running } });
    const sent = this.#options.clock();
    try {
      const written = await this.#store.put(key, value, { revision });
      this.#written.set(key, written);
      this.#options.onWritten(written, sent);
    } catch (error) {
      // Someone else has changed or deleted it: the watch says how.
      if (!isVtepError(error) || error.code !== 'CONFLICT') throw error;
    }
  }
}
