/** Packets, or the first bytes of packets, in the order of a file: what a survey of one file leaves to that of all files. */
import { EtherType, type Layers } from '../../wire/index.js';
import { filled, withRoom } from './growing.js';

/** Packets as plain data. The columns have a value for each. */
export interface PacketColumns {
  /** Their bytes, one packet after the other. */
  readonly bytes: Uint8Array;
  /** Number of them that are in `bytes`. */
  readonly stored: Int32Array;
  /** Number of them that were captured: at least `stored`. */
  readonly captured: Int32Array;
  /** Their number on the wire, as far as their headers are concerned. */
  readonly limit: Int32Array;
  /** Bytes of the frame on the wire. */
  readonly length: Int32Array;
  /** VNI or link type. */
  readonly tag: Int32Array;
  /** Time; NaN if there is none. */
  readonly seconds: Float64Array;
  readonly nanoseconds: Int32Array;
}

const FIRST_PACKETS = 64;
const FIRST_BYTES = 4096;
/** Bytes of a packet besides its own. */
const COLUMN_BYTES = 32;

/** Collects packets. */
export class PacketRecords {
  count = 0;
  #size = 0;
  #bytes = new Uint8Array(FIRST_BYTES);
  #stored = new Int32Array(FIRST_PACKETS);
  #captured = new Int32Array(FIRST_PACKETS);
  #limit = new Int32Array(FIRST_PACKETS);
  #length = new Int32Array(FIRST_PACKETS);
  #tag = new Int32Array(FIRST_PACKETS);
  #seconds = new Float64Array(FIRST_PACKETS);
  #nanoseconds = new Int32Array(FIRST_PACKETS);

  /** Bytes of memory in use. */
  get bytes(): number {
    return this.#size + COLUMN_BYTES * this.count;
  }

  /**
   * Adds a packet.
   * @param bytes holds the packet from `offset` on
   * @param stored number of bytes to keep
   * @param captured number of captured bytes
   * @param limit number of bytes on the wire
   * @param length bytes of its frame on the wire
   * @param tag VNI or link type
   * @param seconds its time; NaN if it has none
   */
  add(
    bytes: Uint8Array,
    offset: number,
    stored: number,
    captured: number,
    limit: number,
    length: number,
    tag: number,
    seconds: number,
    nanoseconds: number,
  ): void {
    const index = this.count++;
    if (index === this.#stored.length) this.#grow();
    if (this.#size + stored > this.#bytes.length) this.#bytes = withRoom(this.#bytes, this.#size + stored);
    const kept = this.#bytes;
    const start = this.#size;
    // Most are a few headers, for which a call would take longer.
    if (stored > 256) kept.set(bytes.subarray(offset, offset + stored), start);
    else for (let i = 0; i < stored; i++) kept[start + i] = bytes[offset + i];
    this.#size = start + stored;
    this.#stored[index] = stored;
    this.#captured[index] = captured;
    this.#limit[index] = limit;
    this.#length[index] = length;
    this.#tag[index] = tag;
    this.#seconds[index] = seconds;
    this.#nanoseconds[index] = nanoseconds;
  }

  /**
   * Adds the IP packet that was parsed last.
   * @param stored number of bytes from its IP header to keep; no more than were captured
   * @param end end of the captured bytes
   */
  addIp(
    bytes: Uint8Array,
    layers: Layers,
    stored: number,
    end: number,
    length: number,
    tag: number,
    seconds: number,
    nanoseconds: number,
  ): void {
    const at = layers.networkOffset;
    const captured = end - at;
    this.add(
      bytes,
      at,
      Math.min(stored, captured),
      captured,
      layers.networkEnd - at,
      length,
      tag,
      seconds,
      nanoseconds,
    );
  }

  /** What was collected. */
  columns(): PacketColumns {
    const { count } = this;
    return {
      bytes: filled(this.#bytes, this.#size),
      stored: filled(this.#stored, count),
      captured: filled(this.#captured, count),
      limit: filled(this.#limit, count),
      length: filled(this.#length, count),
      tag: filled(this.#tag, count),
      seconds: filled(this.#seconds, count),
      nanoseconds: filled(this.#nanoseconds, count),
    };
  }

  #grow(): void {
    const room = 2 * this.#stored.length;
    this.#stored = withRoom(this.#stored, room);
    this.#captured = withRoom(this.#captured, room);
    this.#limit = withRoom(this.#limit, room);
    this.#length = withRoom(this.#length, room);
    this.#tag = withRoom(this.#tag, room);
    this.#seconds = withRoom(this.#seconds, room);
    this.#nanoseconds = withRoom(this.#nanoseconds, room);
  }
}

/** Parses an IP packet of `addIp`, which begins at `offset`. */
export function walkRecord(
  { bytes, captured, limit }: PacketColumns,
  index: number,
  offset: number,
  layers: Layers,
): void {
  const etherType = bytes[offset] >>> 4 === 6 ? EtherType.Ipv6 : EtherType.Ipv4;
  layers.walkNetwork(bytes, etherType, offset, offset + captured[index], offset + limit[index]);
}
