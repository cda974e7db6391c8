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
  readonly #index: KeyIndex;

  constructor(limit: number) {
    this.#index = new KeyIndex(1, limit);
  }

  /** Counts a frame. */
  add(vni: number, bytes: number, truncated: boolean, encrypted: boolean): void {
    this.#index.key[0] = vni;
    const id = this.#index.add();
    if (id < 0) {
      this.unlisted++;
      return;
    }
    if (id === this.rows.length) this.rows.push({ vni, frames: 0, bytes: 0, truncated: 0, encrypted: 0 });
    const row = this.rows[id];
    row.frames++;
    row.bytes += bytes;
    if (truncated) row.truncated++;
    if (encrypted) row.encrypted++;
  }
}
