/** What goes between two VTEPs, in each direction: frames by network, ESP, gossip. */
import { IpProtocol, type Layers } from '../../wire/index.js';
import type { Occurrence, TunnelOccurrence } from '../evidence/capture.js';
import type { AddressPairs } from './address-pairs.js';
import { EventTable } from './event-table.js';
import { OccurrenceColumns } from './occurrence-columns.js';
import type { PacketStamp } from './packet-stamp.js';

/** UDP and TCP port of a swarm's gossip. */
export const GOSSIP_PORT = 7946;

/** What is counted by direction alone. */
const Kind = { Esp: 0, GossipUdp: 1, GossipTcp: 2 } as const;
const KINDS = 3;

/** Inner transports that are counted. */
const TCP = 0;
const UDP = 1;
const ICMP = 2;
const OTHER = 3;
const TRANSPORTS = 4;
const FIRST_ROWS = 64;

/** Frames of a network from one VTEP to another; `count` is that of frames. */
export interface TunnelFrames extends TunnelOccurrence {
  /** Whether they arrived in ESP. */
  readonly encrypted: boolean;
  /** Frames by inner transport; fragments, ARP and everything else are others. */
  readonly transports: { readonly tcp: number; readonly udp: number; readonly icmp: number; readonly other: number };
  /** Bytes of the largest frame. */
  readonly largest: number;
}

/** What one VTEP sends another besides frames. */
export interface TunnelTraffic {
  readonly source: string;
  readonly destination: string;
  readonly esp: Occurrence;
  readonly gossipUdp: Occurrence;
  readonly gossipTcp: Occurrence;
}

/** Follows the directions between VTEPs, in bounded memory: 4096 directions with networks. */
export class TunnelWatch {
  readonly #pairs: AddressPairs;
  readonly #kinds = new OccurrenceColumns();
  readonly #frames = new EventTable();
  /** The last row of each direction, and the network that it is for: nearly all directions have one network. */
  readonly #lastRow: number[] = [];
  readonly #lastNetwork: number[] = [];
  #transports = new Float64Array(FIRST_ROWS * TRANSPORTS);
  #largest = new Int32Array(FIRST_ROWS);

  /** @param pairs ids of the directions */
  constructor(pairs: AddressPairs) {
    this.#pairs = pairs;
  }

  /** Number of rows of frames. */
  get size(): number {
    return this.#frames.size;
  }

  /** Frames that the full table couldn't list. */
  get unlisted(): number {
    return this.#frames.unlisted;
  }

  /**
   * Counts a frame.
   * @param tunnel id of the direction
   * @param inner layers of the frame
   * @param length bytes of the frame
   */
  addFrame(stamp: PacketStamp, tunnel: number, vni: number, opened: boolean, inner: Layers, length: number): void {
    const network = 2 * vni + (opened ? 1 : 0);
    let row: number;
    if (this.#lastNetwork[tunnel] === network) {
      row = this.#lastRow[tunnel];
      this.#frames.again(row, stamp);
    } else {
      row = this.#frames.add(stamp, tunnel, network);
      if (row < 0) return;
      this.#remember(tunnel, network, row);
    }
    this.#transports[row * TRANSPORTS + transportOf(inner)]++;
    if (length > this.#largest[row]) this.#largest[row] = length;
  }

  /** Counts an ESP packet. */
  addEsp(stamp: PacketStamp, tunnel: number): void {
    this.#kinds.add(tunnel * KINDS + Kind.Esp, stamp);
  }

  /** Counts gossip. */
  addGossip(stamp: PacketStamp, tunnel: number, protocol: number): void {
    this.#kinds.add(tunnel * KINDS + (protocol === IpProtocol.Tcp ? Kind.GossipTcp : Kind.GossipUdp), stamp);
  }

  /** Frames by direction and network. */
  framesReport(): TunnelFrames[] {
    return this.#frames.map((row) => {
      const tunnel = this.#frames.word(row, 0);
      const network = this.#frames.word(row, 1);
      const at = row * TRANSPORTS;
      const [tcp, udp, icmp, other] = this.#transports.subarray(at, at + TRANSPORTS);
      return {
        ...this.#frames.occurrence(row),
        source: this.#pairs.source(tunnel),
        destination: this.#pairs.destination(tunnel),
        vni: network >> 1,
        encrypted: (network & 1) === 1,
        transports: { tcp, udp, icmp, other },
        largest: this.#largest[row],
      };
    });
  }

  /** What else goes between VTEPs, by its first packet; directions that have none of it aren't listed. */
  trafficReport(): TunnelTraffic[] {
    const rows: TunnelTraffic[] = [];
    for (let tunnel = 0; tunnel < this.#pairs.span; tunnel++) {
      const at = tunnel * KINDS;
      const esp = this.#kinds.occurrence(at + Kind.Esp);
      const gossipUdp = this.#kinds.occurrence(at + Kind.GossipUdp);
      const gossipTcp = this.#kinds.occurrence(at + Kind.GossipTcp);
      if (esp.count + gossipUdp.count + gossipTcp.count === 0) continue;
      const source = this.#pairs.source(tunnel);
      rows.push({ source, destination: this.#pairs.destination(tunnel), esp, gossipUdp, gossipTcp });
    }
    return rows.sort((a, b) => firstOf(a) - firstOf(b));
  }

  #remember(tunnel: number, network: number, row: number): void {
    while (this.#lastNetwork.length <= tunnel) {
      this.#lastNetwork.push(-1);
      this.#lastRow.push(-1);
    }
    this.#lastNetwork[tunnel] = network;
    this.#lastRow[tunnel] = row;
    if (row < this.#largest.length) return;
    const largest = new Int32Array(2 * this.#largest.length);
    const transports = new Float64Array(2 * this.#transports.length);
    largest.set(this.#largest);
    transports.set(this.#transports);
    this.#largest = largest;
    this.#transports = transports;
  }
}

/** Number of the first packet. */
function firstOf({ esp, gossipUdp, gossipTcp }: TunnelTraffic): number {
  return Math.min(...[esp, gossipUdp, gossipTcp].flatMap(({ packets }) => packets.slice(0, 1)));
}

function transportOf({ family, isFragment, protocol }: Layers): number {
  return family === 0 || isFragment ? OTHER : transportIndex(protocol);
}

function transportIndex(protocol: number): number {
  if (protocol === IpProtocol.Tcp) return TCP;
  if (protocol === IpProtocol.Udp) return UDP;
  return protocol === IpProtocol.Icmp || protocol === IpProtocol.Icmpv6 ? ICMP : OTHER;
}
