/**
 * The load balancer of a network on one node, as Docker's has it in a namespace of its own: an endpoint made of code.
 * Frames to a virtual IP go in and come out translated, as IPVS (masquerade, `rr`) and netfilter's source NAT leave them.
 */
import { platformRandom, viewOf } from '../../memory/internal.js';
import type { RandomBytes } from '../../memory/index.js';
import {
  ARP_PACKET_LEN,
  ArpOperation,
  checkArp,
  checkIpv4,
  checksum,
  ETHERNET_HEADER_LEN,
  EtherType,
  HeaderError,
  ICMP_HEADER_LEN,
  IcmpType,
  IPV4_HEADER_LEN,
  IpProtocol,
  onesSum,
  TcpFlag,
} from '../../wire/index.js';
import { BALANCE_DROPS, BalanceDrop, balanceDropName } from './balance-drop.js';
import { BalanceVerdict } from './balance-verdict.js';
import { applyDelta, fold, wordDelta } from './checksum-delta.js';
import { Column, ConnectionFlag, ConnectionTable, MAX_PREFETCH, ROW_WORDS } from './connection-table.js';
import { BalanceError } from './error.js';
import { FragmentedDatagrams } from './fragmented-datagrams.js';
import { type QuotedChecksum, quotedTransport, translateIcmpError } from './icmp-error.js';
import { Leg, type LegOptions } from './leg.js';
import { Masquerade } from './masquerade.js';
import { isAnswerable, writeArpReply, writeEchoReply, writeIcmpError, writeReset } from './own-answers.js';
import { nextSctpState, SCTP_HEADER_LEN, SCTP_INIT, SCTP_TIMEOUTS, writeSctpChecksum } from './sctp-state.js';
import {
  type BackendOptions,
  COUNTERS,
  Forwarding,
  type ServiceAddresses,
  type ServiceCounts,
  type ServiceOptions,
  Services,
} from './services.js';
import { RandomShorts } from './source-port.js';
import { nextTcpState, TCP_TIMEOUTS, TcpState } from './tcp-state.js';

/** Options of a load balancer. */
export interface LoadBalancerOptions {
  /** Its interface on the overlay: the backends' side, and the clients' too unless `front` is given. */
  readonly back: LegOptions;
  /**
   * Its interface on the clients' side, where that is another: docker_gwbridge for the ingress mesh.
   * @default `back`
   */
  readonly front?: LegOptions;
  /**
   * Maximum number of connections. Memory is about 80 bytes for each, allocated at once.
   * @default 65,536
   */
  readonly maxConnections?: number;
  /**
   * MTU of the interfaces, into which reassembled datagrams are fragmented again.
   * @default 1450
   */
  readonly mtu?: number;
  /**
   * What to do with the TCP or UDP checksum that an ICMP error quotes.
   * @default 'ipvs'
   */
  readonly quotedChecksum?: QuotedChecksum;
  /**
   * Random bytes for source ports and identifications.
   * @default the platform's cryptographic source
   */
  readonly random?: RandomBytes;
  /** Seed of the table's hash, for tests. Default: a secret random key */
  readonly seed?: number;
}

/** What became of all frames: received + made = sent + the sum of dropped + held. */
export interface BalanceAccounting {
  readonly received: number;
  /** Fragments sent beyond those received: negative if datagrams leave in fewer fragments than they came in. */
  readonly made: number;
  readonly sent: number;
  /** Frames dropped, by the reason's name. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Fragments waiting for the rest of their datagrams. */
  readonly held: number;
}

const SECOND = 1000;
const UDP_TIMEOUT = 300 * SECOND;
const TCP_MS = Int32Array.from(TCP_TIMEOUTS, (seconds) => seconds * SECOND);
const SCTP_MS = Int32Array.from(SCTP_TIMEOUTS, (seconds) => seconds * SECOND);
const SCTP_ESTABLISHED = 8;
const DEFAULT_CONNECTIONS = 65_536;
const DEFAULT_MTU = 1450;
const MIN_MTU = 68;
/** Linux's `icmp_msgs_per_sec` and `icmp_msgs_burst`. */
const ERRORS_PER_SECOND = 1000;
const ERROR_BURST = 50;
const FRAGMENT = 0x3fff;
const BROADCAST_HIGH = -1;
const BROADCAST_LOW = 0xffff;
const SOURCE_QUENCH = 4;
const PORT_UNREACHABLE = 3;
/** What decrementing the TTL adds to the header's sum. */
const TTL_DELTA = 0xfeff;
const TCP_HEADER = 20;
const UDP_HEADER = 8;
const TCP_CHECKSUM = 16;
const UDP_CHECKSUM = 6;
const TCP_FLAGS = 13;
/** Bytes of a frame up to the end of its ports. */
const PREFETCHED = ETHERNET_HEADER_LEN + IPV4_HEADER_LEN + 4;

