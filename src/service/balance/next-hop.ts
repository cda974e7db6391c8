/** Where the packets of a connection go, and who has carried them. */
import { BalanceVerdict } from './balance-verdict.js';
import type { Leg } from './leg.js';
import type { Packet } from './packet.js';
import { COUNTERS, type Services } from './services/services.js';
import { Column, ROW_WORDS } from './table/connection-row.js';

/** Counts a connection's packets and addresses them. */
export class NextHop {
  readonly #rows: Int32Array;
  readonly #services: Services;
  readonly #front: Leg;
  readonly #back: Leg;

  constructor(rows: Int32Array, services: Services, front: Leg, back: Leg) {
    this.#rows = rows;
    this.#services = services;
    this.#front = front;
    this.#back = back;
  }

  /**
   * Counts a packet for its backend, and sets the MACs that it leaves with.
   * @param direction 0 to the backend, 1 to the client
   */
  choose(packet: Packet, row: number, direction: number): BalanceVerdict {
    const rows = this.#rows;
    const services = this.#services;
    const base = row * ROW_WORDS;
    const backend = rows[base + Column.BackendId];
    const counter = backend * COUNTERS + direction * 2;
    services.counters[counter]++;
    services.counters[counter + 1] += packet.end - packet.at;
    if (direction === 0) {
      packet.sendTo(services.macHigh[backend], services.macLow[backend], this.#back);
      return BalanceVerdict.ToBackend;
    }
    packet.sendTo(rows[base + Column.MacHigh], rows[base + Column.MacLow] >>> 16, this.#front);
    return BalanceVerdict.ToClient;
  }
}
