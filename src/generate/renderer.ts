/**
 * Writes packets, in the form of the capture file, into one array: headers from their lane's template, the fields that vary,
 * checksums from sums that are known beforehand (RFC 1624), payload from the common bytes. ESP is sealed in place, in batches.
 */
import type { Aead } from '../aead/index.js';
import { EspDrop, EspSealer, type OutboundSa } from '../ipsec/index.js';
import { IPV6_FRAGMENT_HEADER_LEN, IpProtocol, ipv4Layout, ipv6Layout, writeIpv4Checksum } from '../wire/index.js';
import { type Lane, outerIpLength } from './lane.js';
import { LaneKind } from './lane-spec.js';
import type { Measure } from './measure.js';
import { Alteration, PlannedPacket } from './packet.js';
import { PAYLOAD_BYTES, PayloadSums } from './payload.js';

/** Bytes of records in a block, about. */
export const BLOCK_BYTES = 1 << 20;
/** A packet of the largest size, with all its fragments' headers. */
const LARGEST = 1 << 18;
/** A payload from this length on is worth a call of `copyWithin`. */
const LONG = 256;
const SECOND = 1e9;
const IPV4_LENGTH = ipv4Layout.offsetOf('totalLength');
const IPV4_ID = ipv4Layout.offsetOf('identification');
const IPV4_CHECKSUM = ipv4Layout.offsetOf('checksum');
const IPV4_FRAGMENT = ipv4Layout.bitsOf('fragmentOffset').offset;
const IPV6_LENGTH = ipv6Layout.offsetOf('payloadLength');
const IPV6_NEXT = ipv6Layout.offsetOf('nextHeader');
const IPV6_HEADER = 40;
const UDP_LENGTH = 4;
const UDP_CHECKSUM = 6;
const TCP_SEQUENCE = 4;
const TCP_ACKNOWLEDGMENT = 8;
const TCP_FLAGS = 12;
const TCP_CHECKSUM = 16;
const ICMP_CHECKSUM = 2;
const MORE_FRAGMENTS = 0x2000;
const ENHANCED_PACKET = 6;
/** What a broken checksum is off by. */
const WRONG = 0x2b5d;

/** Work left for when the packets are sealed: split them, and flip a bit. */
interface Pending {
  start: number;
  lane: Lane;
  readonly packet: PlannedPacket;
}

/** Folds a sum of words to 16 bits. */
function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffffffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  folded = (folded & 0xffff) + (folded >>> 16);
  folded = (folded & 0xffff) + (folded >>> 16);
  return (folded & 0xffff) + (folded >>> 16);
}

/** The words of a 32-bit number, summed. */
function words(value: number): number {
  return (value >>> 16) + (value & 0xffff);
}

/** Renders the packets of one plan. */
export class Renderer {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #begin: number;
  readonly #lanes: readonly Lane[];
  readonly #sas: readonly OutboundSa[];
  readonly #sealer: EspSealer | undefined;
  readonly #payload: PayloadSums;
  readonly #measure: Measure;
  readonly #startSeconds: number;
  #end: number;
  readonly #pending: Pending[] = [];
  #pendingCount = 0;

  /**
   * @param templates of the lanes
   * @param sas by index; none if nothing is encrypted
   * @param startSeconds time of the first packet, in seconds since 1970
   */
  constructor(
    lanes: readonly Lane[],
    templates: Uint8Array,
    sas: readonly OutboundSa[],
    aead: Aead | undefined,
    measure: Measure,
    startSeconds: number,
  ) {
    const payloadAt = (templates.length + 7) & ~7;
    this.#begin = payloadAt + PAYLOAD_BYTES;
    this.#end = this.#begin;
    this.#bytes = new Uint8Array(new ArrayBuffer(this.#begin + BLOCK_BYTES + LARGEST));
    this.#view = new DataView(this.#bytes.buffer);
    this.#bytes.set(templates);
    this.#payload = new PayloadSums(this.#bytes, payloadAt);
    this.#lanes = lanes;
    this.#sas = sas;
    this.#sealer = aead === undefined ? undefined : new EspSealer(aead);
    this.#measure = measure;
    this.#startSeconds = startSeconds;
  }