/**
 * Translates the frames of one balancer in place.
 *
 * @example
 * ```ts
 * import { BalanceVerdict, LoadBalancer } from 'vtep/service';
 *
 * const balancer = new LoadBalancer({ back: { address: '10.0.9.7' } });
 * const web = balancer.addService({ name: 'my-web', vip: '10.0.9.2' });
 * balancer.addBackend(web, { address: '10.0.9.3' });
 * const frame = new Uint8Array(1514); // an Ethernet frame to the virtual IP
 * const verdict = balancer.translate(frame, 0, frame.length, Date.now() / 1000);
 * if (verdict === BalanceVerdict.ToBackend) console.log(frame.subarray(balancer.start, balancer.end));
 * ```
 */
export class LoadBalancer {
  /** After a verdict other than `Dropped`, `Held` and `Fragments`: the frame's start and end in the bytes given. */
  start = 0;
  end = 0;
  /** After `Dropped`: the reason. */
  drop: BalanceDrop = BalanceDrop.None;
  /** After `Fragments`: what became of the datagram: `ToBackend`, `ToClient` or `Answered`. */
  datagram: BalanceVerdict = BalanceVerdict.Dropped;
  /** Frames dropped, by `BalanceDrop`; without the fragments that reassembly dropped. */
  readonly drops = new Float64Array(BALANCE_DROPS);

  readonly #front: Leg;
  readonly #back: Leg;
  readonly #table: ConnectionTable;
  readonly #rows: Int32Array;
  readonly #services = new Services();
  readonly #masquerade: Masquerade;
  readonly #shorts: RandomShorts;
  readonly #fragments: FragmentedDatagrams;
  readonly #quoted: QuotedChecksum;
  #received = 0;
  #sent = 0;
  #made = 0;
  /** MACs of the frame being handled: the sender's, and the interface's that it came to. */
  #peerHigh = 0;
  #peerLow = 0;
  #ownHigh = 0;
  #ownLow = 0;
  /** Where the packet goes: the next MACs, and the packet itself if an answer moved it. */
  #toHigh = 0;
  #toLow = 0;
  #fromHigh = 0;
  #fromLow = 0;
  #packetStart = 0;
  #packetEnd = 0;
  readonly #packets = new Int32Array(MAX_PREFETCH);
  #errorTokens = ERROR_BURST;
  #errorTime = 0;

  /** @throws BalanceError `BAD_BALANCER`; VtepError for an invalid address or MAC */
  constructor(options: LoadBalancerOptions) {
    const { back, front = back, maxConnections = DEFAULT_CONNECTIONS, mtu = DEFAULT_MTU } = options;
    const { random = platformRandom, quotedChecksum = 'ipvs', seed } = options;
    if (!Number.isInteger(mtu) || mtu < MIN_MTU || mtu > 65_535) {
      throw new BalanceError('BAD_BALANCER', `an MTU is an integer from ${MIN_MTU} to 65535, not ${mtu}`);
    }
    this.#back = new Leg(back);
    this.#front = new Leg(front);
    this.#table = new ConnectionTable(maxConnections, (row) => this.#closed(row), seed);
    this.#rows = this.#table.rows;
    this.#masquerade = new Masquerade(this.#table, random);
    this.#shorts = new RandomShorts(random);
    this.#quoted = quotedChecksum;
    this.#fragments = new FragmentedDatagrams(mtu);
  }

  /** The connections, with their counters. Read it; it changes with every packet. */
  get connections(): ConnectionTable {
    return this.#table;
  }

  /** Connections whose source port had to change, and those that found none free. */
  get ports(): { readonly remapped: number; readonly exhausted: number } {
    const { remapped, exhausted } = this.#masquerade;
    return { remapped, exhausted };
  }

  /**
   * Adds a service.
   * @returns its id
   * @throws BalanceError `SERVICE_EXISTS` if the VIP or a port is taken, `BAD_BALANCER` without either
   */
  addService(options: ServiceOptions): number {
    return this.#services.add(options);
  }

