/** Packets of known connections: addresses, ports, TTL and checksums are rewritten, and the connection's state follows. */
import { IcmpType, IpProtocol, onesSum, TCP_CHECKSUM, UDP_CHECKSUM } from '../../wire/index.js';
import type { Answers } from './answers.js';
import { BalanceDrop } from './balance-drop.js';
import { BalanceVerdict } from './balance-verdict.js';
import type { Behaviour } from './behaviour.js';
import { applyDelta, fold } from './nat/checksum-delta.js';
import type { SourceNat } from './nat/source-nat.js';
import type { NextHop } from './next-hop.js';
import type { Packet } from './packet.js';
import type { Services } from './services/services.js';
import { nextSctpState, SCTP_ACTIVE, SctpState, writeSctpChecksum } from './state/sctp-state.js';
import { nextTcpState, TCP_ACTIVE, TcpState, TcpTable } from './state/tcp-state.js';
import {
  SCTP_MS,
  TCP_MS,
  TRACKED_STREAM_TIMEOUT,
  TRACKED_TCP_MS,
  TRACKED_UDP_TIMEOUT,
  UDP_TIMEOUT,
} from './state/timeouts.js';
import { Column, ConnectionFlag, ROW_WORDS, swappedPorts } from './table/connection-row.js';
import type { ConnectionTable } from './table/connection-table.js';

const TCP_FLAGS = 13;
/** What decrementing the TTL adds to the header's sum. */
const TTL_DELTA = 0xfeff;

/** Translates the packets of known connections in place. */
export class KnownFlows {
  readonly #table: ConnectionTable;
  readonly #rows: Int32Array;
  readonly #nextHop: NextHop;
  readonly #nat: SourceNat;
  readonly #answers: Answers;
  readonly #services: Services;
  readonly #losesLateAnswers: boolean;

  constructor(
    table: ConnectionTable,
    services: Services,
    nextHop: NextHop,
    nat: SourceNat,
    answers: Answers,
    behaviour: Behaviour,
  ) {
    this.#table = table;
    this.#services = services;
    this.#rows = table.rows;
    this.#nextHop = nextHop;
    this.#nat = nat;
    this.#answers = answers;
    this.#losesLateAnswers = behaviour.losesLateAnswers;
  }

