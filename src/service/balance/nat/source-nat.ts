/** The backend's side of a connection's addresses: which source its packets get, and what that adds to the checksums. */
import { TcpFlag } from '../../../wire/index.js';
import { Column, ConnectionFlag, ROW_WORDS } from '../table/connection-row.js';
import type { ConnectionTable } from '../table/connection-table.js';
import { fold, wordDelta } from './checksum-delta.js';
import type { Masquerade } from './masquerade.js';

/** Gives connections their source on the backends' side. */
export class SourceNat {
  readonly #table: ConnectionTable;
  readonly #rows: Int32Array;
  readonly #masquerade: Masquerade;
  readonly #address: number;

  /** @param address the balancer's on the backends' side */
  constructor(table: ConnectionTable, masquerade: Masquerade, address: number) {
    this.#table = table;
    this.#rows = table.rows;
    this.#masquerade = masquerade;
    this.#address = address;
  }

  /**
   * Sets the source of a connection that isn't in the table yet.
   * @param row with the other columns filled
   * @param isMasqueraded whether the balancer's address replaces the client's
   * @returns false if there is no free port
   */
  open(row: number, backendPort: number, isMasqueraded: boolean, now: number): boolean {
    const rows = this.#rows;
    const base = row * ROW_WORDS;
    let port = rows[base + Column.FrontPorts] >>> 16;
    rows[base + Column.Local] = isMasqueraded ? this.#address : rows[base + Column.Client];
    if (isMasqueraded) port = this.#masquerade.choose(row, backendPort, now);
    if (port < 0) return false;
    this.#setPorts(base, backendPort, port);
    return true;
  }

  /**
   * Masquerades a connection that a SYN ACK opened, from the first segment that conntrack accepts.
   * @param flags of the segment
   * @returns false if there is no free port
   */
  resume(row: number, flags: number, now: number): boolean {
    const rows = this.#rows;
    const base = row * ROW_WORDS;
    if ((rows[base + Column.Meta] & ConnectionFlag.Unmasqueraded) === 0) return true;
    const kind = flags & (TcpFlag.Syn | TcpFlag.Ack | TcpFlag.Rst | TcpFlag.Fin);
    if (kind !== TcpFlag.Syn && kind !== TcpFlag.Ack) return true;
    const backendPort = rows[base + Column.BackPorts] >>> 16;
    if (!this.open(row, backendPort, true, now)) {
      rows[base + Column.Local] = rows[base + Column.Client];
      return false;
    }
    rows[base + Column.Meta] &= ~ConnectionFlag.Unmasqueraded;
    this.#table.linkBackend(row);
    return true;
  }

  #setPorts(base: number, backendPort: number, port: number): void {
    const rows = this.#rows;
    rows[base + Column.BackPorts] = (backendPort << 16) | port;
    const client = wordDelta(rows[base + Column.Client], rows[base + Column.Local]);
    const addresses = fold(client + wordDelta(rows[base + Column.Vip], rows[base + Column.Backend]));
    const ports = wordDelta(rows[base + Column.FrontPorts], (port << 16) | backendPort);
    rows[base + Column.Deltas] = (addresses << 16) | ports;
  }
}
