/** Clear and encrypted traffic between VTEPs. */
import { KeyIndex } from '../memory/internal.js';

/** A direction between two VTEPs. */
export interface TunnelRow {
  /** Ids of the addresses in the address table. */
  readonly source: number;
  readonly destination: number;
  /** Inner frames, clear or decrypted, and their bytes. */
  frames: number;
  bytes: number;
  /** Encrypted packets and the bytes of their IP packets. */
  espPackets: number;
  espBytes: number;
  /** VNIs of the frames. */
  readonly vnis: Set<number>;
  lastVni: number;
}

/** What is counted of a direction. */
export type TunnelCounts = Pick<TunnelRow, 'frames' | 'bytes' | 'espPackets' | 'espBytes'> & {
  readonly vnis: Iterable<number>;
};

/** Bounded totals per direction. */
export class TunnelTable {
  readonly rows: TunnelRow[] = [];
  /** Packets of directions that the full table couldn't list. */
  unlisted = 0;
  readonly #limit: number;
  readonly #index: KeyIndex;

  constructor(limit: number) {
    this.#limit = limit;
    this.#index = new KeyIndex(2, limit);
  }

  /** Whether a direction couldn't be listed, or another one can't be. */
  get full(): boolean {
    return this.unlisted > 0 || this.rows.length >= this.#limit;
  }

  /** Replaces all rows, for a report: no packet may be counted afterwards. */
  replace(rows: Iterable<TunnelRow>): void {
    this.rows.length = 0;
    for (const row of rows) this.rows.push(row);
  }

  /** Counts a frame. */
  addFrame(source: number, destination: number, vni: number, bytes: number): void {
    const row = this.#row(source, destination);
    if (row === undefined) return;
    row.frames++;
    row.bytes += bytes;
    // Consecutive frames are mostly of one network, which saves a set lookup.
    if (row.lastVni !== vni) {
      row.vnis.add(vni);
      row.lastVni = vni;
    }
  }

  /** Counts an encrypted packet. */
  addEsp(source: number, destination: number, bytes: number): void {
    const row = this.#row(source, destination);
    if (row === undefined) return;
    row.espPackets++;
    row.espBytes += bytes;
  }

  /** Adds the counts of a direction that were counted elsewhere. */
  merge(source: number, destination: number, counts: TunnelCounts): void {
    const row = this.#row(source, destination);
    if (row === undefined) return;
    row.frames += counts.frames;
    row.bytes += counts.bytes;
    row.espPackets += counts.espPackets;
    row.espBytes += counts.espBytes;
    for (const vni of counts.vnis) row.vnis.add(vni);
  }

  #row(source: number, destination: number): TunnelRow | undefined {
    this.#index.key[0] = source;
    this.#index.key[1] = destination;
    const id = this.#index.add();
    if (id < 0) {
      this.unlisted++;
      return undefined;
    }
    if (id === this.rows.length) {
      this.rows.push({
        source,
        destination,
        frames: 0,
        bytes: 0,
        espPackets: 0,
        espBytes: 0,
        vnis: new Set(),
        lastVni: -1,
      });
    }
    return this.rows[id];
  }
}
