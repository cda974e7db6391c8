/** One packet of a capture, exactly as it was captured. */
import { LinkType } from '../wire/index.js';
import { PacketHeaders } from './packet-headers.js';

const NANO = 1_000_000_000n;

/** When a packet was captured, in two resolutions; both are undefined if the capture doesn't say. */
export interface PacketTime {
  /** As a Date, whose resolution is a millisecond. */
  readonly time: Date | undefined;
  /** Nanoseconds since 1970, UTC: exact. */
  readonly timeNanoseconds: bigint | undefined;
}

/** Nanoseconds since 1970 of a capture's time. */
export function nanosecondsOf(seconds: number, nanoseconds: number): bigint {
  return BigInt(seconds) * NANO + BigInt(nanoseconds);
}

/** Whole seconds, and the nanoseconds after them. */
export function splitNanoseconds(time: bigint): [seconds: number, nanoseconds: number] {
  return [Number(time / NANO), Number(time % NANO)];
}

/** A packet as it was captured: still encrypted, with its link-layer header. Write it out to filter a capture. */
export class CapturedPacket implements PacketTime {
  /** Its number in the capture, from 1, as in Wireshark. */
  readonly number: number;
  /** The captured bytes: a copy, which stays valid. */
  readonly bytes: Uint8Array;
  /** Link type (LINKTYPE_ value of tcpdump.org): 1 is Ethernet. */
  readonly linkType: number;
  /** Length on the wire in bytes; longer than `bytes` if the capture truncated the packet. */
  readonly originalLength: number;
  readonly #seconds: number;
  readonly #nanoseconds: number;
  #headers: PacketHeaders | undefined;

  /**
   * @param bytes kept, not copied
   * @param seconds whole seconds since 1970, UTC; NaN if the time is unknown
   * @param nanoseconds within the second
   */
  constructor(
    bytes: Uint8Array,
    seconds = Number.NaN,
    nanoseconds = 0,
    number = 1,
    linkType: number = LinkType.Ethernet,
    originalLength: number = bytes.length,
  ) {
    this.bytes = bytes;
    this.#seconds = seconds;
    this.#nanoseconds = nanoseconds;
    this.number = number;
    this.linkType = linkType;
    this.originalLength = originalLength;
  }

  get time(): Date | undefined {
    if (Number.isNaN(this.#seconds)) return undefined;
    return new Date(this.#seconds * 1000 + Math.floor(this.#nanoseconds / 1e6));
  }

  get timeNanoseconds(): bigint | undefined {
    return Number.isNaN(this.#seconds) ? undefined : nanosecondsOf(this.#seconds, this.#nanoseconds);
  }

  /** Whether the capture truncated it (snaplen). */
  get truncated(): boolean {
    return this.bytes.length < this.originalLength;
  }

  /** Its headers: of an encrypted packet, those before the ESP payload. */
  get headers(): PacketHeaders {
    return (this.#headers ??= new PacketHeaders(this.bytes, this.linkType, this.originalLength));
  }
}
