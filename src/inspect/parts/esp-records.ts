/** Records what a survey of ESP reads of each packet, for that of all files. */
import { Verdict } from '../../dataplane/index.js';
import type { InboundEsp } from '../../ipsec/index.js';
import { KeyIndex } from '../../memory/internal.js';
import type { AddressTable } from '../address-table.js';
import type { EspPacket, EspSink } from '../esp-packet.js';
import { NonceVerdict } from '../nonce-table.js';
import { filled, withRoom } from './growing.js';

/** Bits of `EspColumns.flags`. */
export const EspFlag = { HasIv: 1, Opened: 2, Dropped: 4 } as const;

/** Packets of an SPI between two addresses. */
export interface EspDirection {
  readonly spi: number;
  readonly source: string;
  readonly destination: string;
  /** Whether they are encapsulated in UDP (RFC 3948). */
  readonly inUdp: boolean;
}

/** ESP packets as plain data. */
export interface EspColumns {
  readonly directions: readonly EspDirection[];
  /** The index of each packet's direction. */
  readonly direction: Int32Array;
  // The other columns, too, have a value for each packet.
  readonly sequence: Int32Array;
  /** What the SA took for the upper half of the sequence number; 0 without keys. */
  readonly sequenceHigh: Float64Array;
  readonly ivHigh: Int32Array;
  readonly ivLow: Int32Array;
  readonly icvEnd: Int32Array;
  readonly afterIv: Int32Array;
  readonly size: Int32Array;
  /** Bits of `EspFlag`. */
  readonly flags: Uint8Array;
  /** The `DropReason`; 0 if it wasn't dropped. */
  readonly reason: Uint8Array;
}

interface Direction {
  readonly spi: number;
  readonly source: number;
  readonly destination: number;
  readonly inUdp: boolean;
}

const FIRST_PACKETS = 64;
/** Bytes of a packet. */
const COLUMN_BYTES = 38;

/** Takes the packets that an `EspSurvey` would take. */
export class EspRecords implements EspSink {
  source = -1;
  destination = -1;
  readonly nonce = NonceVerdict.New;
  count = 0;
  /** Whether there are too many directions. */
  full = false;
  readonly #addresses: AddressTable;
  readonly #inbound: InboundEsp | undefined;
  readonly #index: KeyIndex;
  readonly #directions: Direction[] = [];
  #direction = new Int32Array(FIRST_PACKETS);
  #sequence = new Int32Array(FIRST_PACKETS);
  #sequenceHigh = new Float64Array(FIRST_PACKETS);
  #ivHigh = new Int32Array(FIRST_PACKETS);
  #ivLow = new Int32Array(FIRST_PACKETS);
  #icvEnd = new Int32Array(FIRST_PACKETS);
  #afterIv = new Int32Array(FIRST_PACKETS);
  #size = new Int32Array(FIRST_PACKETS);
  #flags = new Uint8Array(FIRST_PACKETS);
  #reason = new Uint8Array(FIRST_PACKETS);

  /**
   * @param addresses assigns ids to addresses
   * @param limit maximum number of directions
   * @param inbound opened the packets
   */
  constructor(addresses: AddressTable, limit: number, inbound: InboundEsp | undefined) {
    this.#addresses = addresses;
    this.#inbound = inbound;
    this.#index = new KeyIndex(4, limit);
  }

  /** Bytes of memory in use. */
  get bytes(): number {
    return COLUMN_BYTES * this.count;
  }

  add(packet: EspPacket, verdict: Verdict): void {
    const { spi, espInUdp, espFamily, espAddresses } = packet;
    const source = this.#addresses.at(espFamily, espAddresses, 0);
    const destination = this.#addresses.at(espFamily, espAddresses, espFamily === 4 ? 4 : 16);
    this.source = source;
    this.destination = destination;
    const { key } = this.#index;
    key[0] = spi;
    key[1] = source;
    key[2] = destination;
    key[3] = espInUdp ? 1 : 0;
    const direction = this.#index.add();
    if (direction < 0) {
      this.full = true;
      return;
    }
    if (direction === this.#directions.length) {
      this.#directions.push({ spi, source, destination, inUdp: espInUdp });
    }
    const index = this.count++;
    if (index === this.#direction.length) this.#grow();
    const opened = packet.opened;
    const dropped = verdict === Verdict.Dropped;
    this.#direction[index] = direction;
    this.#sequence[index] = packet.sequence;
    // The decoder knows it only of packets that were opened.
    this.#sequenceHigh[index] = this.#inbound?.sequenceHigh ?? 0;
    this.#ivHigh[index] = packet.ivHigh;
    this.#ivLow[index] = packet.ivLow;
    this.#icvEnd[index] = packet.icvEnd;
    this.#afterIv[index] = packet.afterIv;
    this.#size[index] = packet.espBytes;
    this.#flags[index] =
      (packet.hasIv ? EspFlag.HasIv : 0) | (opened ? EspFlag.Opened : 0) | (dropped ? EspFlag.Dropped : 0);
    // Of an earlier packet, if this one wasn't dropped.
    this.#reason[index] = dropped ? packet.reason : 0;
  }

  /** What was collected. */
  columns(): EspColumns {
    const { count } = this;
    const text = (id: number): string => this.#addresses.text(id);
    return {
      directions: this.#directions.map((row) => ({
        ...row,
        source: text(row.source),
        destination: text(row.destination),
      })),
      direction: filled(this.#direction, count),
      sequence: filled(this.#sequence, count),
      sequenceHigh: filled(this.#sequenceHigh, count),
      ivHigh: filled(this.#ivHigh, count),
      ivLow: filled(this.#ivLow, count),
      icvEnd: filled(this.#icvEnd, count),
      afterIv: filled(this.#afterIv, count),
      size: filled(this.#size, count),
      flags: filled(this.#flags, count),
      reason: filled(this.#reason, count),
    };
  }

  #grow(): void {
    const room = 2 * this.#direction.length;
    this.#direction = withRoom(this.#direction, room);
    this.#sequence = withRoom(this.#sequence, room);
    this.#sequenceHigh = withRoom(this.#sequenceHigh, room);
    this.#ivHigh = withRoom(this.#ivHigh, room);
    this.#ivLow = withRoom(this.#ivLow, room);
    this.#icvEnd = withRoom(this.#icvEnd, room);
    this.#afterIv = withRoom(this.#afterIv, room);
    this.#size = withRoom(this.#size, room);
    this.#flags = withRoom(this.#flags, room);
    this.#reason = withRoom(this.#reason, room);
  }
}
