/**
 * The published ports of a task on the ingress network: what Docker's iptables rules do in the task's namespace. A
 * connection to a published port is redirected to the target port and its answers come from the published port; any other
 * TCP, UDP and SCTP on the task's ingress address is dropped, in both directions.
 */
import { platformRandom, viewOf } from '../../memory/internal.js';
import {
  checkIpv4,
  ETHERNET_HEADER_LEN,
  EtherType,
  HeaderError,
  ICMP_HEADER_LEN,
  IpProtocol,
  IPV4_HEADER_LEN,
  isIcmpError,
  TCP_HEADER_LEN,
  TcpFlag,
  UDP_HEADER_LEN,
} from '../../wire/index.js';
import { BalanceVerdict } from '../balance/balance-verdict.js';
import { Column, ConnectionFlag, ROW_WORDS, swappedPorts } from '../balance/table/connection-row.js';
import { ConnectionTable } from '../balance/table/connection-table.js';
import { FragmentedDatagrams } from '../balance/fragmented-datagrams.js';
import { quotedTransport } from '../balance/nat/icmp-error.js';
import { addressWord } from '../balance/leg.js';
import { Masquerade } from '../balance/nat/masquerade.js';
import { nextSctpState, SCTP_HEADER_LEN, SCTP_INIT, SCTP_TIMEOUTS, SctpState } from '../balance/state/sctp-state.js';
import { PORT_DROPS, PortDrop, portDropName } from './port-drop.js';
import { PortVerdict } from './port-verdict.js';
import { translateQuotedPorts } from './quoted-ports.js';
import { type TargetPort, TargetPorts } from './target-ports.js';
import type { PortAccounting, TaskPortsOptions } from './task-ports-options.js';
import { translatePorts, UDP_LENGTH } from './translated-ports.js';
import { nextTrackedTcp, TRACKED_TCP_TIMEOUTS, TrackedTcp } from './tracked-tcp.js';

const TO_TASK = 0;
const FROM_TASK = 1;
const SECOND = 1000;
const DEFAULT_CONNECTIONS = 16_384;
const DEFAULT_MTU = 1450;
/** Timeouts of UDP in milliseconds, before the task's first answer and after it. */
const UDP_NEW = 30 * SECOND;
const UDP_ANSWERED = 120 * SECOND;
const TCP_MS = Int32Array.from(TRACKED_TCP_TIMEOUTS, (seconds) => seconds * SECOND);
const SCTP_MS = Int32Array.from(SCTP_TIMEOUTS, (seconds) => seconds * SECOND);
const FRAGMENT = 0x3fff;
const TCP_OFFSET = 12;
const TCP_FLAGS = 13;
/** In a connection's unused bits: the task has sent a valid segment other than a reset. */
const ANSWERED = 0x100;

/**
 * Translates and filters the frames of a task's interface on the ingress network, in place.
 *
 * ICMP isn't filtered; errors are translated with the packet that they quote. ARP, IPv6 and packets of other addresses
 * pass. Connections are tracked as netfilter does it, without sequence numbers.
 *
 * @example
 * ```ts
 * import { PortVerdict, TaskPorts } from 'vtep/service';
 *
 * const ports = new TaskPorts({ address: '10.0.0.5', ports: [{ protocol: 'tcp', published: 8080, target: 80 }] });
 * const frame = new Uint8Array(1514); // an Ethernet frame for the task
 * if (ports.toTask(frame, 0, frame.length, Date.now() / 1000) === PortVerdict.Passed) console.log(frame);
 * ```
 */
export class TaskPorts {
  /** After `Dropped`: the reason. */
  drop: PortDrop = PortDrop.None;
  /** Frames dropped, by `PortDrop`; without the fragments that reassembly dropped. */
  readonly drops = new Float64Array(PORT_DROPS);
  /** Connections opened to published ports, and to their targets directly. */
  redirected = 0;
  direct = 0;

