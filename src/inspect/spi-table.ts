/** Encrypted flows: traffic of each SPI between two addresses. */
import { KeyIndex } from '../memory/internal.js';

/** An SPI in one direction. */
export interface SpiRow {
  readonly spi: number;
  /** Ids of the addresses in the address table. */
  readonly source: number;
  readonly destination: number;
  /** Whether it is encapsulated in UDP (RFC 3948). */
  readonly inUdp: boolean;
  packets: number;
  /** Bytes of the IP packets. */
  bytes: number;
  /** Sequence numbers: the first and last in capture order, and the highest. */
  readonly firstSequence: number;
  lastSequence: number;
  highestSequence: number;
}

/** Bounded totals per SPI. */
export class SpiTable {
  readonly rows: SpiRow[] = [];
  /** Packets of SPIs that the full table couldn't list. */
  unlisted = 0;
  readonly #limit: number;
  readonly #index: KeyIndex;

  constructor(limit: number) {
    this.#limit = limit;
    this.#index = new KeyIndex(4, limit);
  }

  /** Whether an SPI couldn't be listed, or another one can't be. */
  get full(): boolean {
    return this.unlisted > 0 || this.rows.length >= this.#limit;
  }

  /**
   * Counts an encrypted packet.
   * @param bytes length of the IP packet
   * @returns the id of its row, or -1
   */
  add(spi: number, sequence: number, source: number, destination: number, inUdp: boolean, bytes: number): number {
    const { key } = this.#index;
    key[0] = spi;
    key[1] = source;
    key[2] = destination;
    key[3] = inUdp ? 1 : 0;
    const id = this.#index.add();
    if (id < 0) {
      this.unlisted++;
      return id;
    }
    if (id === this.rows.length) {
      this.rows.push({
        spi,
        source,
        destination,
        inUdp,
        packets: 0,
        bytes: 0,
        firstSequence: sequence,
        lastSequence: sequence,
        highestSequence: sequence,
      });
    }
    const row = this.rows[id];
    row.packets++;
    row.bytes += bytes;
    row.lastSequence = sequence;
    if (sequence > row.highestSequence) row.highestSequence = sequence;
    return id;
  }
}
