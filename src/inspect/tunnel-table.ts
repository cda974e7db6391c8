/** What went from VTEP to VTEP, clear and encrypted. */
import { KeyIndex } from '../memory/key-index.js';

/** A direction between two VTEPs. */
export interface TunnelRow {
  /** Numbers of the addresses in the address table. */
  readonly source: number;
  readonly destination: number;
  /** Inner frames, clear or opened, and their bytes. */
  frames: number;
  bytes: number;
  /** Encrypted packets and the bytes of their IP packets. */
  espPackets: number;
  espBytes: number;
  /** VNIs of the frames. */
  readonly vnis: Set<number>;
  lastVni: number;
}

/** Totals by direction, bounded. */
export class TunnelTable {
  readonly rows: TunnelRow[] = [];
  /** Packets of directions that found no room. */
  unlisted = 0;
  readonly #index: KeyIndex;

  constructor(limit: number) {
    this.#index = new KeyIndex(2, limit);
  }

  /** Counts a frame. */
  addFrame(source: number, destination: number, vni: number, bytes: number): void {
    const row = this.#row(source, destination);
    if (row === undefined) return;
    row.frames++;
    row.bytes += bytes;
    // Frames of one network mostly follow each other; the set needn't be asked for each.
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
