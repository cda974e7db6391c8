/**
 * The load balancer of a network on one node, which Docker runs in a separate namespace: an endpoint in software.
 * Frames to a virtual IP go in and come out translated, as IPVS (masquerade, `rr`) and netfilter's source NAT leave them.
 */
import { platformRandom, viewOf } from '../../memory/internal.js';
import {
  checkIpv4,
  ETHERNET_HEADER_LEN,
  EtherType,
  HeaderError,
  IpProtocol,
  IPV4_HEADER_LEN,
  TCP_HEADER_LEN,
  UDP_HEADER_LEN,
} from '../../wire/index.js';
import { Compatibility } from '../../overlay/index.js';
import { Answers } from './answers.js';
import { BALANCE_DROPS, BalanceDrop, balanceDropName } from './balance-drop.js';
import { BalanceVerdict } from './balance-verdict.js';
import { Column, ROW_WORDS } from './table/connection-row.js';
import { behaviourOf } from './behaviour.js';
import { type BalancedConnection, eachConnection, listConnections } from './table/connection-list.js';
import { CACHED_CONNECTIONS, ConnectionTable, MAX_PREFETCH } from './table/connection-table.js';
import { Departures, Fate } from './departures.js';
import { FragmentedDatagrams } from './fragmented-datagrams.js';
import { Icmp } from './icmp.js';
import { KnownFlows } from './known-flows.js';
import { Leg } from './leg.js';
import { Masquerade } from './nat/masquerade.js';
import { NewFlows } from './new-flows.js';
import { NextHop } from './next-hop.js';
import type { BalanceAccounting, LoadBalancerOptions } from './options.js';
import { Packet } from './packet.js';
import { SCTP_ACTIVE, SCTP_HEADER_LEN } from './state/sctp-state.js';
import { TCP_ACTIVE } from './state/tcp-state.js';
import type { BackendOptions, ServiceAddresses, ServiceCounts, ServiceOptions } from './services/service-options.js';
import { Services } from './services/services.js';
import { SourceNat } from './nat/source-nat.js';
import { SECOND } from './state/timeouts.js';

