/**
 * Source NAT of a load balancer's connections as nf_nat does it: the source becomes the balancer's address, and the port
 * stays if the tuple towards the backend is free.
 */
import type { RandomBytes } from '../../../memory/index.js';
import { KeyIndex } from '../../../memory/internal.js';
import { Column, ROW_WORDS } from '../table/connection-row.js';
import type { ConnectionTable } from '../table/connection-table.js';
import { otherPort, RandomShorts } from './source-port.js';

/** Chooses the source ports of new connections. */
export class Masquerade {
  /** Connections whose port had to change, and those that found no port. */
  remapped = 0;
  exhausted = 0;
  readonly #table: ConnectionTable;
  readonly #shorts: RandomShorts;
  /** Connections with a changed port by client, port and protocol: the newest of each is tried first for the next. */
  readonly #changed: KeyIndex;
  readonly #changedRow: number[] = [];
  #backend = 0;
  #local = 0;
  #backendPort = 0;
  #protocol = 0;
  #now = 0;
  readonly #isFree = (port: number): boolean => this.#isTupleFree(port);

  constructor(table: ConnectionTable, random: RandomBytes) {
    this.#table = table;
    this.#shorts = new RandomShorts(random);
    this.#changed = new KeyIndex(2, table.limit);
  }

  /**
   * Chooses the port of a connection that isn't in the table yet.
   * @param row with its columns filled, except for the source port
   * @param now milliseconds modulo 2^32
   * @returns the port, or -1 if none is free
   */
  choose(row: number, backendPort: number, now: number): number {
    const { rows } = this.#table;
    const at = row * ROW_WORDS;
    this.#backend = rows[at + Column.Backend];
    this.#local = rows[at + Column.Local];
    this.#protocol = rows[at + Column.Meta] >>> 24;
    this.#backendPort = backendPort;
    this.#now = now;
    const wanted = rows[at + Column.FrontPorts] >>> 16;
    const known = this.#find(at);
    let port = -1;
    if (known >= 0) {
      const before = rows[this.#changedRow[known] * ROW_WORDS + Column.BackPorts] & 0xffff;
      if (this.#isTupleFree(before)) port = before;
    }
    if (port < 0) port = this.#isTupleFree(wanted) ? wanted : otherPort(wanted, this.#shorts, this.#isFree);
    if (port < 0) {
      this.exhausted++;
    } else if (port !== wanted) {
      this.remapped++;
      this.#remember(row, at);
    }
    return port;
  }

  /** Forgets a connection that leaves the table. */
  forget(row: number): void {
    const at = row * ROW_WORDS;
    const { rows } = this.#table;
    if (rows[at + Column.FrontPorts] >>> 16 === (rows[at + Column.BackPorts] & 0xffff)) return;
    const known = this.#find(at);
    if (known >= 0 && this.#changedRow[known] === row) this.#changed.delete(known);
  }

  #remember(row: number, at: number): void {
    const { rows } = this.#table;
    this.#changed.key[0] = rows[at + Column.Client];
    this.#changed.key[1] = this.#sourceOf(at);
    this.#changedRow[this.#changed.add()] = row;
  }

  #find(at: number): number {
    return this.#changed.find2(this.#table.rows[at + Column.Client], this.#sourceOf(at));
  }

  /** The client's port and the protocol in one word. */
  #sourceOf(at: number): number {
    const { rows } = this.#table;
    return ((rows[at + Column.FrontPorts] >>> 16) << 8) | (rows[at + Column.Meta] >>> 24);
  }

  #isTupleFree(port: number): boolean {
    const table = this.#table;
    const found = table.find(this.#backend, this.#local, (this.#backendPort << 16) | port, this.#protocol);
    return found < 0 || table.removeIfExpired(found >>> 1, this.#now);
  }
}
