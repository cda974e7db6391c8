/** The connections of a balancer for people and programs, as `ipvsadm -Lnc` shows them. */
import { IpProtocol } from '../../../wire/index.js';
import { addressText } from '../leg.js';
import { Column, ConnectionFlag, ROW_WORDS } from './connection-row.js';
import type { ConnectionTable } from './connection-table.js';
import { sctpStateName } from '../state/sctp-state.js';
import { tcpStateName } from '../state/tcp-state.js';
import { SECOND } from '../state/timeouts.js';

/** A connection. */
export interface BalancedConnection {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly client: string;
  readonly clientPort: number;
  /** The address and port that the client uses: a VIP, or the balancer's own with a published port. */
  readonly vip: string;
  readonly vipPort: number;
  readonly backend: string;
  readonly backendPort: number;
  /** The source that the backend sees. */
  readonly local: string;
  readonly localPort: number;
  /** As IPVS names it. UDP has only `UDP`. */
  readonly state: string;
  /** Whether the backend hasn't answered yet. */
  readonly halfOpen: boolean;
  /** Seconds until it expires unless it is used; undefined if it stays until the table is full. */
  readonly expiresIn: number | undefined;
}

/** Lists connections in the order of their rows. */
export function listConnections(table: ConnectionTable, now: number, limit: number): BalancedConnection[] {
  const found: BalancedConnection[] = [];
  if (limit <= 0) return found;
  table.forEach((row) => {
    if (!table.isExpired(row, now)) found.push(describe(table.rows, row * ROW_WORDS, now));
    return found.length < limit;
  });
  return found;
}

/** Rows that are looked at before a pause. */
const ROWS_PER_PAUSE = 1024;

/**
 * Lists connections one by one, with undefined after each part of the table, so that the caller can do something else in
 * between. Connections that come and go meanwhile may be missing.
 */
export function* eachConnection(table: ConnectionTable, now: number): Generator<BalancedConnection | undefined> {
  const { rows } = table;
  for (let row = 0, left = table.size; row < table.limit && left > 0; row++) {
    const at = row * ROW_WORDS;
    if (rows[at + Column.Meta] >>> 24 !== 0) {
      left--;
      if (!table.isExpired(row, now)) yield describe(rows, at, now);
    }
    if (row % ROWS_PER_PAUSE === ROWS_PER_PAUSE - 1) yield undefined;
  }
}

function describe(rows: Int32Array, at: number, now: number): BalancedConnection {
  const meta = rows[at + Column.Meta];
  const protocol = meta >>> 24;
  const state = (meta >>> 16) & 0xff;
  const left = (rows[at + Column.Deadline] - now) | 0;
  return {
    protocol: protocol === IpProtocol.Tcp ? 'tcp' : protocol === IpProtocol.Udp ? 'udp' : 'sctp',
    client: addressText(rows[at + Column.Client]),
    clientPort: rows[at + Column.FrontPorts] >>> 16,
    vip: addressText(rows[at + Column.Vip]),
    vipPort: rows[at + Column.FrontPorts] & 0xffff,
    backend: addressText(rows[at + Column.Backend]),
    backendPort: rows[at + Column.BackPorts] >>> 16,
    local: addressText(rows[at + Column.Local]),
    localPort: rows[at + Column.BackPorts] & 0xffff,
    state:
      protocol === IpProtocol.Udp ? 'UDP' : protocol === IpProtocol.Tcp ? tcpStateName(state) : sctpStateName(state),
    halfOpen: (meta & ConnectionFlag.HalfOpen) !== 0,
    expiresIn: left > 0 && (meta & ConnectionFlag.Idle) === 0 ? left / SECOND : undefined,
  };
}
