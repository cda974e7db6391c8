/** Reads packets of an index again, where they are in their file, with the fragments that a packet was made of. */
import type { ByteStore } from '../capture/byte-store.js';
import type { CaptureIndex } from '../index/capture-index.js';
import { PART_PACKETS, type PacketPart, PacketMark } from '../index/packet-columns.js';
import { Verdict } from '../../../src/dataplane/index.js';

/** Packets that are searched for the fragments of one. */
const MAX_DISTANCE = 4096;
/** Fragments that are read for one packet; a datagram of 64 KiB in packets of 1,280 bytes has 54. */
const MAX_FRAGMENTS = 128;
/** Bytes that are read at once. */
const MAX_READ = 1 << 20;
const NANO = 1e9;

/** A packet as captured. */
export interface ReadPacket {
  /** Number from 0. */
  readonly row: number;
  readonly bytes: Uint8Array;
  /** LINKTYPE_ value. */
  readonly linkType: number;
  /** Bytes on the wire. */
  readonly length: number;
  /** Whole seconds since 1970; NaN without a time. */
  readonly seconds: number;
  /** Nanoseconds within the second. */
  readonly nanoseconds: number;
}

/** The columns of a packet, and its index in them. */
export function columnsOf(index: CaptureIndex, row: number): { readonly part: PacketPart; readonly i: number } {
  return { part: index.parts[Math.floor(row / PART_PACKETS)], i: row % PART_PACKETS };
}

/** Reads the bytes of packets. */
export class PacketReader {
  readonly #index: CaptureIndex;
  readonly #stores: readonly ByteStore[];

  /** @param stores the files of the index, in its order */
  constructor(index: CaptureIndex, stores: readonly ByteStore[]) {
    this.#index = index;
    this.#stores = stores;
  }

  /**
   * Reads a packet.
   * @param row number from 0, below `index.packets`
   * @throws StoreError if the file can't be read any more
   */
  async read(row: number): Promise<ReadPacket> {
    const { part, i } = columnsOf(this.#index, row);
    const at = part.position[i];
    const bytes = await this.#stores[part.file[i]].read(at, at + part.captured[i]);
    return this.#packet(row, bytes);
  }

  /**
   * Reads packets that follow each other, such as the rows on the screen: in as few reads as their files need.
   * @param rows numbers from 0, ascending
   */
  async readAll(rows: readonly number[]): Promise<ReadPacket[]> {
    const packets: ReadPacket[] = [];
    for (let first = 0; first < rows.length;) {
      const last = this.#lastTogether(rows, first);
      const start = columnsOf(this.#index, rows[first]);
      const end = columnsOf(this.#index, rows[last]);
      const from = start.part.position[start.i];
      const store = this.#stores[start.part.file[start.i]];
      const bytes = await store.read(from, end.part.position[end.i] + end.part.captured[end.i]);
      for (; first <= last; first++) {
        const { part, i } = columnsOf(this.#index, rows[first]);
        const at = part.position[i] - from;
        packets.push(this.#packet(rows[first], bytes.subarray(at, at + part.captured[i])));
      }
    }
    return packets;
  }

  /**
   * The packets before one that probably are its fragments: those between the same hosts that were held.
   * @param row a packet that fragments completed
   */
  async fragmentsBefore(row: number): Promise<ReadPacket[]> {
    const { part, i } = columnsOf(this.#index, row);
    const tunnel = part.tunnel[i];
    const rows: number[] = [];
    for (let before = row - 1; before >= Math.max(0, row - MAX_DISTANCE) && rows.length < MAX_FRAGMENTS; before--) {
      const { part: other, i: at } = columnsOf(this.#index, before);
      const isHeld = other.verdict[at] === Verdict.Held && (other.marks[at] & PacketMark.Fragment) !== 0;
      if (isHeld && other.tunnel[at] === tunnel && other.file[at] === part.file[i]) rows.push(before);
    }
    return Promise.all(rows.reverse().map((one) => this.read(one)));
  }

  /** Index of the last of `rows` that one read of at most 1 MiB has, beginning with `first`. */
  #lastTogether(rows: readonly number[], first: number): number {
    const { part, i } = columnsOf(this.#index, rows[first]);
    let last = first;
    for (let next = first + 1; next < rows.length; next++) {
      const { part: other, i: at } = columnsOf(this.#index, rows[next]);
      const end = other.position[at] + other.captured[at];
      if (other.file[at] !== part.file[i] || other.position[at] < part.position[i] || end - part.position[i] > MAX_READ)
        break;
      last = next;
    }
    return last;
  }

  #packet(row: number, bytes: Uint8Array): ReadPacket {
    const { part, i } = columnsOf(this.#index, row);
    const { interfaces, firstSeconds, firstNanoseconds } = this.#index.tables;
    const nanoseconds = firstNanoseconds + part.time[i];
    return {
      row,
      bytes,
      linkType: interfaces[part.interface[i]]?.linkType ?? -1,
      length: part.length[i],
      seconds: firstSeconds + Math.floor(nanoseconds / NANO),
      nanoseconds: ((nanoseconds % NANO) + NANO) % NANO,
    };
  }
}