  /**
   * Changes what leads to a service: with neither VIP nor ports it gets no new connections. Those that it has stay.
   * @throws BalanceError `UNKNOWN_SERVICE`; `SERVICE_EXISTS` if the VIP or a port is taken
   */
  setAddresses(service: number, addresses: ServiceAddresses): void {
    this.#services.setAddresses(service, addresses);
  }

  /**
   * Removes a service and its backends. Its connections end as those of a removed backend do.
   * @throws BalanceError `UNKNOWN_SERVICE`
   */
  removeService(service: number): void {
    this.#services.remove(service);
  }

  /**
   * Adds a backend, which is the first that the scheduler comes to when it starts over.
   * @throws BalanceError `UNKNOWN_SERVICE`, `BACKEND_EXISTS`, `BAD_BALANCER`
   */
  addBackend(service: number, options: BackendOptions): void {
    this.#services.addBackend(service, options);
  }

  /**
   * Sets a backend's weight: with 0 it gets no new connections and keeps those it has.
   * @throws BalanceError `UNKNOWN_SERVICE`, `UNKNOWN_BACKEND`, `BAD_BALANCER`
   */
  setWeight(service: number, address: string, weight: number): void {
    this.#services.setWeight(service, address, weight);
  }

  /**
   * Removes a backend. The next packet of each of its connections is dropped and ends the connection, so that the one
   * after it is reset (`expire_nodest_conn`).
   * @throws BalanceError `UNKNOWN_SERVICE`, `UNKNOWN_BACKEND`
   */
  removeBackend(service: number, address: string): void {
    this.#services.removeBackend(service, address);
  }

  /** What each service and its backends have carried. */
  counts(): ServiceCounts[] {
    return this.#services.ids.map((id) => this.#services.countsOf(id));
  }

