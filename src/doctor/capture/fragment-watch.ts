/** Outer fragments: who sends them, and which of their packets stay incomplete. */
import { KeyIndex } from '../../memory/internal.js';
import { IpProtocol, type Layers } from '../../wire/index.js';
import type { Occurrence, TunnelOccurrence } from '../evidence/capture.js';
import type { AddressPairs } from './address-pairs.js';
import { EventTable } from './event-table.js';
import { OccurrenceColumns } from './occurrence-columns.js';
import type { PacketStamp } from './packet-stamp.js';

/** Incomplete packets that are followed at a time; the oldest is taken for lost when there are more. */
const MAX_PENDING = 4096;
/** Linux drops an incomplete IPv4 datagram after this time in seconds (`ipfrag_time`). */
const TIMEOUT = 30;
/** Fragments of a packet are sent back to back: one that is incomplete for this many seconds stays so. */
const TOGETHER = 0.25;

/** Fragments from one VTEP to another, by what they are fragments of. `count` is that of fragments. */
export interface OuterFragments extends TunnelOccurrence {
  readonly protocol: 'VXLAN' | 'ESP' | 'other';
  /** Bytes of the largest fragment's IP packet: what the path's next link takes, or a little less. */
  readonly largest: number;
  /** Packets of which fragments are missing; their packet numbers are those of the first fragment seen. */
  readonly incomplete: Occurrence;
  /** Those of them with the first fragment and without any other. */
  readonly withoutRests: number;
  /** Packets that were complete. */
  readonly complete: number;
}

/** Complete packets that are remembered, so that a duplicate fragment doesn't begin another one. */
const RECENT = 64;
const KEY_WORDS = 3;
const DESTINATION_PORT_AT = 2;

// Columns of a pending packet.
const NUMBER = 0;
const SECONDS = 1;
const GROUP = 2;
const PARTS = 3;
const HAS_FIRST = 4;
const COLUMNS = 5;

/** Follows fragments on the underlay. */
export class FragmentWatch {
  readonly #pairs: AddressPairs;
  /** Fragments by direction and protocol. */
  readonly #fragments = new EventTable();
  readonly #incomplete = new OccurrenceColumns();
  readonly #withoutRests: number[] = [];
  readonly #complete: number[] = [];
  readonly #largest: number[] = [];
  /** Whether a first fragment was VXLAN; the others have no ports. */
  readonly #isVxlan: boolean[] = [];
  readonly #ports: readonly number[];
  readonly #pending = new KeyIndex(KEY_WORDS, MAX_PENDING);
  readonly #recent = new Int32Array(RECENT * KEY_WORDS).fill(-1);
  #nextRecent = 0;
  #columns = new Float64Array(16 * COLUMNS);
  /** Fragments that arrived in the first moments may belong to packets that began before the capture. */
  #start = Number.NaN;

  /**
   * @param pairs ids of the directions
   * @param ports UDP ports of VXLAN
   */
  constructor(pairs: AddressPairs, ports: readonly number[]) {
    this.#pairs = pairs;
    this.#ports = ports;
  }

  get unlisted(): number {
    return this.#fragments.unlisted;
  }

  /** Whether there was any fragment. */
  get seen(): boolean {
    return this.#fragments.size > 0;
  }

