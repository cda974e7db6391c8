/** How long packets are in the capture: known before their bytes are, so that each thread knows where its blocks begin. */
import { ESP_TRAILER_BYTES, espPadding } from '../ipsec/index.js';
import { IPV6_FRAGMENT_HEADER_LEN } from '../wire/index.js';
import { PCAP_RECORD } from '../capture/internal.js';
import { type Lane, outerIpLength } from './lane.js';
import { Alteration, type PlannedPacket } from './packet.js';

/** Header and trailer of pcapng's enhanced packet block, in bytes. */
export const BLOCK_HEADER = 28;
export const BLOCK_TRAILER = 4;
/** What is captured of a truncated packet, in bytes. */
export const TRUNCATED_TO = 96;
/** Fragments' lengths are multiples of this. */
const FRAGMENT_UNIT = 8;

/** The sizes of records in one format. */
export class Measure {
  /** Bytes before a packet in the file. */
  readonly header: number;
  readonly pcapng: boolean;

  /**
   * @param icvLength of ESP, in bytes
   * @param snaplen bytes that are captured of a packet
   */
  constructor(
    format: 'pcap' | 'pcapng',
    readonly icvLength: number,
    readonly snaplen: number,
  ) {
    this.pcapng = format === 'pcapng';
    this.header = this.pcapng ? BLOCK_HEADER : PCAP_RECORD;
  }

  /** Bytes of a record of `captured` bytes. */
  record(captured: number): number {
    return this.header + captured + (this.pcapng ? (-captured & 3) + BLOCK_TRAILER : 0);
  }

  /** Bytes of a packet that are captured. */
  captured(packet: PlannedPacket, length: number): number {
    const limit =
      (packet.alterations & Alteration.Truncate) !== 0 && TRUNCATED_TO < this.snaplen ? TRUNCATED_TO : this.snaplen;
    return length < limit ? length : limit;
  }

  /** Bytes of an outer fragment's payload, except the last one's. */
  fragmentPayload(lane: Lane): number {
    const headers = outerIpLength(lane) + (lane.outerFamily === 6 ? IPV6_FRAGMENT_HEADER_LEN : 0);
    return Math.floor((lane.mtu - headers) / FRAGMENT_UNIT) * FRAGMENT_UNIT;
  }

  /** Sets a packet's `frameLength`, `fragments`, `records` and `recordBytes`. */
  measure(packet: PlannedPacket, lane: Lane): void {
    const inner = lane.length + packet.length;
    const sealed = packet.sa < 0 ? 0 : espPadding(inner - lane.udp) + ESP_TRAILER_BYTES + this.icvLength;
    const frame = inner + sealed;
    packet.frameLength = frame;
    if (frame - lane.outerIp <= lane.mtu) {
      packet.fragments = 1;
      packet.records = 1;
      packet.recordBytes = this.record(this.captured(packet, frame));
      return;
    }
    const before = lane.outerIp + outerIpLength(lane);
    const payload = frame - before;
    const each = this.fragmentPayload(lane);
    const count = Math.ceil(payload / each);
    packet.fragments = count;
    packet.records = (packet.alterations & Alteration.LoseFragment) === 0 ? count : count - 1;
    const header = before + (lane.outerFamily === 6 ? IPV6_FRAGMENT_HEADER_LEN : 0);
    let bytes = 0;
    for (let i = 0; i < packet.records; i++) {
      const length = header + (i + 1 < count ? each : payload - each * (count - 1));
      bytes += this.record(this.captured(packet, length));
    }
    packet.recordBytes = bytes;
  }
}
