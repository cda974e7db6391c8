/** DNS queries that get no answer. */
import { KeyIndex } from '../../memory/internal.js';
import { UDP_HEADER_LEN } from '../../wire/index.js';
import type { InnerOccurrence } from '../evidence/capture.js';
import type { AddressPairs } from './address-pairs.js';
import { EventTable } from './event-table.js';
import { OccurrenceColumns } from './occurrence-columns.js';
import type { PacketStamp } from './packet-stamp.js';

/** UDP port of DNS. */
const DNS_PORT = 53;
/** What resolvers wait for an answer in seconds: `timeout` of resolv.conf(5). */
const TIMEOUT = 5;
/** Queries that may be without an answer at a time. */
export const MAX_PENDING = 4096;
const HEADER_BYTES = 12;
const RESPONSE = 0x80;

/** Queries from one address to a server; `count` is that of those without an answer in 5 s. */
export interface UnansweredQueries extends Omit<InnerOccurrence, 'source' | 'destination'> {
  /** Those with one. */
  readonly answered: number;
}

/** Follows queries over UDP. */
export class DnsWatch {
  readonly #pairs: AddressPairs;
  readonly #pending = new KeyIndex(2, MAX_PENDING);
  /** Of each pending query: number and time of its packet. */
  readonly #numbers = new Float64Array(MAX_PENDING);
  readonly #seconds = new Float64Array(MAX_PENDING);
  readonly #servers = new EventTable();
  readonly #lost = new OccurrenceColumns();
  readonly #answered: number[] = [];
  /** Queries that were not followed because too many were without an answer. */
  #untracked = 0;

  /** @param pairs ids of the directions */
  constructor(pairs: AddressPairs) {
    this.#pairs = pairs;
  }

  /** Number of servers. */
  get size(): number {
    return this.#servers.size;
  }

  /** Most queries without an answer at a time. */
  get mostPending(): number {
    return this.#pending.span;
  }

  get unlisted(): number {
    return this.#servers.unlisted + this.#untracked;
  }

  /**
   * Takes a UDP packet, if it is to or from port 53. A first fragment will do: long answers come in fragments.
   * @param pair id of its direction
   * @param udp offset of its UDP header
   * @param end end of the captured bytes
   * @returns whether it may be a message of DNS
   */
  add(stamp: PacketStamp, pair: number, bytes: Uint8Array, udp: number, end: number): boolean {
    const at = udp + UDP_HEADER_LEN;
    if (at + HEADER_BYTES > end) return false;
    const sourcePort = (bytes[udp] << 8) | bytes[udp + 1];
    const destinationPort = (bytes[udp + 2] << 8) | bytes[udp + 3];
    if (sourcePort !== DNS_PORT && destinationPort !== DNS_PORT) return false;
    this.#take(stamp, pair, bytes, at, sourcePort, destinationPort);
    return true;
  }

  /**
   * The servers that didn't answer a query in time.
   * @param end time of the capture's last packet: queries of the last 5 s may still be answered
   */
  report(end: number): UnansweredQueries[] {
    this.#expire(end);
    const rows = this.#servers.map((row) => {
      const pair = this.#servers.word(row, 0);
      return {
        ...this.#lost.occurrence(row),
        vni: this.#pairs.scope(pair),
        innerSource: this.#pairs.source(pair),
        innerDestination: this.#pairs.destination(pair),
        answered: this.#answered[row],
      };
    });
    return rows.filter(({ count }) => count > 0);
  }

  #take(
    stamp: PacketStamp,
    pair: number,
    bytes: Uint8Array,
    at: number,
    sourcePort: number,
    destinationPort: number,
  ): void {
    const isResponse = (bytes[at + 2] & RESPONSE) !== 0;
    if (isResponse ? sourcePort !== DNS_PORT : destinationPort !== DNS_PORT) return;
    const asked = isResponse ? pair ^ 1 : pair;
    const port = isResponse ? destinationPort : sourcePort;
    const { key } = this.#pending;
    key[0] = asked;
    key[1] = (port << 16) | (bytes[at] << 8) | bytes[at + 1];
    let id = this.#pending.find();
    if (isResponse) {
      if (id < 0) return;
      if (stamp.seconds - this.#seconds[id] >= TIMEOUT) this.#lose(id);
      else this.#answer(id);
      return;
    }
    // The same query again, or another one long after: the first is the one that waits.
    if (id >= 0) return;
    if (this.#pending.size === MAX_PENDING) {
      this.#expire(stamp.seconds);
      key[0] = asked;
      key[1] = (port << 16) | (bytes[at] << 8) | bytes[at + 1];
    }
    id = this.#pending.add();
    if (id < 0) {
      this.#untracked++;
      return;
    }
    this.#numbers[id] = stamp.number;
    this.#seconds[id] = stamp.seconds;
  }

  #expire(now: number): void {
    for (let id = 0; id < this.#pending.span; id++) {
      if (this.#select(id) && now - this.#seconds[id] >= TIMEOUT) this.#lose(id);
    }
  }

  #lose(id: number): void {
    const row = this.#server(id);
    if (row >= 0) this.#lost.addAt(row, this.#numbers[id], this.#seconds[id]);
    this.#pending.delete(id);
  }

  #answer(id: number): void {
    const row = this.#server(id);
    if (row >= 0) this.#answered[row]++;
    this.#pending.delete(id);
  }

  #server(id: number): number {
    const row = this.#servers.addAt(this.#numbers[id], this.#seconds[id], this.#pending.word(id, 0));
    if (row === this.#answered.length) this.#answered.push(0);
    return row;
  }

  /** Whether an id is in use, which makes it the index's key. */
  #select(id: number): boolean {
    const { key } = this.#pending;
    key[0] = this.#pending.word(id, 0);
    key[1] = this.#pending.word(id, 1);
    return this.#pending.find() === id;
  }
}
