/** Packets of no known connection: which service they are for, which backend gets them, and what else answers them. */
import { IpProtocol, TcpFlag } from '../../wire/index.js';
import type { Answers } from './answers.js';
import { BalanceDrop } from './balance-drop.js';
import { BalanceVerdict } from './balance-verdict.js';
import type { Behaviour } from './behaviour.js';
import type { KnownFlows } from './known-flows.js';
import type { Leg } from './leg.js';
import type { SourceNat } from './nat/source-nat.js';
import type { Packet } from './packet.js';
import { flowHash } from './services/maglev.js';
import { Forwarding } from './services/service-options.js';
import type { Services } from './services/services.js';
import { SCTP_HEADER_LEN, SCTP_INIT, SctpState } from './state/sctp-state.js';
import { TcpState } from './state/tcp-state.js';
import { SCTP_MS, TCP_MS, UDP_TIMEOUT } from './state/timeouts.js';
import { Column, ConnectionFlag, ROW_WORDS } from './table/connection-row.js';
import type { ConnectionTable } from './table/connection-table.js';

const TCP_FLAGS = 13;

/** Opens connections. */
export class NewFlows {
  readonly #table: ConnectionTable;
  readonly #rows: Int32Array;
  readonly #services: Services;
  readonly #nat: SourceNat;
  readonly #known: KnownFlows;
  readonly #answers: Answers;
  readonly #front: Leg;
  readonly #back: Leg;
  readonly #forgets: boolean;

  constructor(
    table: ConnectionTable,
    services: Services,
    nat: SourceNat,
    known: KnownFlows,
    answers: Answers,
    front: Leg,
    back: Leg,
    behaviour: Behaviour,
  ) {
    this.#table = table;
    this.#rows = table.rows;
    this.#services = services;
    this.#nat = nat;
    this.#known = known;
    this.#answers = answers;
    this.#front = front;
    this.#back = back;
    this.#forgets = behaviour.forgets;
  }

  /** Handles a packet that belongs to no connection. */
  handle(packet: Packet): BalanceVerdict {
    const { bytes, transport, protocol } = packet;
    const service = this.#serviceOf(packet);
    if (service < 0 && !this.#isOwn(packet.destination)) return packet.refuse(BalanceDrop.OtherHost);
    if (this.#answers.isLocalSource(packet.source)) return packet.refuse(BalanceDrop.LocalSource);
    let resumes = false;
    if (protocol === IpProtocol.Tcp) {
      const kind = bytes[transport + TCP_FLAGS] & (TcpFlag.Syn | TcpFlag.Ack | TcpFlag.Rst);
      resumes = !this.#forgets && kind === TcpFlag.Ack;
      const opens = (kind & (TcpFlag.Syn | TcpFlag.Rst)) === TcpFlag.Syn;
      if (service < 0 || !(opens || resumes)) return this.#answers.reset(packet);
    } else if (protocol === IpProtocol.Sctp) {
      const chunk = transport + SCTP_HEADER_LEN;
      if (service < 0 || chunk >= packet.end || bytes[chunk] !== SCTP_INIT) {
        return packet.refuse(BalanceDrop.NoAssociation);
      }
    }
    const backend = service < 0 ? -1 : this.#pick(packet, service);
    if (backend < 0) return resumes ? this.#answers.reset(packet) : this.#answers.unreachable(packet);
    const row = this.#open(packet, service, backend, resumes);
    return row < 0 ? BalanceVerdict.Dropped : this.#known.translate(packet, row * 2);
  }

  #pick(packet: Packet, service: number): number {
    if (this.#forgets) return this.#services.pick(service);
    const ports = packet.view.getInt32(packet.transport);
    return this.#services.pickByHash(service, flowHash(packet.source, ports, packet.protocol));
  }

  #isOwn(address: number): boolean {
    return address === this.#back.address || address === this.#front.address;
  }

  /** The service of the packet's destination, or -1. */
  #serviceOf(packet: Packet): number {
    const { destination } = packet;
    const service = this.#services.ofVip(destination);
    if (service >= 0 || !this.#isOwn(destination)) return service;
    return this.#services.ofPort(packet.protocol, packet.view.getUint16(packet.transport + 2));
  }

  /**
   * Opens a connection.
   * @param resumes whether it is picked up in the middle
   * @returns its row, or -1 with the drop reason set
   */
  #open(packet: Packet, service: number, backend: number, resumes: boolean): number {
    const rows = this.#rows;
    const services = this.#services;
    const { view, at, transport, protocol, now } = packet;
    const row = this.#table.take();
    if (row < 0) {
      packet.refuse(BalanceDrop.TableFull);
      return -1;
    }
    const base = row * ROW_WORDS;
    const ports = view.getInt32(transport);
    const forwarding = services.forwardingOf(service);
    let flags: number = ConnectionFlag.HalfOpen;
    if (forwarding === Forwarding.Direct) flags |= ConnectionFlag.Direct;
    if (forwarding === Forwarding.Destination) flags |= ConnectionFlag.Tracked;
    const state = resumes ? TcpState.Established : TcpState.None;
    let isMasqueraded = forwarding === Forwarding.Masquerade;
    // Conntrack calls a SYN ACK that opens a connection invalid, so that it leaves with the client's address.
    const answers = protocol === IpProtocol.Tcp && (packet.bytes[transport + TCP_FLAGS] & TcpFlag.Ack) !== 0;
    if (isMasqueraded && answers && !resumes) {
      isMasqueraded = false;
      flags |= ConnectionFlag.Unmasqueraded;
    }
    rows[base + Column.Client] = view.getInt32(at + 12);
    rows[base + Column.Vip] = view.getInt32(at + 16);
    rows[base + Column.FrontPorts] = ports;
    rows[base + Column.Backend] = services.address[backend];
    rows[base + Column.Meta] = (protocol << 24) | (state << 16) | flags;
    rows[base + Column.BackendId] = backend;
    rows[base + Column.MacHigh] = packet.peerHigh;
    rows[base + Column.MacLow] = packet.peerLow << 16;
    const backendPort = services.port[backend] === 0 ? ports & 0xffff : services.port[backend];
    if (!this.#nat.open(row, backendPort, isMasqueraded, now)) {
      this.#table.giveBack(row);
      packet.refuse(BalanceDrop.NoSourcePort);
      return -1;
    }
    services.opened(backend);
    // Otherwise `KnownFlows` counts it with its first packet.
    if (resumes) services.activated(backend, 1);
    this.#table.link(row, now, openingTimeout(protocol));
    return row;
  }
}

/** Timeout of a connection before its first answer. */
function openingTimeout(protocol: number): number {
  if (protocol === IpProtocol.Tcp) return TCP_MS[TcpState.SynReceived];
  return protocol === IpProtocol.Sctp ? SCTP_MS[SctpState.Init1] : UDP_TIMEOUT;
}
