/** ICMP at a balancer: errors about its connections are translated, echo requests answered, and the rest ignored. */
import { checksum, ICMP_HEADER_LEN, IcmpType } from '../../wire/index.js';
import type { Answers } from './answers.js';
import { BalanceDrop } from './balance-drop.js';
import type { BalanceVerdict } from './balance-verdict.js';
import { type QuotedChecksum, quotedTransport, translateIcmpError } from './nat/icmp-error.js';
import type { NextHop } from './next-hop.js';
import type { Packet } from './packet.js';
import { Column, ConnectionFlag, ROW_WORDS, swappedPorts } from './table/connection-row.js';
import type { ConnectionTable } from './table/connection-table.js';

/** Handles ICMP. */
export class Icmp {
  readonly #table: ConnectionTable;
  readonly #nextHop: NextHop;
  readonly #answers: Answers;
  readonly #quoted: QuotedChecksum;

  constructor(table: ConnectionTable, nextHop: NextHop, answers: Answers, quoted: QuotedChecksum) {
    this.#table = table;
    this.#nextHop = nextHop;
    this.#answers = answers;
    this.#quoted = quoted;
  }

  handle(packet: Packet): BalanceVerdict {
    const { bytes, transport, end } = packet;
    if (end - transport < ICMP_HEADER_LEN) return packet.refuse(BalanceDrop.TransportHeader);
    if (checksum(bytes, transport, end) !== 0) return packet.refuse(BalanceDrop.IcmpChecksum);
    const type = bytes[transport];
    if (type === IcmpType.EchoRequest) return this.#answers.echo(packet);
    const isError = type === IcmpType.Unreachable || type === IcmpType.SourceQuench || type === IcmpType.TimeExceeded;
    return isError ? this.#error(packet) : packet.refuse(BalanceDrop.NoSocket);
  }

  #error(packet: Packet): BalanceVerdict {
    const { bytes, view, at, transport, end } = packet;
    const entry = this.#find(packet);
    if (entry < 0) return packet.refuse(BalanceDrop.NoSocket);
    const row = entry >>> 1;
    const direction = entry & 1;
    const { rows } = this.#table;
    const meta = rows[row * ROW_WORDS + Column.Meta];
    if ((meta & (ConnectionFlag.Direct | ConnectionFlag.Unmasqueraded)) !== 0) {
      return packet.refuse(BalanceDrop.NoSocket);
    }
    const verdict = this.#nextHop.choose(packet, row, direction);
    const ttl = bytes[at + 8];
    if (ttl <= 1) return packet.refuse(BalanceDrop.TtlExpired);
    view.setUint8(at + 8, ttl - 1);
    const quoted = quotedTransport(bytes, transport, end);
    translateIcmpError(bytes, at, transport, quoted, end, rows, row, direction, this.#quoted);
    return verdict;
  }

  /** The entry of the connection that an error is about; -1 if there is none. */
  #find(packet: Packet): number {
    const { bytes, view, transport, end } = packet;
    const quoted = quotedTransport(bytes, transport, end);
    if (quoted < 0) return -1;
    const inner = transport + ICMP_HEADER_LEN;
    const ports = view.getInt32(quoted);
    // The error comes back from where the quoted packet went.
    const source = view.getInt32(inner + 16);
    const entry = this.#table.find(source, view.getInt32(inner + 12), swappedPorts(ports), bytes[inner + 9]);
    return entry >= 0 && this.#table.isExpired(entry >>> 1, packet.now) ? -1 : entry;
  }
}