const DEFAULT_CONNECTIONS = 65_536;
const DEFAULT_MTU = 1450;
const DEFAULT_LISTED = 1000;
const FRAGMENT = 0x3fff;
const BROADCAST_HIGH = -1;
const BROADCAST_LOW = 0xffff;
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
  readonly #services = new Services();
  readonly #masquerade: Masquerade;
  readonly #answers: Answers;
  readonly #known: KnownFlows;
  readonly #new: NewFlows;
  readonly #icmp: Icmp;
  readonly #departures: Departures;
  readonly #fragments: FragmentedDatagrams;
  readonly #packet = new Packet();
  /** What `prefetch` has seen and `translate` hasn't yet: offsets of IP headers, and the entries of their connections. */
  readonly #packets = new Int32Array(MAX_PREFETCH);
  readonly #entries = new Int32Array(MAX_PREFETCH);
  #prefetched = 0;
  #next = 0;
  #received = 0;
  #sent = 0;
  #made = 0;

  /** @throws BalanceError `BAD_BALANCER`; VtepError for an invalid address or MAC */
  constructor(options: LoadBalancerOptions) {
    const { back, front = back, maxConnections = DEFAULT_CONNECTIONS, mtu = DEFAULT_MTU } = options;
    const { random = platformRandom, quotedChecksum = 'ipvs', compatibility = Compatibility.Docker, seed } = options;
    this.#fragments = new FragmentedDatagrams(mtu);
    const behaviour = behaviourOf(compatibility);
    const services = this.#services;
    this.#back = new Leg(back);
    this.#front = new Leg(front);
    const table = new ConnectionTable(maxConnections, (row) => this.#closed(row), seed, !behaviour.cutsIdle);
    this.#table = table;
    this.#masquerade = new Masquerade(table, random);
    this.#answers = new Answers(this.#front, this.#back, services, random, behaviour);
    const nextHop = new NextHop(table.rows, services, this.#front, this.#back);
    const nat = new SourceNat(table, this.#masquerade, this.#back.address);
    this.#known = new KnownFlows(table, services, nextHop, nat, this.#answers, behaviour);
    this.#departures = new Departures(table, services, behaviour);
    this.#new = new NewFlows(table, services, nat, this.#known, this.#answers, this.#front, this.#back, behaviour);
    this.#icmp = new Icmp(table, nextHop, this.#answers, quotedChecksum);
  }

  /** The table of connections, with its counters. Read it; it changes with every packet. */
  get table(): ConnectionTable {
    return this.#table;
  }

  /**
   * Lists connections.
   * @param now seconds of the clock that `translate` gets
   * @param limit maximum number
   */
  connections(now: number, limit = DEFAULT_LISTED): BalancedConnection[] {
    return listConnections(this.#table, toMilliseconds(now), limit);
  }

  /**
   * Lists connections while packets flow: undefined after each part of the table is a chance to let some pass. Connections
   * that come and go meanwhile may be missing.
   * @param now seconds of the clock that `translate` gets
   */
  eachConnection(now: number): Generator<BalancedConnection | undefined> {
    return eachConnection(this.#table, toMilliseconds(now));
  }

  /**
   * Ends what has expired, as `translate` does a little with each packet: call it about once a second where no packets may
   * arrive, so that an idle balancer gives its memory back.
   * @param now seconds of the clock that `translate` gets
   * @returns number of connections that expired
   */
  expire(now: number): number {
    this.#fragments.expire(now);
    return this.#table.expireAll(toMilliseconds(now));
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
   * Sets the MAC that packets to a backend get, for example when it has moved. Connections stay.
   * @param mac default: 02:42 and the address
   * @throws BalanceError `UNKNOWN_SERVICE`, `UNKNOWN_BACKEND`; VtepError for an invalid MAC
   */
  setBackendMac(service: number, address: string, mac?: string): void {
    this.#services.setMac(service, address, mac);
  }

  /**
   * Removes a backend. The next packet of each of its connections is dropped and ends the connection, so that the one
   * after it is reset (`expire_nodest_conn`). With `improved` a SYN opens a new one, and other segments are reset at once.
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
    const packet = this.#packet;
    packet.hint = -1;
    if (this.#next < this.#prefetched && this.#packets[this.#next] === start + ETHERNET_HEADER_LEN) {
      packet.hint = this.#entries[this.#next++];
    }
    if (end - start < ETHERNET_HEADER_LEN + IPV4_HEADER_LEN) return this.#dropped(BalanceDrop.PacketTooSmall, 1);
    const ms = toMilliseconds(now);
    this.#table.expire(ms);
    packet.arrive(bytes, start, ms);
    const { view } = packet;
    if (view.getUint16(start + 12) !== EtherType.Ipv4) return this.#notIp(start, end);
    if (!this.#isOwnMac()) return this.#dropped(BalanceDrop.OtherHost, 1);
    const at = start + ETHERNET_HEADER_LEN;
    const error = checkIpv4(bytes, at, end, end, true);
    if (error !== HeaderError.None) {
      return this.#dropped(error === HeaderError.BadChecksum ? BalanceDrop.IpChecksum : BalanceDrop.IpHeader, 1);
    }
    if ((view.getUint16(at + 6) & FRAGMENT) !== 0) return this.#fragment(bytes, start, end, now);
    packet.begin(bytes, at, at + view.getUint16(at + 2));
    const verdict = this.#route(packet);
    if (verdict === BalanceVerdict.Dropped) return this.#dropped(packet.drop, 1);
    this.#sent++;
    this.start = packet.at - ETHERNET_HEADER_LEN;
    this.end = packet.end;
    packet.writeEthernet(view, this.start);
    return verdict;
  }

  /**
   * Prepares to translate the frames of a batch one by one, in this order: with more connections than fit into the cache,
   * their rows are fetched together, which takes a fraction of the time. Optional, and without effect on the results.
   * @param starts offsets of the frames' Ethernet headers; those too short for ports or too close to the end of `bytes`
   * are skipped
   * @param count number of frames, at most 256
   */
  prefetch(bytes: Uint8Array, starts: ArrayLike<number>, count: number): void {
    this.#next = 0;
    this.#prefetched = 0;
    if (this.#table.size < CACHED_CONNECTIONS) return;
    const packets = this.#packets;
    const limit = bytes.length - PREFETCHED;
    let taken = 0;
    for (let i = 0; i < count && taken < MAX_PREFETCH; i++) {
      if (starts[i] >= 0 && starts[i] <= limit) packets[taken++] = starts[i] + ETHERNET_HEADER_LEN;
    }
    this.#table.prefetch(viewOf(bytes), packets, taken, this.#entries);
    this.#prefetched = taken;
  }

  /**
   * Writes the next fragment after a verdict of `Fragments`, before the next `translate`.
   * @param target with room for the MTU and an Ethernet header at `offset`; not the bytes given to `translate`
   * @returns bytes of the frame, or 0 if there are no more
   */
  nextFragment(target: Uint8Array, offset: number): number {
    const size = this.#fragments.next(target, offset + ETHERNET_HEADER_LEN);
    if (size === 0) return 0;
    this.#packet.writeEthernet(viewOf(target), offset);
    return ETHERNET_HEADER_LEN + size;
  }

  #isOwnMac(): boolean {
    const { ownHigh, ownLow } = this.#packet;
    const { macHigh, macLow } = this.#front;
    if (ownHigh === macHigh && ownLow === macLow) return true;
    return ownHigh === this.#back.macHigh && ownLow === this.#back.macLow;
  }

  #dropped(reason: BalanceDrop, frames: number): BalanceVerdict {
    this.drop = reason;
    this.drops[reason] += frames;
    return BalanceVerdict.Dropped;
  }

  #notIp(start: number, end: number): BalanceVerdict {
    const packet = this.#packet;
    if (packet.view.getUint16(start + 12) !== EtherType.Arp) return this.#dropped(BalanceDrop.UnhandledProtocol, 1);
    const isBroadcast = packet.ownHigh === BROADCAST_HIGH && packet.ownLow === BROADCAST_LOW;
    if (!isBroadcast && !this.#isOwnMac()) return this.#dropped(BalanceDrop.OtherHost, 1);
    const answered = this.#answers.arp(packet, start, end);
    if (answered < 0) return this.#dropped(BalanceDrop.ArpIgnored, 1);
    this.#sent++;
    this.start = start;
    this.end = answered;
    return BalanceVerdict.Answered;
  }

  #fragment(bytes: Uint8Array, start: number, end: number, now: number): BalanceVerdict {
    const fragments = this.#fragments;
    const packet = this.#packet;
    const outcome = fragments.push(bytes, start, end, now);
    if (outcome === BalanceVerdict.Held) return BalanceVerdict.Held;
    if (outcome === BalanceVerdict.Dropped) {
      // Counted by the reassembler, except for a header that it never saw.
      if (fragments.wasRefused) return this.#dropped(BalanceDrop.IpHeader, 1);
      this.drop = BalanceDrop.Reassembly;
      return BalanceVerdict.Dropped;
    }
    packet.begin(fragments.bytes, fragments.start, fragments.end);
    const verdict = this.#route(packet);
    if (verdict === BalanceVerdict.Dropped) return this.#dropped(packet.drop, fragments.parts);
    const count = fragments.begin(packet.at, packet.end, verdict !== BalanceVerdict.Answered);
    this.#made += count - fragments.parts;
    this.#sent += count;
    this.datagram = verdict;
    return BalanceVerdict.Fragments;
  }

  /** Handles a whole packet with a valid IP header. */
  #route(packet: Packet): BalanceVerdict {
    const { view, at, transport, protocol } = packet;
    const length = packet.end - transport;
    if (protocol === IpProtocol.Tcp) {
      if (length < TCP_HEADER_LEN) return packet.refuse(BalanceDrop.TransportHeader);
    } else if (protocol === IpProtocol.Udp) {
      if (length < UDP_HEADER_LEN) return packet.refuse(BalanceDrop.TransportHeader);
    } else if (protocol === IpProtocol.Sctp) {
      if (length < SCTP_HEADER_LEN) return packet.refuse(BalanceDrop.TransportHeader);
    } else if (protocol === IpProtocol.Icmp) {
      return this.#icmp.handle(packet);
    } else {
      return packet.refuse(BalanceDrop.IpNoProtocol);
    }
    const table = this.#table;
    const source = view.getInt32(at + 12);
    const destination = view.getInt32(at + 16);
    const ports = view.getInt32(transport);
    let entry = packet.hint;
    if (entry < 0 || !table.holds(entry, source, destination, ports, protocol)) {
      entry = table.find(source, destination, ports, protocol);
    }
    if (entry < 0 || table.removeIfExpired(entry >>> 1, packet.now)) return this.#new.handle(packet);
    const fate = this.#departures.check(packet, entry);
    if (fate === Fate.Stays) return this.#known.translate(packet, entry);
    if (fate === Fate.Renewed) return this.#new.handle(packet);
    return fate === Fate.Reset ? this.#answers.reset(packet) : packet.refuse(BalanceDrop.BackendRemoved);
  }

  #closed(row: number): void {
    this.#masquerade.forget(row);
    const { rows } = this.#table;
    const base = row * ROW_WORDS;
    const meta = rows[base + Column.Meta];
    const state = (meta >>> 16) & 0xff;
    const protocol = meta >>> 24;
    const isActive =
      (protocol === IpProtocol.Tcp && TCP_ACTIVE[state] === 1) ||
      (protocol === IpProtocol.Sctp && SCTP_ACTIVE[state] === 1);
    if (isActive) this.#services.activated(rows[base + Column.BackendId], -1);
    this.#services.closed(rows[base + Column.BackendId]);
  }
}

/** Seconds as milliseconds modulo 2^32. */
function toMilliseconds(seconds: number): number {
  return (seconds * SECOND) | 0;
}