  /**
   * Counts a fragment.
   * @param bytes the bytes that `layers` refers to, captured up to `end`
   * @param layers those of the fragment
   * @param held whether the decoder holds it for reassembly
   */
  add(stamp: PacketStamp, tunnel: number, bytes: Uint8Array, layers: Layers, end: number, held: boolean): void {
    const { protocol, identification, fragmentOffset, networkEnd, networkOffset } = layers;
    if (Number.isNaN(this.#start)) this.#start = stamp.seconds;
    const group = this.#fragments.add(stamp, tunnel, protocol);
    if (group < 0) return;
    this.#widen(group);
    this.#largest[group] = Math.max(this.#largest[group], networkEnd - networkOffset);
    if (fragmentOffset === 0 && protocol === IpProtocol.Udp) {
      const at = layers.transportOffset + DESTINATION_PORT_AT;
      if (at + 2 <= end && this.#ports.includes((bytes[at] << 8) | bytes[at + 1])) this.#isVxlan[group] = true;
    }
    if (!held) return;
    let id = this.#find(tunnel, protocol, identification);
    if (id >= 0 && stamp.seconds - this.#columns[id * COLUMNS + SECONDS] > TIMEOUT) {
      this.#lose(id, Number.POSITIVE_INFINITY);
      id = -1;
    }
    if (id < 0) {
      if (this.#isRecent(tunnel, protocol, identification)) return;
      id = this.#begin(stamp, tunnel, protocol, identification, group);
    }
    if (id < 0) return;
    const at = id * COLUMNS;
    this.#columns[at + PARTS]++;
    if (fragmentOffset === 0) this.#columns[at + HAS_FIRST] = 1;
  }

  /**
   * Counts the fragment that completed a packet.
   * @param identification of the packet
   * @param isVxlan whether it is VXLAN
   */
  complete(stamp: PacketStamp, tunnel: number, protocol: number, identification: number, isVxlan: boolean): void {
    const group = this.#fragments.add(stamp, tunnel, protocol);
    if (group < 0) return;
    this.#widen(group);
    this.#complete[group]++;
    if (isVxlan) this.#isVxlan[group] = true;
    const id = this.#find(tunnel, protocol, identification);
    if (id >= 0) this.#pending.delete(id);
    const at = this.#nextRecent * KEY_WORDS;
    this.#recent[at] = tunnel;
    this.#recent[at + 1] = protocol;
    this.#recent[at + 2] = identification;
    this.#nextRecent = (this.#nextRecent + 1) % RECENT;
  }

  /**
   * Takes the packets that are still incomplete for lost, and returns everything.
   * @param end time of the capture's last packet
   */
  report(end: number): OuterFragments[] {
    for (let id = 0; id < this.#pending.span; id++) if (this.#isPending(id)) this.#lose(id, end);
    return this.#fragments.map((row) => {
      const tunnel = this.#fragments.word(row, 0);
      const protocol = this.#fragments.word(row, 1);
      return {
        ...this.#fragments.occurrence(row),
        source: this.#pairs.source(tunnel),
        destination: this.#pairs.destination(tunnel),
        vni: -1,
        protocol: protocol === IpProtocol.Esp ? 'ESP' : this.#isVxlan[row] ? 'VXLAN' : 'other',
        largest: this.#largest[row],
        incomplete: this.#incomplete.occurrence(row),
        withoutRests: this.#withoutRests[row],
        complete: this.#complete[row],
      };
    });
  }

  #widen(group: number): void {
    if (group < this.#largest.length) return;
    this.#largest.push(0);
    this.#complete.push(0);
    this.#isVxlan.push(false);
    this.#withoutRests.push(0);
  }

  #isRecent(tunnel: number, protocol: number, identification: number): boolean {
    const recent = this.#recent;
    for (let at = 0; at < recent.length; at += KEY_WORDS) {
      if (recent[at + 2] === identification && recent[at] === tunnel && recent[at + 1] === protocol) return true;
    }
    return false;
  }

  #find(tunnel: number, protocol: number, identification: number): number {
    const { key } = this.#pending;
    key[0] = tunnel;
    key[1] = protocol;
    key[2] = identification;
    return this.#pending.find();
  }

  #begin(stamp: PacketStamp, tunnel: number, protocol: number, identification: number, group: number): number {
    if (this.#pending.size === MAX_PENDING) this.#loseOldest();
    this.#find(tunnel, protocol, identification);
    const id = this.#pending.add();
    if (id < 0) return id;
    while (this.#columns.length < (id + 1) * COLUMNS) {
      const columns = new Float64Array(2 * this.#columns.length);
      columns.set(this.#columns);
      this.#columns = columns;
    }
    const at = id * COLUMNS;
    this.#columns[at + NUMBER] = stamp.number;
    this.#columns[at + SECONDS] = stamp.seconds;
    this.#columns[at + GROUP] = group;
    this.#columns[at + PARTS] = 0;
    this.#columns[at + HAS_FIRST] = 0;
    return id;
  }

  #loseOldest(): void {
    let oldest = -1;
    for (let id = 0; id < this.#pending.span; id++) {
      if (!this.#isPending(id)) continue;
      if (oldest < 0 || this.#columns[id * COLUMNS + NUMBER] < this.#columns[oldest * COLUMNS + NUMBER]) oldest = id;
    }
    if (oldest >= 0) this.#lose(oldest, Number.POSITIVE_INFINITY);
  }

  /** Whether an id is in use: a deleted one has a number of 0. */
  #isPending(id: number): boolean {
    const { key } = this.#pending;
    for (let i = 0; i < key.length; i++) key[i] = this.#pending.word(id, i);
    return this.#pending.find() === id;
  }

  /** Counts a packet as incomplete, unless the capture began or ended in its middle. */
  #lose(id: number, end: number): void {
    const at = id * COLUMNS;
    const seconds = this.#columns[at + SECONDS];
    const group = this.#columns[at + GROUP];
    const hasFirst = this.#columns[at + HAS_FIRST] === 1;
    const { key } = this.#pending;
    for (let i = 0; i < key.length; i++) key[i] = this.#pending.word(id, i);
    this.#pending.delete(id);
    if (end - seconds < TOGETHER || (!hasFirst && seconds - this.#start < TOGETHER)) return;
    this.#incomplete.addAt(group, this.#columns[at + NUMBER], seconds);
    if (hasFirst && this.#columns[at + PARTS] === 1) this.#withoutRests[group]++;
  }
}
