/** Goes through records of ESP packets as if they were decoded now. */
import { DropReason, Verdict } from '../../dataplane/index.js';
import { espDropOf } from '../../dataplane/internal.js';
import { EspDrop, type InboundEsp, type InboundSa } from '../../ipsec/index.js';
import type { EspPacket, EspSink } from '../esp-packet.js';
import { type EspColumns, EspFlag } from './esp-records.js';
import { addressOf } from './text-addresses.js';

interface Direction {
  readonly spi: number;
  readonly inUdp: boolean;
  readonly family: number;
  /** Source and destination, concatenated. */
  readonly addresses: Uint8Array;
  sa: InboundSa | undefined;
  /** Whether the SA was looked for. */
  known: boolean;
}

/** Hands the packets of a part to the survey of all files, and takes their SAs along. */
export class EspReplay {
  /** Whether an SA here would have decided otherwise about a packet. */
  differs = false;
  readonly #columns: EspColumns;
  readonly #directions: readonly Direction[];
  readonly #sink: EspSink;
  readonly #inbound: InboundEsp | undefined;
  readonly #packet: { -readonly [Key in keyof EspPacket]: EspPacket[Key] } = {
    spi: 0,
    sequence: 0,
    sequenceHigh: 0,
    espInUdp: false,
    espFamily: 4,
    espAddresses: new Uint8Array(32),
    espBytes: 0,
    hasIv: false,
    ivHigh: 0,
    ivLow: 0,
    icvEnd: 0,
    afterIv: 0,
    opened: false,
    reason: DropReason.None,
  };
  #next = 0;

  /** @param inbound has the SAs, if there are keys */
  constructor(columns: EspColumns, sink: EspSink, inbound: InboundEsp | undefined) {
    this.#columns = columns;
    this.#sink = sink;
    this.#inbound = inbound;
    this.#directions = columns.directions.map(({ spi, source, destination, inUdp }) => {
      const from = addressOf(source);
      const to = addressOf(destination);
      const addresses = new Uint8Array(32);
      addresses.set(from);
      addresses.set(to, from.length);
      return { spi, inUdp, family: from.length === 4 ? 4 : 6, addresses, sa: undefined, known: false };
    });
  }

  /** Takes the packets before the one with this index. */
  upTo(index: number): void {
    for (; this.#next < index; this.#next++) this.#take(this.#next);
  }

  #take(index: number): void {
    const columns = this.#columns;
    const direction = this.#directions[columns.direction[index]];
    const flags = columns.flags[index];
    const packet = this.#packet;
    packet.spi = direction.spi;
    packet.espInUdp = direction.inUdp;
    packet.espFamily = direction.family;
    packet.espAddresses.set(direction.addresses);
    packet.sequence = columns.sequence[index] >>> 0;
    packet.ivHigh = columns.ivHigh[index];
    packet.ivLow = columns.ivLow[index];
    packet.icvEnd = columns.icvEnd[index];
    packet.afterIv = columns.afterIv[index];
    packet.espBytes = columns.size[index];
    packet.hasIv = (flags & EspFlag.HasIv) !== 0;
    packet.opened = (flags & EspFlag.Opened) !== 0;
    packet.reason = columns.reason[index] as DropReason;
    packet.sequenceHigh = packet.opened ? columns.sequenceHigh[index] : 0;
    const dropped = (flags & EspFlag.Dropped) !== 0;
    // What was in an opened packet has been counted; for ESP, that it was opened is enough.
    this.#sink.add(packet, dropped ? Verdict.Dropped : packet.opened ? Verdict.Frame : Verdict.Esp);
    if (this.#inbound !== undefined && !this.#follow(this.#inbound, direction, index, dropped)) this.differs = true;
  }

  #follow(inbound: InboundEsp, direction: Direction, index: number, dropped: boolean): boolean {
    const packet = this.#packet;
    if (!packet.opened && !dropped) return false;
    // What a snaplen truncated gets to no SA.
    if (!packet.opened && packet.reason === DropReason.CaptureTruncated) return true;
    const drop = packet.opened ? EspDrop.None : espDropOf(packet.reason);
    if (drop === undefined) return false;
    if (!direction.known) {
      direction.known = true;
      direction.sa = inbound.saOf(direction.spi, direction.family, direction.addresses, 0);
    }
    const { sa, addresses, inUdp } = direction;
    if (sa === undefined) return drop === EspDrop.NoSa;
    return sa.follow(addresses, 0, inUdp, packet.sequence, this.#columns.sequenceHigh[index], drop);
  }
}
