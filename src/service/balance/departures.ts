/** What becomes of connections whose backend is leaving: it was removed, or has weight 0. */
import { IpProtocol, TcpFlag } from '../../wire/index.js';
import type { Behaviour } from './behaviour.js';
import type { Packet } from './packet.js';
import { Leaving, type Services } from './services/services.js';
import { TcpState } from './state/tcp-state.js';
import { Column, ROW_WORDS } from './table/connection-row.js';
import type { ConnectionTable } from './table/connection-table.js';

const TCP_FLAGS = 13;

/** What becomes of a packet from the client. */
export const Fate = {
  /** It goes on. */
  Stays: 0,
  /** Its connection has ended, and it is dropped. */
  Dropped: 1,
  /** Its connection has ended, and the client gets a reset. */
  Reset: 2,
  /** Its connection has ended, and it opens another. */
  Renewed: 3,
} as const;
export type Fate = (typeof Fate)[keyof typeof Fate];

/** Ends connections of backends that are leaving. */
export class Departures {
  readonly #table: ConnectionTable;
  readonly #services: Services;
  readonly #keepsReused: boolean;

  constructor(table: ConnectionTable, services: Services, { keepsReused }: Behaviour) {
    this.#table = table;
    this.#services = services;
    this.#keepsReused = keepsReused;
  }

  /** Decides about a packet of a known connection. */
  check(packet: Packet, entry: number): Fate {
    if ((entry & 1) === 1) return Fate.Stays;
    const row = entry >>> 1;
    const leaving = this.#services.leaving[this.#table.rows[row * ROW_WORDS + Column.BackendId]];
    return leaving === Leaving.No ? Fate.Stays : this.#decide(packet, row, leaving);
  }

  #decide(packet: Packet, row: number, leaving: number): Fate {
    const isTcp = packet.protocol === IpProtocol.Tcp;
    const flags = packet.bytes[packet.transport + TCP_FLAGS];
    const isSyn = isTcp && (flags & (TcpFlag.Syn | TcpFlag.Ack | TcpFlag.Rst)) === TcpFlag.Syn;
    if (leaving === Leaving.Quiesced) {
      if (this.#keepsReused || !isSyn) return Fate.Stays;
      const state = (this.#table.rows[row * ROW_WORDS + Column.Meta] >>> 16) & 0xff;
      // The SYN again of a handshake that is going on.
      if (state === TcpState.SynReceived) return Fate.Stays;
      this.#table.remove(row);
      return Fate.Renewed;
    }
    this.#table.remove(row);
    if (this.#keepsReused) return Fate.Dropped;
    return isTcp && !isSyn ? Fate.Reset : Fate.Renewed;
  }
}
