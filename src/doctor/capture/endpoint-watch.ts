/** Who talks to whom inside the networks: traffic by direction, and from which MAC address and VTEP it comes. */
import { getWord, KeyIndex, putWord } from '../../memory/internal.js';
import { formatIp, formatMac, Icmpv6Type, IcmpType, IpProtocol, type Layers, TcpFlag } from '../../wire/index.js';
import type { InnerOccurrence, TunnelOccurrence } from '../evidence/capture.js';
import type { AddressPairs } from './address-pairs.js';
import { EventTable } from './event-table.js';
import { OccurrenceColumns } from './occurrence-columns.js';
import type { PacketStamp } from './packet-stamp.js';
import { type DirectionColumns, directionColumns, ENDS, SHOWN } from './shares/direction-columns.js';

/** Directions that are reported: those without an answer first. */
const MAX_LISTED = 8192;
export const MAX_HOMES = 1 << 14;
/** Words of `AddressPairs.putSource`. */
const SOURCE_WORDS = 6;
const TCP_FLAGS_AT = 13;
const MAC_SOURCE_AT = 6;

// Integers by direction.
const MAC_HIGH = 0;
const MAC_LOW = 1;
const TUNNEL = 2;
const SYNS = 3;
const ECHO_REQUESTS = 4;
/** Rows of its sender's home, and of the first one that it had. */
const HOME = 5;
const FIRST_HOME = 6;
const WORDS = 7;
const FIRST_DIRECTIONS = 128;

/** Packets from one inner address to another. VTEPs are those of the last packet. */
export interface PairTraffic extends InnerOccurrence {
  /** Segments that open a TCP connection, and echo requests: packets that want an answer. */
  readonly syns: number;
  readonly echoRequests: number;
  /** Packets in the other direction. */
  readonly answers: number;
  /** VTEP that the answers come from; undefined without. It is usually `destination`. */
  readonly answeredFrom: string | undefined;
}

/** An inner address with the MAC address and the VTEP that it sends from. `count` is how often it came to be there. */
export interface EndpointHome extends Omit<TunnelOccurrence, 'destination' | 'source'> {
  readonly address: string;
  readonly mac: string;
  readonly vtep: string;
}

/** Follows endpoints. It is bounded by the pairs, at 200 bytes each, and by 16384 homes. */
export class EndpointWatch {
  readonly #pairs: AddressPairs;
  readonly #tunnels: AddressPairs;
  readonly #traffic = new OccurrenceColumns();
  /** Networks with their addresses. */
  readonly #addresses: KeyIndex;
  /** By address, MAC address and tunnel: each direction of a pair enters one when it begins, and when it changes. */
  readonly #homes = new EventTable(MAX_HOMES);
  /** By home: how often the direction that entered it most did so, and the latest time at which one left it. */
  readonly #entered: number[] = [];
  readonly #left: number[] = [];
  /** By direction and home: how often it came from another one. */
  readonly #returns = new EventTable(MAX_HOMES);
  #words = new Int32Array(FIRST_DIRECTIONS * WORDS);

  /**
   * @param pairs ids of the directions inside networks
   * @param tunnels ids of the directions between VTEPs
   */
  constructor(pairs: AddressPairs, tunnels: AddressPairs) {
    this.#pairs = pairs;
    this.#tunnels = tunnels;
    this.#addresses = new KeyIndex(SOURCE_WORDS, 2 * pairs.limit);
  }

  get unlisted(): number {
    return this.#homes.unlisted + this.#returns.unlisted;
  }

  /**
   * Counts a frame with an IP packet.
   * @param frame offset of the frame
   * @param end end of the captured bytes
   */
  add(
    stamp: PacketStamp,
    pair: number,
    tunnel: number,
    bytes: Uint8Array,
    frame: number,
    inner: Layers,
    end: number,
  ): void {
    const at = pair * WORDS;
    this.#widen(pair);
    const words = this.#words;
    const high = getWord(bytes, frame + MAC_SOURCE_AT);
    const low = (bytes[frame + MAC_SOURCE_AT + 4] << 8) | bytes[frame + MAC_SOURCE_AT + 5];
    const known = this.#traffic.count(pair) > 0;
    if (!known || words[at + MAC_HIGH] !== high || words[at + MAC_LOW] !== low || words[at + TUNNEL] !== tunnel) {
      words[at + MAC_HIGH] = high;
      words[at + MAC_LOW] = low;
      words[at + TUNNEL] = tunnel;
      this.#enter(stamp, pair, known);
    }
    this.#traffic.add(pair, stamp);
    if (inner.isFragment) return;
    const transport = inner.transportOffset;
    if (inner.protocol === IpProtocol.Tcp) {
      if (transport + TCP_FLAGS_AT >= end) return;
      if ((bytes[transport + TCP_FLAGS_AT] & (TcpFlag.Syn | TcpFlag.Ack)) === TcpFlag.Syn) words[at + SYNS]++;
    } else if (inner.protocol === IpProtocol.Icmp || inner.protocol === IpProtocol.Icmpv6) {
      const request = inner.family === 4 ? IcmpType.EchoRequest : Icmpv6Type.EchoRequest;
      if (transport < end && bytes[transport] === request) words[at + ECHO_REQUESTS]++;
    }
  }