  /** What became of all frames. */
  accounting(): BalanceAccounting {
    const dropped: Record<string, number> = {};
    this.drops.forEach((count, reason) => {
      if (count > 0) dropped[balanceDropName(reason)] = count;
    });
    this.#fragments.addDropped(dropped);
    return { received: this.#received, made: this.#made, sent: this.#sent, dropped, held: this.#fragments.held };
  }

  /**
   * Handles a frame that arrived at the balancer.
   * @param bytes with `BALANCE_HEADROOM` bytes before `start`, for ICMP errors
   * @param start offset of the Ethernet header
   * @param end end of the frame
   * @param now seconds of the caller's clock; pass one value for a batch, since V8 allocates a fraction with each
   */
  translate(bytes: Uint8Array, start: number, end: number, now: number): BalanceVerdict {
    this.#received++;
    if (end - start < ETHERNET_HEADER_LEN + IPV4_HEADER_LEN) return this.#dropped(BalanceDrop.PacketTooSmall, 1);
    const view = viewOf(bytes);
    const ms = (now * SECOND) | 0;
    this.#table.expire(ms);
    this.#ownHigh = view.getInt32(start);
    this.#ownLow = view.getUint16(start + 4);
    this.#peerHigh = view.getInt32(start + 6);
    this.#peerLow = view.getUint16(start + 10);
    const at = start + ETHERNET_HEADER_LEN;
    if (view.getUint16(start + 12) !== EtherType.Ipv4) return this.#notIp(bytes, start, end);
    if (!this.#isOwnMac()) return this.#dropped(BalanceDrop.OtherHost, 1);
    const error = checkIpv4(bytes, at, end, end, true);
    if (error !== HeaderError.None) {
      return this.#dropped(error === HeaderError.BadChecksum ? BalanceDrop.IpChecksum : BalanceDrop.IpHeader, 1);
    }
    if ((view.getUint16(at + 6) & FRAGMENT) !== 0) return this.#fragment(bytes, start, end, now, ms);
    const verdict = this.#packet(bytes, view, at, at + view.getUint16(at + 2), ms);
    if (verdict === BalanceVerdict.Dropped) return this.#dropped(this.drop, 1);
    this.#sent++;
    this.start = this.#packetStart - ETHERNET_HEADER_LEN;
    this.end = this.#packetEnd;
    this.#writeMacs(view, this.start);
    return verdict;
  }

  /**
   * Prepares to translate the frames of a batch one by one: with more connections than fit into the cache, their rows are
   * fetched together, which takes a fraction of the time. Optional, and without effect on the results.
   * @param starts offsets of the frames' Ethernet headers; those too short for ports or too close to the end of `bytes`
   * are skipped
   * @param count number of frames, at most 256
   */
  prefetch(bytes: Uint8Array, starts: ArrayLike<number>, count: number): void {
    const packets = this.#packets;
    const limit = bytes.length - PREFETCHED;
    let taken = 0;
    for (let i = 0; i < count && taken < MAX_PREFETCH; i++) {
      if (starts[i] >= 0 && starts[i] <= limit) packets[taken++] = starts[i] + ETHERNET_HEADER_LEN;
    }
    this.#table.prefetch(viewOf(bytes), packets, taken);
  }

  /**
   * Writes the next fragment after a verdict of `Fragments`, before the next `translate`.
   * @param target with room for the MTU and an Ethernet header at `offset`; not the bytes given to `translate`
   * @returns bytes of the frame, or 0 if there are no more
   */
  nextFragment(target: Uint8Array, offset: number): number {
    const size = this.#fragments.next(target, offset + ETHERNET_HEADER_LEN);
    if (size === 0) return 0;
    const view = viewOf(target);
    this.#writeMacs(view, offset);
    view.setUint16(offset + 12, EtherType.Ipv4);
    return ETHERNET_HEADER_LEN + size;
  }

  #writeMacs(view: DataView, start: number): void {
    view.setInt32(start, this.#toHigh);
    view.setUint16(start + 4, this.#toLow);
    view.setInt32(start + 6, this.#fromHigh);
    view.setUint16(start + 10, this.#fromLow);
    view.setUint16(start + 12, EtherType.Ipv4);
  }

  #isOwnMac(): boolean {
    const { macHigh, macLow } = this.#front;
    if (this.#ownHigh === macHigh && this.#ownLow === macLow) return true;
    return this.#ownHigh === this.#back.macHigh && this.#ownLow === this.#back.macLow;
  }

  #dropped(reason: BalanceDrop, frames: number): BalanceVerdict {
    this.drop = reason;
    this.drops[reason] += frames;
    return BalanceVerdict.Dropped;
  }

  /** Sets the reason of a packet's drop; the caller counts its frames. */
  #refuse(reason: BalanceDrop): BalanceVerdict {
    this.drop = reason;
    return BalanceVerdict.Dropped;
  }

  #isLocal(address: number): boolean {
    return address === this.#back.address || address === this.#front.address || this.#services.ofVip(address) >= 0;
  }

  #notIp(bytes: Uint8Array, start: number, end: number): BalanceVerdict {
    const view = viewOf(bytes);
    const arp = start + ETHERNET_HEADER_LEN;
    if (view.getUint16(start + 12) !== EtherType.Arp) return this.#dropped(BalanceDrop.UnhandledProtocol, 1);
    const isBroadcast = this.#ownHigh === BROADCAST_HIGH && this.#ownLow === BROADCAST_LOW;
    if (!isBroadcast && !this.#isOwnMac()) return this.#dropped(BalanceDrop.OtherHost, 1);
    if (checkArp(bytes, arp, end) !== HeaderError.None) return this.#dropped(BalanceDrop.ArpIgnored, 1);
    const wanted = view.getInt32(arp + 24);
    const isRequest = view.getUint16(arp + 6) === ArpOperation.Request;
    if (!isRequest || !this.#isLocal(wanted)) return this.#dropped(BalanceDrop.ArpIgnored, 1);
    const leg = wanted === this.#front.address ? this.#front : this.#back;
    writeArpReply(bytes, start, leg.macHigh, leg.macLow);
    this.#sent++;
    this.start = start;
    this.end = arp + ARP_PACKET_LEN;
    return BalanceVerdict.Answered;
  }

  #fragment(bytes: Uint8Array, start: number, end: number, now: number, ms: number): BalanceVerdict {
    const fragments = this.#fragments;
    const outcome = fragments.push(bytes, start, end, now);
    if (outcome === BalanceVerdict.Held) return BalanceVerdict.Held;
    if (outcome === BalanceVerdict.Dropped) {
      // Counted by the reassembler, except for a header that it never saw.
      return fragments.wasRefused ? this.#dropped(BalanceDrop.IpHeader, 1) : this.#refuse(BalanceDrop.Reassembly);
    }
    const packet = fragments.bytes;
    const verdict = this.#packet(packet, viewOf(packet), fragments.start, fragments.end, ms);
    if (verdict === BalanceVerdict.Dropped) return this.#dropped(this.drop, fragments.parts);
    const count = fragments.begin(this.#packetStart, this.#packetEnd);
    this.#made += count - fragments.parts;
    this.#sent += count;
    this.datagram = verdict;
    return BalanceVerdict.Fragments;
  }

  /** Handles a whole packet with a valid IP header. */
  #packet(bytes: Uint8Array, view: DataView, at: number, end: number, now: number): BalanceVerdict {
    const protocol = bytes[at + 9];
    const transport = at + (bytes[at] & 0xf) * 4;
    this.#packetStart = at;
    this.#packetEnd = end;
    const length = end - transport;
    if (protocol === IpProtocol.Tcp) {
      if (length < TCP_HEADER) return this.#refuse(BalanceDrop.TransportHeader);
    } else if (protocol === IpProtocol.Udp) {
      if (length < UDP_HEADER) return this.#refuse(BalanceDrop.TransportHeader);
    } else if (protocol === IpProtocol.Sctp) {
      if (length < SCTP_HEADER_LEN) return this.#refuse(BalanceDrop.TransportHeader);
    } else {
      return this.#otherProtocol(bytes, view, at, transport, end, now, protocol);
    }
    const source = view.getInt32(at + 12);
    const destination = view.getInt32(at + 16);
    const ports = view.getInt32(transport);
    let entry = this.#table.find(source, destination, ports, protocol);
    if (entry >= 0 && this.#table.isExpired(entry >>> 1, now)) {
      this.#table.expired++;
      this.#table.remove(entry >>> 1);
      entry = -1;
    }
    if (entry < 0) return this.#unknown(bytes, view, at, transport, end, now, protocol);
    return this.#translate(bytes, view, at, transport, end, now, protocol, entry);
  }

  /** Translates a packet of a known connection. */
  #translate(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    transport: number,
    end: number,
    now: number,
    protocol: number,
    entry: number,
  ): BalanceVerdict {
    const rows = this.#rows;
    const services = this.#services;
    const direction = entry & 1;
    const row = entry >>> 1;
    const base = row * ROW_WORDS;
    const backend = rows[base + Column.BackendId];
    if (direction === 0 && services.removed[backend] === 1) {
      this.#table.remove(row);
      return this.#refuse(BalanceDrop.BackendRemoved);
    }
    const counter = backend * COUNTERS + direction * 2;
    services.counters[counter]++;
    services.counters[counter + 1] += end - at;
    this.#follow(bytes, transport, end, now, protocol, row, direction);
    const ttl = bytes[at + 8];
    if (ttl <= 1) return this.#answerError(bytes, at, transport, end, now, IcmpType.TimeExceeded, 0);

    const meta = rows[base + Column.Meta];
    if (direction === 0) {
      this.#toHigh = services.macHigh[backend];
      this.#toLow = services.macLow[backend];
      this.#fromHigh = this.#back.macHigh;
      this.#fromLow = this.#back.macLow;
    } else {
      this.#toHigh = rows[base + Column.MacHigh];
      this.#toLow = rows[base + Column.MacLow] >>> 16;
      this.#fromHigh = this.#front.macHigh;
      this.#fromLow = this.#front.macLow;
    }
    bytes[at + 8] = ttl - 1;
    if ((meta & (ConnectionFlag.Direct | ConnectionFlag.Unmasqueraded)) !== 0) {
      if ((meta & ConnectionFlag.Direct) !== 0) {
        view.setUint16(at + 10, applyDelta(view.getUint16(at + 10), TTL_DELTA));
        return BalanceVerdict.ToBackend;
      }
      if (protocol === IpProtocol.Tcp && !this.#remasquerade(bytes[transport + TCP_FLAGS], row, now)) {
        return this.#refuse(BalanceDrop.NoSourcePort);
      }
    }

    const other = base + (1 - direction) * 3;
    const backwards = rows[other + 2];
    const deltas = direction === 0 ? rows[base + Column.Deltas] : ~rows[base + Column.Deltas];
    const addresses = deltas >>> 16;
    const source = view.getInt32(at + 12);
    const destination = view.getInt32(at + 16);
    view.setUint16(at + 10, applyDelta(view.getUint16(at + 10), addresses + TTL_DELTA));
    view.setInt32(at + 12, rows[other + 1]);
    view.setInt32(at + 16, rows[other]);
    if (protocol === IpProtocol.Sctp) {
      const ports = (backwards << 16) | (backwards >>> 16);
      if (ports !== view.getInt32(transport)) {
        view.setInt32(transport, ports);
        writeSctpChecksum(bytes, transport, end);
      }
    } else {
      const field = transport + (protocol === IpProtocol.Tcp ? TCP_CHECKSUM : UDP_CHECKSUM);
      const stored = view.getUint16(field);
      const pseudo = fold(
        (source >>> 16) +
          (source & 0xffff) +
          (destination >>> 16) +
          (destination & 0xffff) +
          protocol +
          end -
          transport,
      );
      if (stored === pseudo && onesSum(bytes, transport, end, pseudo) !== 0xffff) {
        // Left for the NIC to complete: the field is the pseudo-header's sum, which has no ports.
        view.setUint16(field, fold(stored + addresses));
      } else if (stored !== 0 || protocol === IpProtocol.Tcp) {
        const updated = applyDelta(stored, addresses + (deltas & 0xffff));
        // In UDP 0 means that there is no checksum.
        view.setUint16(field, updated === 0 && protocol === IpProtocol.Udp ? 0xffff : updated);
      }
      view.setInt32(transport, (backwards << 16) | (backwards >>> 16));
    }
    return direction === 0 ? BalanceVerdict.ToBackend : BalanceVerdict.ToClient;
  }

  /** Follows the connection's state and resets its idle timeout. */
  #follow(
    bytes: Uint8Array,
    transport: number,
    end: number,
    now: number,
    protocol: number,
    row: number,
    direction: number,
  ): void {
    const rows = this.#rows;
    const base = row * ROW_WORDS;
    const meta = rows[base + Column.Meta];
    const isHalfOpen = (meta & ConnectionFlag.HalfOpen) !== 0;
    if (protocol === IpProtocol.Udp) {
      rows[base + Column.Deadline] = (now + UDP_TIMEOUT) | 0;
      if (isHalfOpen && direction === 1) this.#table.settle(row);
      return;
    }
    const state = (meta >>> 16) & 0xff;
    const isTcp = protocol === IpProtocol.Tcp;
    const side = direction === 0 && (meta & ConnectionFlag.Direct) !== 0 ? 2 : direction;
    const next = isTcp
      ? nextTcpState(side as 0 | 1 | 2, bytes[transport + TCP_FLAGS], state)
      : nextSctpState(side, bytes, transport, end, state);
    const timeouts = isTcp ? TCP_MS : SCTP_MS;
    const timeout = timeouts[next];
    rows[base + Column.Deadline] = (now + timeout) | 0;
    if (next === state) return;
    rows[base + Column.Meta] = (meta & ~0xff0000) | (next << 16);
    if (timeout < timeouts[state]) this.#table.restart(row, now, timeout);
    if (!isHalfOpen) return;
    const isOpening = isTcp ? next === TcpState.SynReceived || next === TcpState.SynSent : next < SCTP_ESTABLISHED;
    if (!isOpening) this.#table.settle(row);
  }

