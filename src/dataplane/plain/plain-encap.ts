/**
 * The short cut of `Encap` for nearly all packets: from this node's IPv4 address, in slots aligned to words. Writes the
 * same outer headers as `Tunnel`, by little-endian words of an Int32Array: in V8, a write by DataView makes a loop load
 * all columns anew. What differs between tunnels, the destination, is in a column by node, since a hundred objects don't
 * stay in the smallest cache.
 */
import type { PacketBatch } from '../../memory/index.js';
import type { NodeTables } from '../../overlay/index.js';
import { IpProtocol, UDP_HEADER_LEN, VERSION_4_IHL_5, VXLAN_FLAG_I, VXLAN_HEADER_LEN } from '../../wire/index.js';
import { MAX_RANGES, RangeSums } from '../../wire/internal.js';
import { LINUX_PORTS, scalePort } from '../flow-hash.js';
import type { Identifications } from '../identifications.js';
import { PeerMark, type PeerMarks } from '../peer-marks.js';
import type { TunnelOptions } from '../tunnel.js';

const FIRST_CAPACITY = 16;
/** Bytes of IP, UDP and VXLAN. */
const OUTER = 36;
const OUTER_WORDS = OUTER / 4;
const UDP_AND_VXLAN = UDP_HEADER_LEN + VXLAN_HEADER_LEN;
const MAX_LENGTH = 0xffff;
const DEFAULT_TTL = 64;
const INHERIT = -1;
const ECN_MASK = 3;
const ECN_CE = 3;
const ECN_ECT0 = 2;
/** The protocol in the pseudo-header, and next to the TTL. */
const PROTOCOL = IpProtocol.Udp << 8;

/** Swaps the bytes of a 16-bit number. */
function swapped(short: number): number {
  return ((short & 0xff) << 8) | (short >>> 8);
}

/** The sum of a word's halves. */
function halves(word: number): number {
  return (word & 0xffff) + (word >>> 16);
}

/** Reads an address as a little-endian word. */
function addressWord(bytes: Uint8Array): number {
  return bytes[0] | (bytes[1] << 8) | (bytes[2] << 16) | (bytes[3] << 24);
}

/** Writes the outer headers of runs of packets. */
export class PlainEncap {
  readonly #tables: NodeTables;
  readonly #identifications: Identifications;
  readonly #sentTo: PeerMarks;
  readonly #source: number;
  readonly #port: number;
  readonly #lowestPort: number;
  readonly #ports: number;
  readonly #udpChecksum: boolean;
  readonly #ttl: number;
  readonly #dscp: number;
  readonly #sums = new RangeSums();
  /** By node: whether it is reachable, and its address as a little-endian word. */
  #reached = new Uint8Array(FIRST_CAPACITY);
  #destination = new Int32Array(FIRST_CAPACITY);
  #bytes: Uint8Array = new Uint8Array(0);
  #words: Int32Array = new Int32Array(0);
  /** The packets of the batch that are summed already: from one index to another. */
  #firstSummed = 0;
  #summed = 0;

  /**
   * @param tables of a node with an IPv4 address
   * @param sentTo the nodes that packets were sent to
   */
  constructor(
    tables: NodeTables,
    identifications: Identifications,
    sentTo: PeerMarks,
    options: Omit<TunnelOptions, 'port'>,
  ) {
    const { ports = LINUX_PORTS, udpChecksum = true, ttl = DEFAULT_TTL, dscp = 0 } = options;
    this.#tables = tables;
    this.#identifications = identifications;
    this.#sentTo = sentTo;
    this.#source = addressWord(tables.here.vtep);
    this.#port = tables.port;
    this.#lowestPort = ports.lowest;
    this.#ports = ports.highest - ports.lowest;
    this.#udpChecksum = udpChecksum;
    this.#ttl = ttl === 'inherit' ? INHERIT : ttl;
    this.#dscp = dscp === 'inherit' ? INHERIT : dscp;
  }