  /** Whether an address came to send from somewhere else. */
  get moved(): boolean {
    return this.#returns.size > 0;
  }

  /** Number of homes. */
  get size(): number {
    return this.#homes.size;
  }

  /**
   * Every direction, for `join`.
   * @param ownedBy what the columns need to know besides, by pair
   */
  columns(ownedBy: Uint8Array): DirectionColumns {
    const used: number[] = [];
    for (let pair = 0; pair < this.#pairs.span; pair++) if (this.#traffic.count(pair) > 0) used.push(pair);
    const tunnels = new Int32Array(this.#tunnels.span * ENDS);
    for (let tunnel = 0; tunnel < this.#tunnels.span; tunnel++) this.#tunnels.putWords(tunnel, tunnels, tunnel * ENDS);
    const columns = directionColumns(used.length, tunnels);
    used.forEach((pair, row) => {
      const words = this.#words.subarray(pair * WORDS, (pair + 1) * WORDS);
      this.#pairs.putWords(pair, columns.ends, row * ENDS);
      columns.macs[2 * row] = words[MAC_HIGH];
      columns.macs[2 * row + 1] = words[MAC_LOW];
      columns.tunnel[row] = words[TUNNEL];
      columns.syns[row] = words[SYNS];
      columns.echoRequests[row] = words[ECHO_REQUESTS];
      columns.ownedBy[row] = ownedBy[pair >> 1];
      this.#traffic.put(pair, columns.counts, columns.packets, columns.times, row);
    });
    return columns;
  }

  /**
   * Adds the packets of a direction that another watch counted; its first one must not be before those here.
   * @returns false if its sender moved
   */
  join(pair: number, tunnel: number, columns: DirectionColumns, row: number): boolean {
    this.#widen(pair);
    const at = pair * WORDS;
    const words = this.#words;
    const high = columns.macs[2 * row];
    const low = columns.macs[2 * row + 1];
    if (this.#traffic.count(pair) === 0) {
      words[at + MAC_HIGH] = high;
      words[at + MAC_LOW] = low;
      words[at + TUNNEL] = tunnel;
      const [number, seconds] = [columns.packets[row * SHOWN], columns.times[2 * row]];
      this.#enter({ number, seconds, elapsed: Number.NaN }, pair, false);
    } else if (words[at + MAC_HIGH] !== high || words[at + MAC_LOW] !== low || words[at + TUNNEL] !== tunnel)
      return false;
    words[at + SYNS] += columns.syns[row];
    words[at + ECHO_REQUESTS] += columns.echoRequests[row];
    this.#traffic.join(pair, columns.counts, columns.packets, columns.times, row);
    return true;
  }

  /** Traffic by direction: at most 8192 directions, those that want an answer and have none first. */
  pairsReport(): PairTraffic[] {
    const listed: number[] = [];
    const answered: number[] = [];
    for (let pair = 0; pair < this.#pairs.span; pair++) {
      if (this.#traffic.count(pair) === 0) continue;
      (this.#traffic.count(pair ^ 1) === 0 ? listed : answered).push(pair);
    }
    for (const pair of answered) if (listed.length < MAX_LISTED) listed.push(pair);
    return listed.slice(0, MAX_LISTED).map((pair) => this.#pair(pair));
  }

  /** Where each address sends from. */
  homesReport(): EndpointHome[] {
    const last = [...this.#left];
    for (let pair = 0; pair < this.#pairs.span; pair++) {
      if (this.#traffic.count(pair) === 0) continue;
      const home = this.#words[pair * WORDS + HOME];
      // Still there: the last packet of the pair is the last from this home.
      if (home >= 0) last[home] = later(last[home], this.#traffic.last(pair));
    }
    const merged = new Map<string, EndpointHome>();
    for (let row = 0; row < this.#homes.size; row++) {
      const { packets, firstSeconds } = this.#homes.occurrence(row);
      const lastSeconds = last[row];
      const mac = new Uint8Array(6);
      const [high, low] = [this.#homes.word(row, 1), this.#homes.word(row, 2)];
      mac.set([high >>> 24, high >>> 16, high >>> 8, high, low >>> 8, low]);
      const [vni, address] = this.#address(this.#homes.word(row, 0));
      const home: EndpointHome = {
        count: this.#entered[row],
        packets,
        firstSeconds,
        lastSeconds: Number.isNaN(lastSeconds) ? undefined : lastSeconds,
        vni,
        address,
        mac: formatMac(mac),
        vtep: this.#tunnels.source(this.#homes.word(row, 3)),
      };
      const name = `${home.vni} ${home.address} ${home.mac} ${home.vtep}`;
      const other = merged.get(name);
      merged.set(name, other === undefined ? home : joined(other, home));
    }
    return [...merged.values()];
  }

  #pair(pair: number): PairTraffic {
    const at = pair * WORDS;
    const tunnel = this.#words[at + TUNNEL];
    const back = (pair ^ 1) * WORDS;
    const answers = this.#traffic.count(pair ^ 1);
    const { count, packets, firstSeconds, lastSeconds } = this.#traffic.occurrence(pair);
    return {
      count,
      packets,
      firstSeconds,
      lastSeconds,
      source: this.#tunnels.source(tunnel),
      destination: this.#tunnels.destination(tunnel),
      vni: this.#pairs.scope(pair),
      innerSource: this.#pairs.source(pair),
      innerDestination: this.#pairs.destination(pair),
      syns: this.#words[at + SYNS],
      echoRequests: this.#words[at + ECHO_REQUESTS],
      answers,
      answeredFrom: answers === 0 ? undefined : this.#tunnels.source(this.#words[back + TUNNEL]),
    };
  }

  /** The network and the text of an address. */
  #address(id: number): readonly [vni: number, address: string] {
    const index = this.#addresses;
    const bytes = new Uint8Array(16);
    for (let i = 0; i < 4; i++) putWord(bytes, 4 * i, index.word(id, 2 + i));
    return [index.word(id, 0), formatIp(index.word(id, 1), bytes, 0)];
  }

  /** Notes where the sender of a direction is now. */
  #enter(stamp: PacketStamp, pair: number, known: boolean): void {
    const words = this.#words;
    const at = pair * WORDS;
    const before = words[at + HOME];
    if (known && before >= 0) this.#left[before] = later(this.#left[before], this.#traffic.last(pair));
    this.#pairs.putSource(pair, this.#addresses.key);
    const address = this.#addresses.add();
    const home = this.#homes.add(stamp, address, words[at + MAC_HIGH], words[at + MAC_LOW], words[at + TUNNEL]);
    words[at + HOME] = home;
    if (!known) words[at + FIRST_HOME] = home;
    if (home < 0) return;
    if (home === this.#left.length) {
      this.#left.push(Number.NaN);
      this.#entered.push(0);
    }
    let times = words[at + FIRST_HOME] === home ? 1 : 0;
    if (known) {
      const row = this.#returns.add(stamp, pair, home);
      if (row >= 0) times += this.#returns.count(row);
    }
    if (times > this.#entered[home]) this.#entered[home] = times;
  }

  #widen(pair: number): void {
    if ((pair + 1) * WORDS <= this.#words.length) return;
    let length = this.#words.length;
    // Both directions of a pair, so that the report can read either.
    while (length < ((pair | 1) + 1) * WORDS) length *= 2;
    const words = new Int32Array(length);
    words.set(this.#words);
    this.#words = words;
  }
}

/** The later of two times, either of which may be NaN. */
function later(one: number, other: number): number {
  return one >= other || Number.isNaN(other) ? one : other;
}

function joined(a: EndpointHome, b: EndpointHome): EndpointHome {
  const times = [a.firstSeconds, b.firstSeconds].filter((time) => time !== undefined);
  const ends = [a.lastSeconds, b.lastSeconds].filter((time) => time !== undefined);
  return {
    ...a,
    // Pairs enter independently: an address that talks to ten others hasn't moved ten times.
    count: Math.max(a.count, b.count),
    packets: [...a.packets, ...b.packets].sort((one, other) => one - other).slice(0, 5),
    firstSeconds: times.length === 0 ? undefined : Math.min(...times),
    lastSeconds: ends.length === 0 ? undefined : Math.max(...ends),
  };
}