  /** Writes a packet's records. */
  render(packet: PlannedPacket): void {
    const lane = this.#lanes[packet.lane];
    const record = this.#end;
    const start = record + this.#measure.header;
    this.#copyTemplate(lane, start);
    const end = start + lane.length + packet.length;
    if (lane.kind !== LaneKind.Packet) {
      this.#writeInner(packet, lane, start, end);
      this.#writeOuterIp(packet, lane, start);
      if (packet.sa >= 0) this.#seal(packet, lane, start, end);
    }
    this.#end = record + packet.recordBytes;
    const { alterations, frameLength } = packet;
    const captured = this.#measure.captured(packet, frameLength);
    const split = packet.fragments > 1;
    if (!split) this.#writeRecord(packet, record, captured, frameLength);
    if (split || (alterations & Alteration.FlipBit) !== 0 || captured < frameLength) {
      this.#later(packet, lane, start);
      // What isn't captured would be overwritten by the next packet before it is sealed.
      if (captured < frameLength || packet.records < packet.fragments) this.#finish();
    }
  }

  /** Seals what is left, and begins a new block. Returns the bytes, which are valid until the next `render`. */
  take(): Uint8Array {
    this.#finish();
    const block = this.#bytes.subarray(this.#begin, this.#end);
    this.#end = this.#begin;
    return block;
  }

