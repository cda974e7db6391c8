/**
 * The short cut of `Classify` for nearly all packets of clear networks: VXLAN in UDP in IPv4 without options, for this
 * node, with correct checksums. First finds a run of such packets, then sums all of them at once, so that neither loop
 * calls anything. Whatever else a packet may be is left to `Classify`.
 */
import type { PacketBatch } from '../../memory/index.js';
import { getWord, viewOf } from '../../memory/internal.js';
import {
  IPV4_HEADER_LEN,
  ipv4Layout,
  IpProtocol,
  UDP_HEADER_LEN,
  udpLayout,
  VERSION_4_IHL_5,
} from '../../wire/index.js';
import { MAX_RANGES, RangeSums } from '../../wire/internal.js';

const SHORTEST = IPV4_HEADER_LEN + UDP_HEADER_LEN;
const ANY_FRAGMENT = 0x3fff;
const TOS = ipv4Layout.bitsOf('dscp').offset;
const SOURCE = ipv4Layout.offsetOf('source');
const DESTINATION = ipv4Layout.offsetOf('destination');
const PORT = IPV4_HEADER_LEN + udpLayout.offsetOf('destinationPort');
const LENGTH = IPV4_HEADER_LEN + udpLayout.offsetOf('length');
const UDP_LENGTH = udpLayout.offsetOf('length');
/** UDP in the pseudo-header, as a little-endian word. */
const PROTOCOL = IpProtocol.Udp << 8;

/** The sum of a word's halves. */
function halves(word: number): number {
  return (word & 0xffff) + (word >>> 16);
}

/** Sorts out runs of plain VXLAN packets. */
export class PlainClassify {
  readonly #vtep: number;
  readonly #port: number;
  readonly #verifyIp: boolean;
  readonly #sums = new RangeSums();
  /** The run found last: indices of its first packet and after its last, and where each UDP datagram starts and ends. */
  #first = 0;
  #last = 0;
  readonly #udp = new Int32Array(MAX_RANGES);
  readonly #udpEnd = new Int32Array(MAX_RANGES);

  /**
   * @param vtep VTEP address of this node, 4 bytes
   * @param port UDP port of VXLAN
   * @param verifyIp whether to verify IPv4 header checksums
   */
  constructor(vtep: Uint8Array, port: number, verifyIp: boolean) {
    this.#vtep = getWord(vtep, 0);
    this.#port = port;
    this.#verifyIp = verifyIp;
  }

  /**
   * Sets `start`, `end`, `tos` and `sender` of the packets from index `from` on, up to the first that isn't plain. Call
   * it for every `from` of a batch in ascending order, beginning with 0.
   * @param batch IP packets
   * @returns the index of the packet that isn't plain, or the batch's count
   */
  run(batch: PacketBatch, from: number): number {
    let at = from;
    do {
      if (at === 0 || at >= this.#last) this.#find(batch, at);
      at = this.#verify(batch, at);
    } while (at === this.#last && at < batch.count && at > this.#first);
    return at;
  }

  /** Finds packets that are plain, but for their UDP checksums, and sums them. */
  #find(batch: PacketBatch, from: number): void {
    const { bytes } = batch.arena;
    const view = viewOf(bytes);
    const { start, end } = batch;
    const last = Math.min(batch.count, from + MAX_RANGES);
    const vtep = this.#vtep;
    const port = this.#port;
    const verifyIp = this.#verifyIp;
    const udps = this.#udp;
    const udpEnds = this.#udpEnd;
    let i = from;
    for (; i < last; i++) {
      const ip = start[i];
      const room = end[i] - ip;
      if (room < SHORTEST) break;
      // The IP header, word by word.
      const a = view.getInt32(ip);
      const b = view.getInt32(ip + 4);
      const c = view.getInt32(ip + 8);
      const source = view.getInt32(ip + SOURCE);
      const destination = view.getInt32(ip + DESTINATION);
      const total = a & 0xffff;
      if (a >>> 24 !== VERSION_4_IHL_5 || total > room || (b & ANY_FRAGMENT) !== 0) break;
      if (((c >>> 16) & 0xff) !== IpProtocol.Udp || destination !== vtep) break;
      const length = view.getUint16(ip + LENGTH);
      if (view.getUint16(ip + PORT) !== port || length < UDP_HEADER_LEN || length + IPV4_HEADER_LEN > total) break;
      if (
        verifyIp &&
        halves(halves(halves(a) + halves(b) + halves(c) + halves(source) + halves(destination))) !== 0xffff
      )
        break;
      udps[i - from] = ip + IPV4_HEADER_LEN;
      udpEnds[i - from] = ip + IPV4_HEADER_LEN + length;
    }
    this.#first = from;
    this.#last = i;
    if (i > from) this.#sums.run(bytes, udps, udpEnds, 0, i - from);
  }

  /** Verifies the UDP checksums of the run from an index on. */
  #verify(batch: PacketBatch, from: number): number {
    const view = viewOf(batch.arena.bytes);
    const { start, end, tos, sender } = batch;
    const { sums } = this.#sums;
    const first = this.#first;
    const last = this.#last;
    const udps = this.#udp;
    const udpEnds = this.#udpEnd;
    let i = from;
    for (; i < last; i++) {
      const ip = start[i];
      const udp = udps[i - first];
      // Length and checksum, which is 0 if the sender left it out (RFC 768).
      const fields = view.getInt32(udp + UDP_LENGTH, true);
      const addresses = halves(view.getInt32(ip + SOURCE, true)) + halves(view.getInt32(ip + DESTINATION, true));
      const sum = sums[i - first] + addresses + PROTOCOL + (fields & 0xffff);
      if (halves(halves(sum)) !== 0xffff && fields >>> 16 !== 0) break;
      tos[i] = view.getUint8(ip + TOS);
      sender[i] = ip + SOURCE;
      start[i] = udp + UDP_HEADER_LEN;
      end[i] = udpEnds[i - first];
    }
    return i;
  }
}
