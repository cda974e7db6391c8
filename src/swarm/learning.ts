/** Applies what gossip says to a running node's tables, a part at a time, so that packets pass in between. */
import { VtepError } from '../error.js';
import type { LearnedChanges, LearnedTables, TableChange } from '../gossip/index.js';
import { applyDifferences, ChangePieces, type RunningTables } from '../live/internal.js';
import { ChangeBatch } from './member/change-batch.js';

/** Options of `Learning`. */
export interface LearningOptions {
  readonly learned: LearnedTables;
  readonly tables: RunningTables;
  /** Receives a description of each problem, once. */
  readonly tell: (text: string) => void;
  /**
   * Monotonic clock, in milliseconds.
   * @default performance.now
   */
  readonly clock?: () => number;
}

/** Milliseconds of a turn, after which packets come first. */
const TURN_MS = 2;
/** Changes between two looks at the clock. */
const PIECE = 64;
/** Changes from gossip that are turned into changes of the tables together: those that keep coming mustn't delay them. */
const SLAB = 512;
/** Milliseconds from a change that failed to the next comparison of all tables. */
const RETRY_MS = 10_000;

/** A queue of changes between gossip and tables. */
export class Learning {
  readonly #options: LearningOptions;
  readonly #clock: () => number;
  /** What came from gossip: one change per entry, so that a busy node holds no more than the swarm's tables. */
  readonly #heard = new ChangeBatch();
  /** The oldest of it, and how much of them `learned` knows. */
  #slab: readonly TableChange[] = [];
  #known = 0;
  /** What `learned` made of it, and how much of it the tables have. */
  readonly #made: ChangePieces;
  /** When the tables are next compared with what was learned; undefined while they follow. */
  #compareAt: number | undefined;
  #reported: string | undefined;
  #resynchronised = 0;

  constructor(options: LearningOptions) {
    this.#options = options;
    this.#made = new ChangePieces(options.tables);
    this.#clock = options.clock ?? ((): number => performance.now());
  }

  /** Changes that are yet to be applied. */
  get waiting(): number {
    return this.#heard.size + this.#slab.length - this.#known + this.#made.size;
  }

  /** How often all tables were compared with what was learned, since a change couldn't be applied. */
  get resynchronised(): number {
    return this.#resynchronised;
  }

  /** Queues changes from gossip. */
  push(changes: readonly TableChange[]): void {
    for (const change of changes) this.#heard.add(change);
  }

  /**
   * Applies changes for about two milliseconds. It never throws because of what gossip says.
   * @returns whether there is more to do
   */
  turn(): boolean {
    const end = this.#clock() + TURN_MS;
    do {
      if (!this.#piece()) return false;
    } while (this.#clock() < end);
    return true;
  }

  /**
   * Makes a change of this node's own, and applies it before it returns, after those that were made before.
   * @param change changes the learned tables
   * @param undo takes it back if the tables refuse it
   * @throws what `change` throws, or the tables: nothing has changed then
   */
  own(change: () => void, undo: () => void): void {
    const { learned, tables } = this.#options;
    while (this.#pieceOfMade());
    this.#applyMade(learned.take());
    change();
    const { topology, services } = learned.take();
    try {
      tables.apply(topology);
      tables.applyServices(services);
    } catch (error) {
      undo();
      learned.take();
      // Some of it may have been applied.
      this.#compareAt = this.#clock();
      throw error;
    }
  }

  /** Does a part of the work. Returns whether there was any. */
  #piece(): boolean {
    if (this.#compareAt !== undefined && this.#clock() >= this.#compareAt) {
      this.#compare();
      return true;
    }
    return this.#pieceOfMade() || this.#pieceOfHeard();
  }

  #pieceOfHeard(): boolean {
    const { learned } = this.#options;
    if (this.#known === this.#slab.length) {
      this.#slab = this.#heard.take(SLAB);
      this.#known = 0;
    }
    const slab = this.#slab;
    const end = Math.min(this.#known + PIECE, slab.length);
    for (; this.#known < end; this.#known++) learned.change(slab[this.#known]);
    if (this.#known < slab.length) return true;
    this.#slab = [];
    this.#known = 0;
    if (!learned.pending) return this.#heard.size > 0;
    this.#made.put(learned.take());
    return true;
  }

  #applyMade(changes: LearnedChanges): void {
    this.#made.put(changes);
    while (this.#pieceOfMade());
  }

  /** Applies some of the changes that were made. */
  #pieceOfMade(): boolean {
    // The comparison finds them all.
    if (this.#compareAt !== undefined) this.#made.clear();
    try {
      return this.#made.apply() > 0;
    } catch (error) {
      this.#fail(error);
      this.#compareAt = this.#clock();
      return true;
    }
  }

  /** Compares all tables with what was learned, and applies each difference by itself: what can be applied is. */
  #compare(): void {
    const { learned, tables } = this.#options;
    this.#resynchronised++;
    learned.take();
    const { failures } = applyDifferences(tables, learned.taken, (error) => this.#fail(error));
    if (failures > 0) {
      this.#compareAt = this.#clock() + RETRY_MS;
      return;
    }
    this.#compareAt = undefined;
    if (this.#reported === undefined) return;
    this.#reported = undefined;
    this.#options.tell('all that gossip says is applied again');
  }

  /** Reports a problem, once. Anything but an error of ours is a defect, which must be seen. */
  #fail(error: unknown): void {
    if (!(error instanceof VtepError)) throw error;
    if (this.#reported !== undefined) return;
    this.#reported = error.message;
    this.#options.tell(`some of what gossip says can't be applied, and is missing here: ${error.message}`);
  }
}