  #copyTemplate(lane: Lane, start: number): void {
    const view = this.#view;
    const stop = lane.template + lane.length;
    let to = start;
    // Whole words: the payload overwrites what is beyond the end.
    for (let from = lane.template; from < stop; from += 4, to += 4) view.setInt32(to, view.getInt32(from));
  }

  #copyPayload(from: number, length: number, to: number): void {
    if (length >= LONG) {
      this.#bytes.copyWithin(to, from, from + length);
      return;
    }
    const view = this.#view;
    // The trailer, or the next packet, overwrites what is beyond the end.
    for (let i = 0; i < length; i += 4) view.setInt32(to + i, view.getInt32(from + i));
  }

  /** Everything from UDP on. */
  #writeInner(packet: PlannedPacket, lane: Lane, start: number, end: number): void {
    const view = this.#view;
    const { length } = packet;
    let payloadSum = 0;
    if (length > 0) {
      // A retransmitted segment has the bytes of the first one, and an echo reply those of the request.
      const { kind } = lane;
      const origin = kind === LaneKind.Tcp ? packet.sequence : kind === LaneKind.Icmp ? packet.word : packet.innerId;
      const from = this.#payload.offset(Math.imul(origin, 0x9e3779b1));
      this.#copyPayload(from, length, start + lane.length);
      payloadSum = this.#payload.sum(from, length);
    }
    let region = 0;
    if (lane.kind !== LaneKind.Frame) {
      const l4 = start + lane.l4;
      const l4Length = end - l4;
      const sum = lane.l4Sum + payloadSum + this.#writeTransport(packet, lane, start, l4, l4Length);
      const pseudo = lane.pseudo ? lane.pseudoSum + l4Length : 0;
      let check = ~fold(sum + pseudo) & 0xffff;
      if (check === 0 && lane.kind === LaneKind.Udp) check = 0xffff;
      if ((packet.alterations & Alteration.BadChecksum) !== 0) check = (check + WRONG) & 0xffff || 1;
      const at = lane.kind === LaneKind.Tcp ? TCP_CHECKSUM : lane.kind === LaneKind.Udp ? UDP_CHECKSUM : ICMP_CHECKSUM;
      view.setUint16(l4 + at, check);
      region = sum + check + this.#writeInnerIp(packet, lane, start + lane.innerIp, l4Length, end);
    }
    const udp = start + lane.udp;
    const udpLength = end - udp;
    view.setUint16(udp, packet.outerPort);
    view.setUint16(udp + UDP_LENGTH, udpLength);
    const check = ~fold(lane.outerSum + region + packet.outerPort + 2 * udpLength) & 0xffff;
    view.setUint16(udp + UDP_CHECKSUM, check === 0 ? 0xffff : check);
  }

  /** Writes what varies of the transport header. Returns the sum of it. */
  #writeTransport(packet: PlannedPacket, lane: Lane, start: number, l4: number, l4Length: number): number {
    const view = this.#view;
    const { port, word } = packet;
    let sum = port;
    if (lane.clientPort > 0) view.setUint16(start + lane.clientPort, port);
    else sum = 0;
    if (lane.word > 0) {
      view.setUint16(start + lane.word, word);
      sum += word;
    }
    if (lane.kind === LaneKind.Udp) {
      view.setUint16(l4 + UDP_LENGTH, l4Length);
      return sum + l4Length;
    }
    if (lane.kind !== LaneKind.Tcp) return sum;
    const { sequence, acknowledgment, flags, timestamp, echoed } = packet;
    view.setInt32(l4 + TCP_SEQUENCE, sequence);
    view.setInt32(l4 + TCP_ACKNOWLEDGMENT, acknowledgment);
    view.setUint16(l4 + TCP_FLAGS, lane.dataOffset | flags);
    const stamps = start + lane.timestamps;
    view.setInt32(stamps, timestamp);
    view.setInt32(stamps + 4, echoed);
    return sum + words(sequence) + words(acknowledgment) + flags + words(timestamp) + words(echoed);
  }

  /** Returns the sum that the lengths in the header add to the outer checksum. */
  #writeInnerIp(packet: PlannedPacket, lane: Lane, at: number, l4Length: number, end: number): number {
    const view = this.#view;
    if (lane.innerFamily === 6) {
      view.setUint16(at + IPV6_LENGTH, l4Length);
      return l4Length;
    }
    const length = end - at;
    view.setUint16(at + IPV4_LENGTH, length);
    view.setUint16(at + IPV4_ID, packet.innerId);
    view.setUint16(at + IPV4_CHECKSUM, ~fold(lane.innerIpSum + length + packet.innerId) & 0xffff);
    return 0;
  }

  #writeOuterIp(packet: PlannedPacket, lane: Lane, start: number): void {
    const view = this.#view;
    const at = start + lane.outerIp;
    const length = packet.frameLength - lane.outerIp;
    if (lane.outerFamily === 6) {
      view.setUint16(at + IPV6_LENGTH, length - IPV6_HEADER);
      return;
    }
    view.setUint16(at + IPV4_LENGTH, length);
    view.setUint16(at + IPV4_ID, packet.outerId);
    view.setUint16(at + IPV4_CHECKSUM, ~fold(lane.outerIpSum + length + packet.outerId) & 0xffff);
  }

  #seal(packet: PlannedPacket, lane: Lane, start: number, end: number): void {
    const sa = this.#sas[packet.sa];
    // The sealer uses the next number.
    sa.sequenceLow = packet.espLow - 1;
    sa.sequenceHigh = packet.espHigh;
    const drop = this.#sealer?.push(sa, this.#bytes, start + lane.udp, end, IpProtocol.Udp, 0);
    if (drop !== EspDrop.None) throw new Error('an SA of a generated capture refused a packet');
  }

  #writeRecord(packet: PlannedPacket, at: number, captured: number, length: number): void {
    const view = this.#view;
    const whole = Math.floor(packet.time / SECOND);
    const seconds = this.#startSeconds + whole;
    const nanoseconds = Math.floor(packet.time - whole * SECOND);
    if (!this.#measure.pcapng) {
      view.setUint32(at, seconds, true);
      view.setUint32(at + 4, nanoseconds, true);
      view.setUint32(at + 8, captured, true);
      view.setUint32(at + 12, length, true);
      return;
    }
    // 64 bits of nanoseconds, from halves that numbers hold exactly.
    const upper = Math.floor(seconds / 0x10000) * SECOND;
    const low = (upper % 0x10000) * 0x10000 + (seconds % 0x10000) * SECOND + nanoseconds;
    const padded = captured + (-captured & 3);
    const block = this.#measure.record(captured);
    view.setUint32(at, ENHANCED_PACKET, true);
    view.setUint32(at + 4, block, true);
    view.setUint32(at + 8, 0, true);
    view.setUint32(at + 12, Math.floor(upper / 0x10000) + Math.floor(low / 2 ** 32), true);
    view.setUint32(at + 16, low % 2 ** 32, true);
    view.setUint32(at + 20, captured, true);
    view.setUint32(at + 24, length, true);
    // The padding comes before the trailer: written last, and only once the packet is sealed if it isn't complete.
    const trailer = at + this.#measure.header + padded;
    for (let i = at + this.#measure.header + captured; i < trailer; i++) this.#bytes[i] = 0;
    view.setUint32(trailer, block, true);
  }

  #later(packet: PlannedPacket, lane: Lane, start: number): void {
    if (this.#pendingCount === this.#pending.length) {
      this.#pending.push({ start: 0, lane, packet: new PlannedPacket() });
    }
    const pending = this.#pending[this.#pendingCount++];
    pending.start = start;
    pending.lane = lane;
    pending.packet.copy(packet);
  }

  /** Seals all packets, and does what was left for then. */
  #finish(): void {
    this.#sealer?.flush();
    for (let i = 0; i < this.#pendingCount; i++) {
      const { start, lane, packet } = this.#pending[i];
      if ((packet.alterations & Alteration.FlipBit) !== 0) this.#bytes[start + packet.frameLength - 1] ^= 1;
      if (packet.fragments > 1) this.#split(packet, lane, start);
      else
        this.#writeRecord(
          packet,
          start - this.#measure.header,
          this.#measure.captured(packet, packet.frameLength),
          packet.frameLength,
        );
    }
    this.#pendingCount = 0;
  }

  /** Splits a packet into outer fragments, of which it takes the place. */
  #split(packet: PlannedPacket, lane: Lane, start: number): void {
    const bytes = this.#bytes;
    const view = this.#view;
    const measure = this.#measure;
    const before = lane.outerIp + outerIpLength(lane);
    const extension = lane.outerFamily === 6 ? IPV6_FRAGMENT_HEADER_LEN : 0;
    const each = measure.fragmentPayload(lane);
    const payload = packet.frameLength - before;
    const last = packet.fragments - 1;
    const full = measure.record(measure.captured(packet, before + extension + each));
    // From the last on, since each moves towards the end.
    for (let i = packet.records - 1; i >= 0; i--) {
      const length = i === last ? payload - each * last : each;
      const record = start - measure.header + full * i;
      const to = record + measure.header;
      const frame = before + extension + length;
      const captured = measure.captured(packet, frame);
      // Only what is captured: with a short snaplen, more would reach into fragments that haven't been moved yet.
      const kept = Math.max(0, Math.min(length, captured - before - extension));
      bytes.copyWithin(to + before + extension, start + before + each * i, start + before + each * i + kept);
      if (i > 0) bytes.copyWithin(to, start, start + before);
      const ip = to + lane.outerIp;
      const more = i === last ? 0 : 1;
      if (extension === 0) {
        view.setUint16(ip + IPV4_LENGTH, frame - lane.outerIp);
        view.setUint16(ip + IPV4_FRAGMENT, (more === 0 ? 0 : MORE_FRAGMENTS) | ((each * i) >>> 3));
        writeIpv4Checksum(bytes, ip);
      } else {
        view.setUint16(ip + IPV6_LENGTH, length + extension);
        const at = to + before;
        bytes[at] = lane.encrypted ? IpProtocol.Esp : IpProtocol.Udp;
        bytes[at + 1] = 0;
        view.setUint16(at + 2, (each * i) | more);
        view.setUint32(at + 4, packet.outerId);
        bytes[ip + IPV6_NEXT] = IpProtocol.Fragment;
      }
      this.#writeRecord(packet, record, captured, frame);
    }
  }
}