  readonly #address: number;
  #ports: TargetPorts;
  readonly #table: ConnectionTable;
  readonly #rows: Int32Array;
  readonly #masquerade: Masquerade;
  readonly #fragments: FragmentedDatagrams;
  /** Ethernet header of the fragments of `nextFragment`. */
  readonly #ethernet = new Uint8Array(ETHERNET_HEADER_LEN);
  #received = 0;
  #sent = 0;
  #made = 0;

  /** @throws BalanceError `BAD_BALANCER`, `SERVICE_EXISTS` for a port that is published twice; VtepError for an invalid address */
  constructor(options: TaskPortsOptions) {
    const { address, ports, maxConnections = DEFAULT_CONNECTIONS, mtu = DEFAULT_MTU } = options;
    const { random = platformRandom, seed } = options;
    this.#fragments = new FragmentedDatagrams(mtu);
    this.#address = addressWord(address);
    this.#ports = new TargetPorts(ports);
    this.#table = new ConnectionTable(maxConnections, (row) => this.#masquerade.forget(row), seed);
    this.#rows = this.#table.rows;
    this.#masquerade = new Masquerade(this.#table, random);
  }

  /** The connections, with their counters. Read it; it changes with every packet. */
  get connections(): ConnectionTable {
    return this.#table;
  }

  /**
   * Replaces the published ports. Connections that are open stay.
   * @throws BalanceError `BAD_BALANCER`, `SERVICE_EXISTS` for a port that is published twice
   */
  setPorts(ports: readonly TargetPort[]): void {
    this.#ports = new TargetPorts(ports);
  }

  /** What became of all frames. */
  accounting(): PortAccounting {
    const dropped: Record<string, number> = {};
    this.drops.forEach((count, reason) => {
      if (count > 0) dropped[portDropName(reason)] = count;
    });
    this.#fragments.addDropped(dropped);
    return { received: this.#received, made: this.#made, sent: this.#sent, dropped, held: this.#fragments.held };
  }

  /**
   * Handles a frame to the task.
   * @param start offset of the Ethernet header
   * @param end end of the frame
   * @param now seconds of the caller's clock; pass one value for a batch, since V8 allocates a fraction with each
   */
  toTask(bytes: Uint8Array, start: number, end: number, now: number): PortVerdict {
    return this.#handle(bytes, start, end, now, TO_TASK);
  }

  /** Handles a frame from the task; see `toTask`. */
  fromTask(bytes: Uint8Array, start: number, end: number, now: number): PortVerdict {
    return this.#handle(bytes, start, end, now, FROM_TASK);
  }

  /**
   * Writes the next fragment after a verdict of `Fragments`, before the next frame.
   * @param target with room for the MTU and an Ethernet header at `offset`
   * @returns bytes of the frame, or 0 if there are no more
   */
  nextFragment(target: Uint8Array, offset: number): number {
    const size = this.#fragments.next(target, offset + ETHERNET_HEADER_LEN);
    if (size === 0) return 0;
    for (let i = 0; i < ETHERNET_HEADER_LEN; i++) target[offset + i] = this.#ethernet[i];
    return ETHERNET_HEADER_LEN + size;
  }

  #handle(bytes: Uint8Array, start: number, end: number, now: number, direction: number): PortVerdict {
    this.#received++;
    if (end - start < ETHERNET_HEADER_LEN) return this.#dropped(PortDrop.PacketTooSmall, 1);
    const view = viewOf(bytes);
    const at = start + ETHERNET_HEADER_LEN;
    if (view.getUint16(start + 12) !== EtherType.Ipv4) return this.#passed();
    if (end - at < IPV4_HEADER_LEN) return this.#dropped(PortDrop.IpHeader, 1);
    if (view.getInt32(direction === TO_TASK ? at + 16 : at + 12) !== this.#address) return this.#passed();
    const error = checkIpv4(bytes, at, end, end, true);
    if (error !== HeaderError.None) {
      return this.#dropped(error === HeaderError.BadChecksum ? PortDrop.IpChecksum : PortDrop.IpHeader, 1);
    }
    const ms = (now * SECOND) | 0;
    this.#table.expire(ms);
    if ((view.getUint16(at + 6) & FRAGMENT) !== 0) return this.#fragment(bytes, start, end, now, ms, direction);
    const verdict = this.#packet(bytes, view, at, at + view.getUint16(at + 2), ms, direction);
    return verdict === PortVerdict.Dropped ? this.#dropped(this.drop, 1) : this.#passed();
  }

  #passed(): PortVerdict {
    this.#sent++;
    return PortVerdict.Passed;
  }

