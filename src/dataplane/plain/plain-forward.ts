/**
 * The short cut of `Forward` for nearly all frames: TCP or UDP in IPv4 without options, from an endpoint of this node to
 * another node, and short enough. One loop without calls or writes to packets: in V8, either makes it load all columns
 * anew. Whatever else a frame may be is left to `Forward`.
 */
import type { PacketBatch } from '../../memory/index.js';
import { flowKey, hashFlow4, viewOf } from '../../memory/internal.js';
import { type ForwardingTable, type NodeTables, type PathMtu, TargetKind } from '../../overlay/index.js';
import {
  ETHERNET_HEADER_LEN,
  EtherType,
  IPV4_HEADER_LEN,
  IpProtocol,
  TCP_HEADER_LEN,
  UDP_HEADER_LEN,
  VERSION_4_IHL_5,
} from '../../wire/index.js';

const SHORTEST = ETHERNET_HEADER_LEN + IPV4_HEADER_LEN + UDP_HEADER_LEN;
/** The group bit in a MAC's first word, and in the second word for the source MAC. */
const GROUP = 1 << 24;
const SOURCE_GROUP = 1 << 8;
const UPPER = 0xffff << 16;
/** The last three bytes of the fixed part: EtherType, version and header length. */
const PLAIN_IPV4 = (EtherType.Ipv4 << 8) | VERSION_4_IHL_5;
const ANY_FRAGMENT = 0x3fff;

// Offsets in the frame of the words that are read. The IP header follows 14 bytes, so its fields straddle words.
const MACS = 4;
const SOURCE_END = 8;
const TYPE = 12;
const TOTAL_LENGTH = 16;
const FRAGMENT_TTL_PROTOCOL = 20;
const SOURCE = 26;
const DESTINATION = 30;
const PORTS = 34;
const UDP_LENGTH = 38;
const TCP_DATA_OFFSET = 46;

/** Forwards runs of plain frames. */
export class PlainForward {
  readonly #tables: NodeTables;
  readonly #forwarding: ForwardingTable;
  readonly #pathMtu: PathMtu;

  constructor(tables: NodeTables, pathMtu: PathMtu) {
    this.#tables = tables;
    this.#forwarding = tables.forwarding;
    this.#pathMtu = pathMtu;
  }

  /**
   * Sets `node`, `flow`, `tos` and `ttl` of the frames from index `from` on, up to the first that isn't plain.
   * @param batch frames with their `network`
   * @param now seconds, for the ageing of learned entries
   * @returns the index of the frame that isn't plain, or the batch's count
   */
  run(batch: PacketBatch, from: number, now: number): number {
    const { start, end, network, node, flow, tos, ttl, segment, count } = batch;
    const view = viewOf(batch.arena.bytes);
    const { vni } = this.#tables.columns;
    const here = this.#tables.node;
    const forwarding = this.#forwarding;
    const pathMtu = this.#pathMtu;
    const key = flowKey();
    // Consecutive frames tend to have one source.
    let knownNetwork = -1;
    let knownHigh = 0;
    let knownLow = 0;
    let i = from;
    for (; i < count; i++) {
      const frame = start[i];
      const length = end[i] - frame;
      const index = network[i];
      if (length < SHORTEST || index < 0 || segment[i] !== 0) break;
      const destination = view.getInt32(frame);
      const middle = view.getInt32(frame + MACS);
      const rest = view.getInt32(frame + SOURCE_END);
      const type = view.getInt32(frame + TYPE);
      const high = (middle << 16) | (rest >>> 16);
      const low = rest << 16;
      if ((destination & GROUP) !== 0 || type >>> 8 !== PLAIN_IPV4) break;
      const id = vni[index];
      if (index !== knownNetwork || high !== knownHigh || low !== knownLow) {
        if ((middle & SOURCE_GROUP) !== 0 || (high | low) === 0) break;
        if (!forwarding.findWords(id, high, low, now) || forwarding.kind !== TargetKind.Local) break;
        knownNetwork = index;
        knownHigh = high;
        knownLow = low;
      }
      const fields = view.getInt32(frame + FRAGMENT_TTL_PROTOCOL);
      const protocol = fields & 0xff;
      const total = view.getUint16(frame + TOTAL_LENGTH);
      if (((fields >>> 16) & ANY_FRAGMENT) !== 0 || total > length - ETHERNET_HEADER_LEN) break;
      if (protocol === IpProtocol.Udp) {
        const udpLength = view.getUint16(frame + UDP_LENGTH);
        if (udpLength < UDP_HEADER_LEN || udpLength + IPV4_HEADER_LEN > total) break;
      } else {
        if (protocol !== IpProtocol.Tcp || total < IPV4_HEADER_LEN + TCP_HEADER_LEN) break;
        const headerLength = (view.getUint8(frame + TCP_DATA_OFFSET) >>> 4) * 4;
        if (headerLength < TCP_HEADER_LEN || headerLength + IPV4_HEADER_LEN > total) break;
      }
      if (!forwarding.findWords(id, destination, middle & UPPER, now) || forwarding.kind !== TargetKind.Vtep) break;
      const { target } = forwarding;
      if (target === here || length - ETHERNET_HEADER_LEN > pathMtu.inner(index, target)) break;
      const ports = view.getInt32(frame + PORTS);
      node[i] = target;
      flow[i] = hashFlow4(key, ports, protocol, view.getInt32(frame + SOURCE), view.getInt32(frame + DESTINATION));
      tos[i] = type;
      ttl[i] = fields >>> 8;
    }
    return i;
  }
}
