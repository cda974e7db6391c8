/** Packets that aren't overlay traffic, by protocol; Swarm's own protocols by name. */
import { Encapsulation, encapsulationName, type Layers } from '../wire/index.js';
import { protocolName } from '../wire/index.js';

/** A kind of other traffic. */
export interface TrafficRow {
  readonly name: string;
  packets: number;
  /** Bytes on the wire. */
  bytes: number;
}

/** Maximum number of distinct kinds; there are 2^16 EtherTypes. */
const MAX_KINDS = 1024;
const REST = 'other kinds';
const NOTHING = new Uint8Array(0);

/** Bounded totals per kind. */
export class TrafficTable {
  readonly #rows = new Map<string, TrafficRow>();

  /**
   * Counts a packet.
   * @param layers its parsed layers
   * @param packets number of packets (fragments) it arrived in
   * @param size bytes on the wire
   * @param bytes the parsed bytes, as far as available
   * @param end offset after the captured bytes
   * @param encapsulation encapsulation around the parsed packet
   */
  add(
    layers: Layers,
    packets: number,
    size: number,
    bytes: Uint8Array = NOTHING,
    end = 0,
    encapsulation: Encapsulation = Encapsulation.None,
  ): void {
    const inside = protocolName(bytes, layers, end);
    const full = encapsulation === Encapsulation.None ? inside : `${inside} in ${encapsulationName(encapsulation)}`;
    this.#count(full, packets, size);
  }

  #count(kind: string, packets: number, bytes: number): void {
    const name = this.#rows.size < MAX_KINDS || this.#rows.has(kind) ? kind : REST;
    let row = this.#rows.get(name);
    if (row === undefined) {
      row = { name, packets: 0, bytes: 0 };
      this.#rows.set(name, row);
    }
    row.packets += packets;
    row.bytes += bytes;
  }

  /** Whether another kind may not be listed. */
  get full(): boolean {
    return this.#rows.size >= MAX_KINDS;
  }

  /** Number of kinds. */
  get size(): number {
    return this.#rows.size;
  }

  /** Adds a kind's packets, counted elsewhere. */
  merge({ name, packets, bytes }: TrafficRow): void {
    this.#count(name, packets, bytes);
  }

  get rows(): TrafficRow[] {
    return [...this.#rows.values()];
  }
}