  #dropped(reason: PortDrop, frames: number): PortVerdict {
    this.drop = reason;
    this.drops[reason] += frames;
    return PortVerdict.Dropped;
  }

  /** Sets the reason of a packet's drop; the caller counts its frames. */
  #refuse(reason: PortDrop): PortVerdict {
    this.drop = reason;
    return PortVerdict.Dropped;
  }

  #fragment(bytes: Uint8Array, start: number, end: number, now: number, ms: number, direction: number): PortVerdict {
    const fragments = this.#fragments;
    const outcome = fragments.push(bytes, start, end, now);
    if (outcome === BalanceVerdict.Held) return PortVerdict.Held;
    if (outcome === BalanceVerdict.Dropped) {
      // Counted by the reassembler, except for a header that it never saw.
      return fragments.wasRefused ? this.#dropped(PortDrop.IpHeader, 1) : this.#refuse(PortDrop.Reassembly);
    }
    const packet = fragments.bytes;
    const verdict = this.#packet(packet, viewOf(packet), fragments.start, fragments.end, ms, direction);
    if (verdict === PortVerdict.Dropped) return this.#dropped(this.drop, fragments.parts);
    for (let i = 0; i < ETHERNET_HEADER_LEN; i++) this.#ethernet[i] = bytes[start + i];
    const count = fragments.begin(fragments.start, fragments.end, true);
    this.#made += count - fragments.parts;
    this.#sent += count;
    return PortVerdict.Fragments;
  }

  /** Handles a whole packet with a valid IP header. */
  #packet(bytes: Uint8Array, view: DataView, at: number, end: number, now: number, direction: number): PortVerdict {
    const protocol = bytes[at + 9];
    const transport = at + (bytes[at] & 0xf) * 4;
    const length = end - transport;
    if (protocol === IpProtocol.Icmp) {
      this.#translateError(bytes, view, transport, end, now, direction);
      return PortVerdict.Passed;
    }
    if (protocol === IpProtocol.Tcp) {
      if (length < TCP_HEADER_LEN) return this.#refuse(PortDrop.TransportHeader);
      const header = (bytes[transport + TCP_OFFSET] >>> 4) * 4;
      if (header < TCP_HEADER_LEN || header > length) return this.#refuse(PortDrop.TransportHeader);
    } else if (protocol === IpProtocol.Udp) {
      if (length < UDP_HEADER_LEN) return this.#refuse(PortDrop.TransportHeader);
      const stated = view.getUint16(transport + UDP_LENGTH);
      if (stated < UDP_HEADER_LEN || stated > length) return this.#refuse(PortDrop.TransportHeader);
    } else if (protocol === IpProtocol.Sctp) {
      if (length < SCTP_HEADER_LEN) return this.#refuse(PortDrop.TransportHeader);
    } else {
      return PortVerdict.Passed;
    }
    const source = view.getInt32(at + 12);
    const destination = view.getInt32(at + 16);
    if (source === destination) return this.#refuse(PortDrop.OwnSource);
    const ports = view.getInt32(transport);
    let row = this.#find(source, destination, ports, protocol, now);
    // A SYN that reuses the ports of a connection that has ended begins another.
    if (row >= 0 && direction === TO_TASK && protocol === IpProtocol.Tcp && this.#begins(bytes, transport, row)) {
      this.#table.remove(row);
      row = -1;
    }
    if (row < 0) {
      if (direction === FROM_TASK) return this.#refuse(PortDrop.NotAnAnswer);
      row = this.#open(bytes, transport, end, source, ports, protocol, now);
      if (row < 0) return PortVerdict.Dropped;
    } else if (!this.#follow(bytes, transport, end, now, protocol, row, direction)) {
      return this.#refuse(PortDrop.Invalid);
    }
    const after = swappedPorts(this.#rows[row * ROW_WORDS + (1 - direction) * 3 + 2]);
    if (after !== ports) translatePorts(bytes, view, at, transport, end, protocol, after);
    if (protocol === IpProtocol.Tcp && this.#isRefused(bytes[transport + TCP_FLAGS], row)) this.#table.remove(row);
    return PortVerdict.Passed;
  }

  /** The connection of a packet, or -1. */
  #find(source: number, destination: number, ports: number, protocol: number, now: number): number {
    const entry = this.#table.find(source, destination, ports, protocol);
    if (entry < 0 || !this.#table.isExpired(entry >>> 1, now)) return entry >> 1;
    this.#table.expired++;
    this.#table.remove(entry >>> 1);
    return -1;
  }

  #begins(bytes: Uint8Array, transport: number, row: number): boolean {
    const state = (this.#rows[row * ROW_WORDS + Column.Meta] >>> 16) & 0xff;
    if (state !== TrackedTcp.TimeWait && state !== TrackedTcp.Close) return false;
    return nextTrackedTcp(TO_TASK, bytes[transport + TCP_FLAGS], state) === TrackedTcp.SynSent;
  }

  /** Whether a segment resets a connection before any other answer, which netfilter forgets at once. */
  #isRefused(flags: number, row: number): boolean {
    if ((flags & TcpFlag.Rst) === 0) return false;
    return (this.#rows[row * ROW_WORDS + Column.Meta] & ANSWERED) === 0;
  }

  /** Opens a connection to the task. Returns its row, or -1 with the drop reason set. */
  #open(
    bytes: Uint8Array,
    transport: number,
    end: number,
    source: number,
    ports: number,
    protocol: number,
    now: number,
  ): number {
    const target = this.#ports.targetOf(protocol, ports & 0xffff);
    if (target < 0) return this.#cantOpen(PortDrop.NotPublished);
    let state = 0;
    let timeout = UDP_NEW;
    if (protocol === IpProtocol.Tcp) {
      state = nextTrackedTcp(TO_TASK, bytes[transport + TCP_FLAGS], TrackedTcp.None);
      if (state >= TrackedTcp.Invalid) return this.#cantOpen(PortDrop.Invalid);
      timeout = TCP_MS[state];
    } else if (protocol === IpProtocol.Sctp) {
      const chunk = transport + SCTP_HEADER_LEN;
      if (chunk >= end || bytes[chunk] !== SCTP_INIT) return this.#cantOpen(PortDrop.Invalid);
      state = nextSctpState(TO_TASK, bytes, transport, end, SctpState.None);
      timeout = SCTP_MS[state];
    }
    const row = this.#table.take();
    if (row < 0) return this.#cantOpen(PortDrop.TableFull);
    const rows = this.#rows;
    const base = row * ROW_WORDS;
    rows[base + Column.Client] = source;
    rows[base + Column.Vip] = this.#address;
    rows[base + Column.FrontPorts] = ports;
    rows[base + Column.Backend] = this.#address;
    rows[base + Column.Local] = source;
    rows[base + Column.Meta] = (protocol << 24) | (state << 16) | ConnectionFlag.HalfOpen;
    // Two published ports of one target need the client's ports to differ, which netfilter ensures in its INPUT chain.
    const port = this.#masquerade.choose(row, target, now);
    if (port < 0) {
      this.#table.giveBack(row);
      return this.#cantOpen(PortDrop.NoSourcePort);
    }
    rows[base + Column.BackPorts] = (target << 16) | port;
    rows[base + Column.MacLow] = 0;
    if (target === (ports & 0xffff)) this.direct++;
    else this.redirected++;
    this.#table.link(row, now, timeout);
    return row;
  }

  #cantOpen(reason: PortDrop): number {
    this.drop = reason;
    return -1;
  }

  /** Follows a connection's state and resets its idle timeout. False for a packet that doesn't fit it. */
  #follow(
    bytes: Uint8Array,
    transport: number,
    end: number,
    now: number,
    protocol: number,
    row: number,
    direction: number,
  ): boolean {
    const rows = this.#rows;
    const base = row * ROW_WORDS;
    let meta = rows[base + Column.Meta];
    const isUnsettled = (meta & ConnectionFlag.HalfOpen) !== 0;
    if (protocol === IpProtocol.Udp) {
      if (isUnsettled && direction === FROM_TASK) this.#table.settle(row);
      const isAnswered = !isUnsettled || direction === FROM_TASK;
      rows[base + Column.Deadline] = (now + (isAnswered ? UDP_ANSWERED : UDP_NEW)) | 0;
      return true;
    }
    const state = (meta >>> 16) & 0xff;
    const isTcp = protocol === IpProtocol.Tcp;
    let next = isTcp
      ? nextTrackedTcp(direction, bytes[transport + TCP_FLAGS], state)
      : nextSctpState(direction, bytes, transport, end, state);
    if (isTcp && next === TrackedTcp.Invalid) return false;
    if (isTcp && next === TrackedTcp.Ignored) next = state;
    if (isTcp && direction === FROM_TASK && (bytes[transport + TCP_FLAGS] & TcpFlag.Rst) === 0) {
      meta |= ANSWERED;
      rows[base + Column.Meta] = meta;
    }
    const timeouts = isTcp ? TCP_MS : SCTP_MS;
    const timeout = timeouts[next];
    rows[base + Column.Deadline] = (now + timeout) | 0;
    const isSettled = next === (isTcp ? TrackedTcp.Established : SctpState.Established);
    // A connection that was already open when it was first seen is settled by the task's answer.
    const settles = isSettled && isUnsettled && direction === FROM_TASK;
    if (next === state && !settles) return true;
    rows[base + Column.Meta] = (meta & ~0xff0000) | (next << 16);
    if (timeout < timeouts[state]) this.#table.restart(row, now, timeout);
    // Connections that are being opened or closed make room for others if the table is full.
    if (isSettled && isUnsettled) this.#table.settle(row);
    else if (!isSettled && !isUnsettled) this.#table.unsettle(row);
    return true;
  }

  /** Translates an ICMP error about a packet of a connection; others stay as they are. */
  #translateError(bytes: Uint8Array, view: DataView, icmp: number, end: number, now: number, direction: number): void {
    if (end - icmp < ICMP_HEADER_LEN || !isIcmpError(bytes[icmp])) return;
    const quoted = quotedTransport(bytes, icmp, end);
    if (quoted < 0) return;
    const inner = icmp + ICMP_HEADER_LEN;
    const protocol = bytes[inner + 9];
    // The quoted packet went the other way.
    const source = view.getInt32(inner + 16);
    const destination = view.getInt32(inner + 12);
    const row = this.#find(source, destination, swappedPorts(view.getInt32(quoted)), protocol, now);
    if (row < 0 || destination === source) return;
    if ((direction === TO_TASK ? destination : source) !== this.#address) return;
    const ports = this.#rows[row * ROW_WORDS + (1 - direction) * 3 + 2];
    translateQuotedPorts(bytes, icmp, quoted, end, protocol, ports);
  }
}