  /**
   * Sets the address of a node.
   * @param vtep 4 bytes; undefined if it is unreachable
   */
  set(node: number, vtep: Uint8Array | undefined): void {
    if (node >= this.#reached.length) {
      const capacity = Math.max(node + 1, 2 * this.#reached.length);
      const reached = new Uint8Array(capacity);
      reached.set(this.#reached);
      const destination = new Int32Array(capacity);
      destination.set(this.#destination);
      this.#reached = reached;
      this.#destination = destination;
    }
    this.#reached[node] = vtep === undefined ? 0 : 1;
    this.#destination[node] = vtep === undefined ? 0 : addressWord(vtep);
  }

  /**
   * Writes the outer headers of the frames from index `from` on, up to the first that isn't plain. Afterwards packets
   * begin with their outer IP header. Call it for every `from` of a batch in ascending order, beginning with 0.
   * @param batch frames with `node`, `network`, `flow`, `tos` and `ttl`
   * @returns the index of the frame that isn't plain, or the batch's count
   */
  run(batch: PacketBatch, from: number): number {
    let at = from;
    do at = this.#part(batch, at);
    while (at === this.#summed && at < batch.count);
    return at;
  }

  /** Writes the headers of at most as many packets as are summed at once. */
  #part(batch: PacketBatch, from: number): number {
    if (from === 0 || from >= this.#summed) this.#sum(batch, from);
    const { start, end, network, node: nodes, flow, tos, ttl } = batch;
    const { vni: vnis, encrypted } = this.#tables.columns;
    const ids = this.#identifications.next;
    const marks = this.#sentTo.bytes;
    const { sums } = this.#sums;
    const words = this.#words;
    const first = this.#firstSummed;
    const last = this.#summed;
    const reached = this.#reached;
    const destinations = this.#destination;
    const source = this.#source;
    const lowestPort = this.#lowestPort;
    const ports = this.#ports;
    const udpChecksum = this.#udpChecksum;
    const fixedTtl = this.#ttl;
    const fixedDscp = this.#dscp;
    const port = swapped(this.#port);
    // The sum of little-endian words, its bytes swapped, is that of big-endian ones (RFC 1071 section 2 (B)).
    const ipSum = halves(source) + VERSION_4_IHL_5 + PROTOCOL;
    const udpSum = halves(source) + PROTOCOL + port + VXLAN_FLAG_I;
    let i = from;
    for (; i < last; i++) {
      const node = nodes[i];
      const frame = start[i];
      const length = end[i] - frame;
      const total = length + OUTER;
      if (reached[node] !== 1 || (frame & 3) !== 0 || total > MAX_LENGTH) break;
      const index = network[i];
      const destination = destinations[node];
      const inner = tos[i];
      const ecn = inner & ECN_MASK;
      const outerTos = (fixedDscp < 0 ? inner & ~ECN_MASK : fixedDscp << 2) | (ecn === ECN_CE ? ECN_ECT0 : ecn);
      const outerTtl = fixedTtl < 0 ? ttl[i] || DEFAULT_TTL : fixedTtl;
      const id = ids[node] & 0xffff || 1;
      const vni = vnis[index];
      const totalField = swapped(total);
      const idField = swapped(id);
      const sourcePort = swapped(scalePort(flow[i], lowestPort, ports));
      const udpLength = swapped(length + UDP_AND_VXLAN);
      const vniField = (vni >>> 16) | (vni & 0xff00) | ((vni & 0xff) << 16);
      const addresses = halves(destination);
      const ip = halves(halves(ipSum + addresses + totalField + idField + (outerTos << 8) + outerTtl));
      let udp = 0;
      if (udpChecksum) {
        // The length is in the pseudo-header too.
        udp = udpSum + addresses + sourcePort + 2 * udpLength + halves(vniField) + sums[i - first];
        udp = ~halves(halves(udp)) & 0xffff || 0xffff;
      }
      const at = (frame >>> 2) - OUTER_WORDS;
      words[at] = VERSION_4_IHL_5 | (outerTos << 8) | (totalField << 16);
      words[at + 1] = idField;
      words[at + 2] = outerTtl | PROTOCOL | (~ip << 16);
      words[at + 3] = source;
      words[at + 4] = destination;
      words[at + 5] = sourcePort | (port << 16);
      words[at + 6] = udpLength | (udp << 16);
      words[at + 7] = VXLAN_FLAG_I;
      words[at + 8] = vniField;
      ids[node] = id + 1;
      marks[node] |= encrypted[index] === 0 ? PeerMark.Clear : PeerMark.Encrypted;
      start[i] = frame - OUTER;
    }
    return i;
  }

  /** Sums the frames from an index on. */
  #sum(batch: PacketBatch, from: number): void {
    const { bytes } = batch.arena;
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
    }
    this.#firstSummed = from;
    this.#summed = Math.min(batch.count, from + MAX_RANGES);
    if (this.#udpChecksum) this.#sums.run(bytes, batch.start, batch.end, from, this.#summed);
  }
}
