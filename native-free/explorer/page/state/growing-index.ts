/** The index while a worker builds it, as views see it: another object after each change. */
import { CollectedIndex } from '../../index/collected-index.js';
import type { CaptureIndex, IndexTables } from '../../index/capture-index.js';
import type { PacketPart } from '../../index/packet-columns.js';

/** An index without packets. */
export const EMPTY_INDEX: CaptureIndex = snapshot(new CollectedIndex());

/** Collects what a worker posts. */
export class GrowingIndex {
  readonly #collected = new CollectedIndex();
  #snapshot = EMPTY_INDEX;

  /** The index so far. Indexes before it have fewer packets of the same parts. */
  get index(): CaptureIndex {
    return this.#snapshot;
  }

  add(part: PacketPart, tables: IndexTables): void {
    this.#collected.add(part, tables);
    this.#snapshot = snapshot(this.#collected);
  }

  /** Replaces the tables. */
  complete(tables: IndexTables): void {
    this.#collected.tables = tables;
    this.#snapshot = snapshot(this.#collected);
  }
}

function snapshot({ packets, parts, tables }: CollectedIndex): CaptureIndex {
  return { packets, parts: [...parts], tables };
}