  /** A packet that belongs to no connection. */
  #unknown(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    transport: number,
    end: number,
    now: number,
    protocol: number,
  ): BalanceVerdict {
    const destination = view.getInt32(at + 16);
    const isOwn = destination === this.#back.address || destination === this.#front.address;
    let service = this.#services.ofVip(destination);
    if (service < 0 && isOwn) service = this.#services.ofPort(protocol, view.getUint16(transport + 2));
    if (service < 0 && !isOwn) return this.#refuse(BalanceDrop.OtherHost);
    if (protocol === IpProtocol.Tcp) {
      const flags = bytes[transport + TCP_FLAGS];
      if (service < 0 || (flags & (TcpFlag.Syn | TcpFlag.Rst)) !== TcpFlag.Syn) {
        return this.#answerReset(bytes, at, transport, end);
      }
    } else if (protocol === IpProtocol.Sctp) {
      const chunk = transport + SCTP_HEADER_LEN;
      if (service < 0 || chunk >= end || bytes[chunk] !== SCTP_INIT) return this.#refuse(BalanceDrop.NoAssociation);
    }
    const backend = service < 0 ? -1 : this.#services.pick(service);
    if (backend < 0) {
      return this.#answerError(bytes, at, transport, end, now, IcmpType.Unreachable, PORT_UNREACHABLE);
    }
    const row = this.#open(bytes, view, at, transport, now, protocol, service, backend);
    if (row < 0) return BalanceVerdict.Dropped;
    return this.#translate(bytes, view, at, transport, end, now, protocol, row * 2);
  }

  /** Opens a connection. Returns its row, or -1 with the drop reason set. */
  #open(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    transport: number,
    now: number,
    protocol: number,
    service: number,
    backend: number,
  ): number {
    const rows = this.#rows;
    const services = this.#services;
    const forwarding = services.forwardingOf(service);
    const row = this.#table.take();
    if (row < 0) {
      this.drop = BalanceDrop.TableFull;
      return -1;
    }
    const base = row * ROW_WORDS;
    const source = view.getInt32(at + 12);
    const ports = view.getInt32(transport);
    const isMasqueraded = forwarding === Forwarding.Masquerade;
    let flags: number = ConnectionFlag.HalfOpen;
    if (forwarding === Forwarding.Direct) flags |= ConnectionFlag.Direct;
    // Conntrack calls a SYN ACK that opens a connection invalid, so that it leaves with the client's address.
    const isInvalid =
      isMasqueraded && protocol === IpProtocol.Tcp && (bytes[transport + TCP_FLAGS] & TcpFlag.Ack) !== 0;
    if (isInvalid) flags |= ConnectionFlag.Unmasqueraded;
    const backendPort = services.port[backend] === 0 ? ports & 0xffff : services.port[backend];
    rows[base + Column.Client] = source;
    rows[base + Column.Vip] = view.getInt32(at + 16);
    rows[base + Column.FrontPorts] = ports;
    rows[base + Column.Backend] = services.address[backend];
    rows[base + Column.Local] = isMasqueraded && !isInvalid ? this.#back.address : source;
    rows[base + Column.Meta] = (protocol << 24) | flags;
    rows[base + Column.BackendId] = backend;
    rows[base + Column.MacHigh] = this.#peerHigh;
    rows[base + Column.MacLow] = this.#peerLow << 16;
    let port = ports >>> 16;
    if (isMasqueraded && !isInvalid) port = this.#masquerade.choose(row, backendPort, now);
    if (port < 0) {
      this.#table.giveBack(row);
      this.drop = BalanceDrop.NoSourcePort;
      return -1;
    }
    this.#setBackPorts(base, backendPort, port);
    services.opened(backend);
    const timeout = protocol === IpProtocol.Tcp ? TCP_MS[TcpState.SynReceived] : UDP_TIMEOUT;
    this.#table.link(row, now, protocol === IpProtocol.Sctp ? SCTP_MS[1] : timeout);
    return row;
  }

  #setBackPorts(base: number, backendPort: number, port: number): void {
    const rows = this.#rows;
    rows[base + Column.BackPorts] = (backendPort << 16) | port;
    const addresses = fold(
      wordDelta(rows[base + Column.Client], rows[base + Column.Local]) +
        wordDelta(rows[base + Column.Vip], rows[base + Column.Backend]),
    );
    const ports = wordDelta(rows[base + Column.FrontPorts], (port << 16) | backendPort);
    rows[base + Column.Deltas] = (addresses << 16) | ports;
  }

  /** Masquerades a connection from the first segment that conntrack accepts. False if there is no port. */
  #remasquerade(flags: number, row: number, now: number): boolean {
    const kind = flags & (TcpFlag.Syn | TcpFlag.Ack | TcpFlag.Rst | TcpFlag.Fin);
    if (kind !== TcpFlag.Syn && kind !== TcpFlag.Ack) return true;
    const rows = this.#rows;
    const base = row * ROW_WORDS;
    const backendPort = rows[base + Column.BackPorts] >>> 16;
    rows[base + Column.Local] = this.#back.address;
    const port = this.#masquerade.choose(row, backendPort, now);
    if (port < 0) {
      rows[base + Column.Local] = rows[base + Column.Client];
      return false;
    }
    rows[base + Column.Meta] &= ~ConnectionFlag.Unmasqueraded;
    this.#setBackPorts(base, backendPort, port);
    this.#table.linkBackend(row);
    return true;
  }

  #closed(row: number): void {
    this.#masquerade.forget(row);
    this.#services.closed(this.#rows[row * ROW_WORDS + Column.BackendId]);
  }

  #otherProtocol(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    transport: number,
    end: number,
    now: number,
    protocol: number,
  ): BalanceVerdict {
    if (protocol !== IpProtocol.Icmp) return this.#refuse(BalanceDrop.IpNoProtocol);
    if (end - transport < ICMP_HEADER_LEN) return this.#refuse(BalanceDrop.TransportHeader);
    if (checksum(bytes, transport, end) !== 0) return this.#refuse(BalanceDrop.IcmpChecksum);
    const type = bytes[transport];
    if (type === IcmpType.EchoRequest) {
      if (!this.#isLocal(view.getInt32(at + 16))) return this.#refuse(BalanceDrop.OtherHost);
      writeEchoReply(bytes, at, transport, this.#shorts.next());
      return this.#answered();
    }
    const isError = type === IcmpType.Unreachable || type === SOURCE_QUENCH || type === IcmpType.TimeExceeded;
    if (!isError) return this.#refuse(BalanceDrop.NoSocket);
    return this.#icmpError(bytes, view, at, transport, end, now);
  }

  #icmpError(bytes: Uint8Array, view: DataView, at: number, icmp: number, end: number, now: number): BalanceVerdict {
    const quoted = quotedTransport(bytes, icmp, end);
    if (quoted < 0) return this.#refuse(BalanceDrop.NoSocket);
    const inner = icmp + ICMP_HEADER_LEN;
    const ports = view.getInt32(quoted);
    // The error comes back from where the quoted packet went.
    const entry = this.#table.find(
      view.getInt32(inner + 16),
      view.getInt32(inner + 12),
      (ports << 16) | (ports >>> 16),
      bytes[inner + 9],
    );
    if (entry < 0 || this.#table.isExpired(entry >>> 1, now)) return this.#refuse(BalanceDrop.NoSocket);
    const rows = this.#rows;
    const row = entry >>> 1;
    const base = row * ROW_WORDS;
    const direction = entry & 1;
    if ((rows[base + Column.Meta] & (ConnectionFlag.Direct | ConnectionFlag.Unmasqueraded)) !== 0) {
      return this.#refuse(BalanceDrop.NoSocket);
    }
    const ttl = bytes[at + 8];
    if (ttl <= 1) return this.#refuse(BalanceDrop.TtlExpired);
    bytes[at + 8] = ttl - 1;
    const backend = rows[base + Column.BackendId];
    const counter = backend * COUNTERS + direction * 2;
    this.#services.counters[counter]++;
    this.#services.counters[counter + 1] += end - at;
    translateIcmpError(bytes, at, icmp, quoted, end, rows, row, direction, this.#quoted);
    if (direction === 0) {
      this.#setMacs(this.#services.macHigh[backend], this.#services.macLow[backend], this.#back);
      return BalanceVerdict.ToBackend;
    }
    this.#setMacs(rows[base + Column.MacHigh], rows[base + Column.MacLow] >>> 16, this.#front);
    return BalanceVerdict.ToClient;
  }

  #setMacs(high: number, low: number, from: Leg): void {
    this.#toHigh = high;
    this.#toLow = low;
    this.#fromHigh = from.macHigh;
    this.#fromLow = from.macLow;
  }

  /** An answer goes back to the frame's sender from the interface that it came to. */
  #answered(): BalanceVerdict {
    this.#toHigh = this.#peerHigh;
    this.#toLow = this.#peerLow;
    this.#fromHigh = this.#ownHigh;
    this.#fromLow = this.#ownLow;
    return BalanceVerdict.Answered;
  }

  #answerReset(bytes: Uint8Array, at: number, tcp: number, end: number): BalanceVerdict {
    if ((bytes[tcp + TCP_FLAGS] & TcpFlag.Rst) !== 0) return this.#refuse(BalanceDrop.NoSocket);
    if (bytes[at + 12] === 0 || bytes[at + 12] >= 224) return this.#refuse(BalanceDrop.Unanswerable);
    this.#packetEnd = writeReset(bytes, at, tcp, end);
    return this.#answered();
  }

  #answerError(
    bytes: Uint8Array,
    at: number,
    transport: number,
    end: number,
    now: number,
    type: number,
    code: number,
  ): BalanceVerdict {
    if (!isAnswerable(bytes, at, transport, end)) return this.#refuse(BalanceDrop.Unanswerable);
    if (!this.#takeErrorToken(now)) return this.#refuse(BalanceDrop.IcmpRateLimited);
    this.#packetEnd = writeIcmpError(bytes, at, end, type, code, this.#shorts.next());
    this.#packetStart = at - IPV4_HEADER_LEN - ICMP_HEADER_LEN;
    return this.#answered();
  }

  /** Takes a token for an ICMP error. */
  #takeErrorToken(now: number): boolean {
    const since = (now - this.#errorTime) | 0;
    this.#errorTime = now;
    if (since > 0) {
      this.#errorTokens = Math.min(ERROR_BURST, this.#errorTokens + (since * ERRORS_PER_SECOND) / SECOND);
    }
    if (this.#errorTokens < 1) return false;
    this.#errorTokens--;
    return true;
  }
}