  /**
   * Translates a packet.
   * @param entry the row times 2, plus the direction: 0 from the client, 1 from the backend
   */
  translate(packet: Packet, entry: number): BalanceVerdict {
    const rows = this.#rows;
    const { bytes, view, at, transport, end, protocol } = packet;
    const direction = entry & 1;
    const row = entry >>> 1;
    const base = row * ROW_WORDS;
    if (protocol === IpProtocol.Udp) {
      if (!this.#followUdp(packet, row, direction)) return this.#answers.unreachable(packet);
    } else {
      this.#follow(packet, row, direction);
    }
    const verdict = this.#nextHop.choose(packet, row, direction);
    const ttl = bytes[at + 8];
    if (ttl <= 1) return this.#answers.error(packet, IcmpType.TimeExceeded, 0);
    bytes[at + 8] = ttl - 1;
    const meta = rows[base + Column.Meta];
    if ((meta & (ConnectionFlag.Direct | ConnectionFlag.Unmasqueraded)) !== 0) {
      if ((meta & ConnectionFlag.Direct) !== 0) {
        view.setUint16(at + 10, applyDelta(view.getUint16(at + 10), TTL_DELTA));
        return BalanceVerdict.ToBackend;
      }
      if (protocol === IpProtocol.Tcp && !this.#nat.resume(row, bytes[transport + TCP_FLAGS], packet.now)) {
        return packet.refuse(BalanceDrop.NoSourcePort);
      }
    }

    const other = base + (1 - direction) * 3;
    const ports = swappedPorts(rows[other + 2]);
    const deltas = direction === 0 ? rows[base + Column.Deltas] : ~rows[base + Column.Deltas];
    const addresses = deltas >>> 16;
    const source = view.getInt32(at + 12);
    const destination = view.getInt32(at + 16);
    view.setUint16(at + 10, applyDelta(view.getUint16(at + 10), addresses + TTL_DELTA));
    view.setInt32(at + 12, rows[other + 1]);
    view.setInt32(at + 16, rows[other]);
    if (protocol === IpProtocol.Sctp) {
      if (ports === view.getInt32(transport)) return verdict;
      view.setInt32(transport, ports);
      writeSctpChecksum(bytes, transport, end);
      return verdict;
    }
    const field = transport + (protocol === IpProtocol.Tcp ? TCP_CHECKSUM : UDP_CHECKSUM);
    const stored = view.getUint16(field);
    const halves = (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
    const pseudo = fold(halves + protocol + end - transport);
    if (stored === pseudo && onesSum(bytes, transport, end, pseudo) !== 0xffff) {
      // Left for the NIC to complete: the field is the pseudo-header's sum, which has no ports.
      view.setUint16(field, fold(stored + addresses));
    } else if (stored !== 0 || protocol === IpProtocol.Tcp) {
      const updated = applyDelta(stored, addresses + (deltas & 0xffff));
      // In UDP 0 means that there is no checksum.
      view.setUint16(field, updated === 0 && protocol === IpProtocol.Udp ? 0xffff : updated);
    }
    view.setInt32(transport, ports);
    return verdict;
  }

  /**
   * Resets the idle timeout of a UDP flow.
   * @returns false for an answer whose flow conntrack has forgotten
   */
  #followUdp({ now }: Packet, row: number, direction: number): boolean {
    const rows = this.#rows;
    const base = row * ROW_WORDS;
    const meta = rows[base + Column.Meta];
    const isHalfOpen = (meta & ConnectionFlag.HalfOpen) !== 0;
    if (direction === 1) {
      if (this.#losesLateAnswers && (meta & ConnectionFlag.Tracked) === 0) {
        const idle = UDP_TIMEOUT - ((rows[base + Column.Deadline] - now) | 0);
        if (idle > (isHalfOpen ? TRACKED_UDP_TIMEOUT : TRACKED_STREAM_TIMEOUT)) return false;
      }
      if (isHalfOpen) this.#table.settle(row);
    }
    let timeout: number = UDP_TIMEOUT;
    if ((meta & ConnectionFlag.Tracked) !== 0) {
      timeout = isHalfOpen && direction === 0 ? TRACKED_UDP_TIMEOUT : TRACKED_STREAM_TIMEOUT;
    }
    rows[base + Column.Deadline] = (now + timeout) | 0;
    return true;
  }

  /** Follows the state of a TCP connection or an SCTP association, and resets its idle timeout. */
  #follow(packet: Packet, row: number, direction: number): void {
    const rows = this.#rows;
    const { now } = packet;
    const base = row * ROW_WORDS;
    const meta = rows[base + Column.Meta];
    const isHalfOpen = (meta & ConnectionFlag.HalfOpen) !== 0;
    const state = (meta >>> 16) & 0xff;
    const isTcp = packet.protocol === IpProtocol.Tcp;
    const side = direction === 0 && (meta & ConnectionFlag.Direct) !== 0 ? TcpTable.InputOnly : (direction as TcpTable);
    const next = isTcp
      ? nextTcpState(side, packet.bytes[packet.transport + TCP_FLAGS], state)
      : nextSctpState(side, packet.bytes, packet.transport, packet.end, state);
    const timeouts = isTcp ? ((meta & ConnectionFlag.Tracked) === 0 ? TCP_MS : TRACKED_TCP_MS) : SCTP_MS;
    const timeout = timeouts[next];
    rows[base + Column.Deadline] = (now + timeout) | 0;
    if ((meta & ConnectionFlag.Idle) !== 0) this.#table.restart(row, now, timeout);
    if (next === state) {
      // One that was picked up in the middle is established, but may be a flood's until the backend answers.
      if (isHalfOpen && direction === 1 && isTcp && state === TcpState.Established) this.#table.settle(row);
      return;
    }
    rows[base + Column.Meta] = (rows[base + Column.Meta] & ~0xff0000) | (next << 16);
    const active = isTcp ? TCP_ACTIVE : SCTP_ACTIVE;
    const change = active[next] - active[state];
    if (change !== 0) this.#services.activated(rows[base + Column.BackendId], change);
    if (timeout < timeouts[state]) this.#table.restart(row, now, timeout);
    if (!isHalfOpen) return;
    const isOpening = isTcp ? next === TcpState.SynReceived || next === TcpState.SynSent : next < SctpState.Established;
    if (!isOpening) this.#table.settle(row);
  }
}
