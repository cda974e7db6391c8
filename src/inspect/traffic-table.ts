/** Packets that are no overlay traffic, by what they are; Swarm's own conversations by their names. */
import { Encapsulation, encapsulationName, type Layers } from '../wire/index.js';
import { protocolName } from './protocol-name.js';

/** A kind of other traffic. */
export interface TrafficRow {
  readonly name: string;
  packets: number;
  /** Bytes on the wire. */
  bytes: number;
}

/** Kinds that are told apart; there are 2^16 EtherTypes. */
const MAX_KINDS = 1024;
const REST = 'other kinds';
const NOTHING = new Uint8Array(0);

/** Totals by kind, bounded. */
export class TrafficTable {
  readonly #rows = new Map<string, TrafficRow>();

  /**
   * Counts a packet.
   * @param layers the walk over it
   * @param packets how many packets (fragments) it came in
   * @param size bytes on the wire
   * @param bytes what was walked, as far as it is at hand
   * @param end where the captured bytes end in it
   * @param encapsulation what the packet that was walked stood in
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
    const name = this.#rows.size < MAX_KINDS || this.#rows.has(full) ? full : REST;
    let row = this.#rows.get(name);
    if (row === undefined) {
      row = { name, packets: 0, bytes: 0 };
      this.#rows.set(name, row);
    }
    row.packets += packets;
    row.bytes += size;
  }

  get rows(): TrafficRow[] {
    return [...this.#rows.values()];
  }
}
