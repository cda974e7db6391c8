/** Traffic per VNI. */
import { KeyIndex } from '../memory/internal.js';

/** A VNI's totals. */
export interface NetworkRow {
  readonly vni: number;
  /** Inner frames. */
  frames: number;
  /** Their bytes on the wire. */
  bytes: number;
  /** Truncated frames; `frames` and `bytes` include them. */
  truncated: number;
  /** Frames that arrived in ESP. */
  encrypted: number;
}

/** Bounded totals per VNI. */
export class NetworkTable {
  readonly rows: NetworkRow[] = [];
  /** Frames of VNIs that the full table couldn't list. */
  unlisted = 0;
  readonly #limit: number;
  readonly #index: KeyIndex;

  constructor(limit: number) {
    this.#limit = limit;
    this.#index = new KeyIndex(1, limit);
  }

  /** Whether a VNI couldn't be listed, or another one can't be. */
  get full(): boolean {
    return this.unlisted > 0 || this.rows.length >= this.#limit;
  }

  /** Adds the rows of another table. */
  merge(rows: readonly NetworkRow[]): void {
    for (const { vni, frames, bytes, truncated, encrypted } of rows) {
      const row = this.#row(vni);
      if (row === undefined) continue;
      row.frames += frames;
      row.bytes += bytes;
      row.truncated += truncated;
      row.encrypted += encrypted;
    }
  }

  /** Counts a frame. */
  add(vni: number, bytes: number, truncated: boolean, encrypted: boolean): void {
    const row = this.#row(vni);
    if (row === undefined) return;
    row.frames++;
    row.bytes += bytes;
    if (truncated) row.truncated++;
    if (encrypted) row.encrypted++;
  }

  #row(vni: number): NetworkRow | undefined {
    this.#index.key[0] = vni;
    const id = this.#index.add();
    if (id < 0) {
      this.unlisted++;
      return undefined;
    }
    if (id === this.rows.length) this.rows.push({ vni, frames: 0, bytes: 0, truncated: 0, encrypted: 0 });
    return this.rows[id];
  }
}
