/** Applies what a store says to a running node's tables, a part at a time, so that packets pass in between. */
import { VtepError } from '../../error.js';
import { applyDifferences, ChangePieces, type RunningTables } from '../../live/internal.js';
import type { StoreRecord } from '../store/store.js';
import { type FollowedRecord, followedRecord, isFollowed } from './followed-record.js';
import type { RecordsTable } from './records-table.js';

/** The tables of a running node. */
export interface FollowingOptions {
  readonly table: RecordsTable;
  readonly tables: RunningTables;
  /** Monotonic clock, in milliseconds. */
  readonly clock: () => number;
  /** Gets each record as it is taken up, before what follows from it is applied; undefined if it is gone. */
  readonly onRecord?: (key: string, record: FollowedRecord | undefined) => void;
  /** Called when all up to a revision is applied. */
  readonly onApplied?: (revision: number) => void;
  /** Receives a description of each problem, once. */
  readonly tell: (text: string) => void;
}

/** A change of a record that is yet to be taken up. */
interface Heard {
  /** Undefined: it is gone. */
  readonly value: Uint8Array | undefined;
  readonly revision: number;
}

/** Milliseconds of a turn, after which packets come first. */
const TURN_MS = 2;
/** Changes between two looks at the clock. */
const PIECE = 64;
/** Records that are turned into changes of the tables together: those that keep coming mustn't delay them. */
const SLAB = 512;
/** Milliseconds from a change that failed to the next comparison of all tables. */
const RETRY_MS = 10_000;
/** The same if other changes come meanwhile, from the last comparison. */
const SOON_MS = 250;

/** A queue of changes between a store and tables. It holds one change per key, so no more than the store. */
export class Following {
  readonly #options: FollowingOptions;
  /** In the order in which they came: that of their revisions, prefix by prefix. */
  readonly #heard = new Map<string, Heard>();
  #taken = 0;
  #revision = 0;
  readonly #made: ChangePieces;
  /** Whether changes were made of records that are yet to be applied. */
  #making = false;
  /** When the tables were last compared with the records. */
  #compared = -Infinity;
  /** When the tables are next compared with the records; undefined while they follow. */
  #compareAt: number | undefined;
  #reported = false;
  #applied = 0;
  #resynchronised = 0;

  constructor(options: FollowingOptions) {
    this.#options = options;
    this.#made = new ChangePieces(options.tables);
  }

  /** Changes that are yet to be applied. */
  get waiting(): number {
    return this.#heard.size + this.#made.size;
  }

  /** Changes of the tables that were applied. */
  get applied(): number {
    return this.#applied;
  }

  /** How often all tables were compared with the records, since a change couldn't be applied. */
  get resynchronised(): number {
    return this.#resynchronised;
  }

  /** Whether the tables hold all that was heard. */
  get isCurrent(): boolean {
    return this.waiting === 0 && this.#taken === 0 && !this.#making && !this.#options.table.pending;
  }

  /** Queues a change. */
  push(key: string, value: Uint8Array | undefined, revision: number): void {
    if (!isFollowed(key)) return;
    this.#heard.delete(key);
    this.#heard.set(key, { value, revision });
  }

  /** Queues what turns all that was heard into a snapshot: what isn't in it is gone. */
  replace(records: readonly StoreRecord[], revision: number): void {
    const keys = new Set(records.map(({ key }) => key));
    this.#heard.clear();
    // A store that went back in time has lower ones.
    this.#revision = 0;
    for (const key of this.#options.table.keys) if (!keys.has(key)) this.push(key, undefined, revision);
    for (const { key, value, revision: at } of records) this.push(key, value, at);
  }

  /**
   * Works for about two milliseconds. It never throws because of what a store says.
   * @returns whether there is more to do
   */
  turn(): boolean {
    const { clock } = this.#options;
    const end = clock() + TURN_MS;
    do {
      if (!this.#piece()) return false;
    } while (clock() < end);
    return true;
  }

  #piece(): boolean {
    if (this.#compareAt !== undefined && this.#options.clock() >= this.#compareAt) {
      this.#compare();
      return true;
    }
    return this.#pieceOfMade() || this.#pieceOfHeard();
  }

  /** Takes up some records; once there are no more, or many, makes changes of the tables of them. */
  #pieceOfHeard(): boolean {
    const { table } = this.#options;
    if (this.#taken < SLAB && this.#heard.size > 0) {
      this.#takeUp();
      return true;
    }
    if (this.#taken === 0 && !table.pending) return false;
    this.#taken = 0;
    this.#making = true;
    this.#made.put(table.take());
    // Only a comparison can apply them, and it mustn't come with every change.
    if (this.#compareAt !== undefined) this.#compareAt = Math.min(this.#compareAt, this.#compared + SOON_MS);
    return true;
  }

  #takeUp(): void {
    const { table, onRecord } = this.#options;
    let left = PIECE;
    for (const [key, { value, revision }] of this.#heard) {
      this.#heard.delete(key);
      const record = value === undefined ? undefined : followedRecord(key, value);
      if (record === undefined) table.delete(key);
      else table.put(key, record, revision);
      onRecord?.(key, record);
      this.#taken++;
      this.#revision = Math.max(this.#revision, revision);
      if (--left === 0) return;
    }
  }

  /** Applies some of the changes that were made. */
  #pieceOfMade(): boolean {
    const { clock, onApplied } = this.#options;
    // A comparison finds them all.
    if (this.#compareAt !== undefined) this.#made.clear();
    try {
      const count = this.#made.apply();
      this.#applied += count;
      if (count > 0) return true;
      if (this.#making && this.#compareAt === undefined) onApplied?.(this.#revision);
      this.#making = false;
      return false;
    } catch (error) {
      this.#fail(error);
      this.#compareAt = clock();
      return true;
    }
  }

  /** Compares all tables with the records, and applies each difference by itself: what can be applied is. */
  #compare(): void {
    const { table, tables, clock, tell, onApplied } = this.#options;
    this.#resynchronised++;
    this.#compared = clock();
    table.take();
    const { applied, failures } = applyDifferences(tables, table.taken, (error) => this.#fail(error));
    this.#applied += applied;
    if (failures > 0) {
      this.#compareAt = clock() + RETRY_MS;
      return;
    }
    this.#compareAt = undefined;
    onApplied?.(this.#revision);
    if (this.#reported) tell('all that the store says is applied again');
    this.#reported = false;
  }

  /** Reports a problem, once. Anything but an error of ours is a defect, which must be seen. */
  #fail(error: unknown): void {
    if (!(error instanceof VtepError)) throw error;
    if (this.#reported) return;
    this.#reported = true;
    this.#options.tell(`some of what the store says can't be applied, and is missing here: ${error.message}`);
  }
}
