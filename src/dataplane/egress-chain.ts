/**
 * A node's egress path:
 *
 *     container frame -> Forward -> Encap -> Seal -> Fragment -> IP packet on the underlay
 *                           |         +-> UDP payload for a socket, if it is clear and fits its path
 *                           |-> another local endpoint
 *                           +-> a reply to the sender (ARP, ND, ICMP)
 *
 * No silent drops (`accounting`): frames + copies + replies made = sent + local + replies + dropped, where outer
 * fragments count as the one packet they came from, and a frame that is yet to be segmented as its segments.
 */
import type { Aead } from '../aead/portable.js';
import { type Arena, NO_SLOT, PacketBatch } from '../memory/index.js';
import { checkSeconds } from '../memory/internal.js';
import { type NodeSas, type NodeTables, PathMtu } from '../overlay/index.js';
import { DropCounters } from './drop-counters.js';
import { DropReason } from './drop-reason.js';
import { Encap } from './encap.js';
import { Forward, Oversize } from './forward.js';
import { Fragment } from './fragment.js';
import type { IcmpRateOptions } from './icmp-rate.js';
import { Identifications } from './identifications.js';
import type { PeerMarks } from './peer-marks.js';
import { Seal } from './seal.js';
import { Segments } from './segments.js';
import type { TunnelOptions } from './tunnel.js';

/** The longest IP packet that a socket sends in bytes. */
const MAX_PACKET = 0xffff;

/** Receives a batch that a chain emits. Its packets are valid until the call returns; then their slots are freed. */
export type BatchSink = (batch: PacketBatch) => void;

/** Options of a node's egress. */
export interface EgressOptions extends Omit<TunnelOptions, 'port'> {
  /**
   * How inner packets that don't fit are handled.
   * @default 'inside'
   */
  readonly oversize?: Oversize;
  /**
   * Whether the TCP MSS is clamped to what fits.
   * @default false
   */
  readonly clampMss?: boolean;
  /**
   * Whether frames must come from endpoints of this node.
   * @default true
   */
  readonly rejectForeignSources?: boolean;
  /**
   * Rate limit of ICMP errors per endpoint.
   * @default 1000 per second, in bursts of 50
   */
  readonly icmpRate?: IcmpRateOptions;
  /**
   * Whether outer packets above the path MTU are sent whole, for an underlay whose kernel fragments them: a UDP socket.
   * @default false
   */
  readonly kernelFragments?: boolean;
  /**
   * Fills an array with random bytes, for the initial IP identifications of outer packets (`Identifications`). Chains
   * that share an address must start differently; pass a seeded source for reproducible runs.
   * @default the platform's cryptographic source
   */
  readonly random?: (bytes: Uint8Array) => void;
  /** The cipher; without it, frames of encrypted networks are dropped. */
  readonly aead?: Aead;
  /** The SAs; without them, frames of encrypted networks are dropped. */
  readonly sas?: NodeSas;
}

/** Destinations of a chain's packets. */
export interface EgressSinks {
  /** IP packets for the underlay, each for its `node`. The sink writes the link-layer header, if there is one. */
  readonly wire: BatchSink;
  /**
   * Packets of clear networks that fit their path, as UDP payloads from the VXLAN header on, for sockets whose kernel
   * writes the outer headers: each for its `node`, with the outer `tos` and with its `flow`. The socket chooses TTL,
   * source port and checksum, whatever the options say. Frames that are yet to be segmented (`PacketBatch.segment`) are
   * allowed on egress only with it, and are passed as such. Of a flow whose packets take both sinks, each batch's
   * datagrams come first, and they are never later than a packet for `wire` of the same batch.
   * @default these packets go to `wire` too
   */
  readonly datagrams?: BatchSink;
  /**
   * Frames for other endpoints of this node; `endpoint` -1 means all endpoints of the network. Without it they are
   * counted as local and discarded.
   */
  readonly local?: BatchSink;
  /** Replies to endpoints of this node. Without it they are counted as replies and discarded. */
  readonly replies?: BatchSink;
}

/** frames + copies + repliesMade = sent + local + replies + dropped. */
export interface EgressAccounting {
  /** Frames received. */
  readonly frames: number;
  /** Copies of flooded frames, and inner fragments beyond the first of each frame. */
  readonly copies: number;
  /** Replies made: ARP, ND, ICMP. */
  readonly repliesMade: number;
  /** Packets sent on the wire; outer fragments count as the one packet they came from. */
  readonly sent: number;
  /** Frames for endpoints of this node. */
  readonly local: number;
  /** Replies returned to endpoints. */
  readonly replies: number;
  /** Drops of all reasons. */
  readonly dropped: number;
}

/**
 * The egress of one node. Follows changes of its tables (`NodeTables.apply`).
 * @example
 * import { readFileSync } from 'node:fs';
 * import { EgressChain } from 'vtep/dataplane';
 * import { Arena, PacketBatch } from 'vtep/memory';
 * import { NodeTables } from 'vtep/overlay';
 * import { parseConfig } from 'vtep/overlay/files';
 *
 * const tables = new NodeTables(parseConfig(readFileSync('overlay.yaml', 'utf8')), 'node1');
 * const arena = new Arena();
 * const egress = new EgressChain(tables, arena, {
 *   wire: ({ count, start, end, node }) => {
 *     for (let i = 0; i < count; i++) console.log(`${end[i] - start[i]} bytes to node ${node[i]}`);
 *   },
 * });
 * const frames = new PacketBatch(arena);
 * const frame = Buffer.from('02420a00090402420a00090388b5' + '00'.repeat(46), 'hex'); // from c1 to c2
 * frames.copyIn(frame, 0, frame.length, 0); // of the network with index 0
 * egress.run(frames, performance.now() / 1000);
 * console.log(egress.accounting, egress.drops.byName());
 */
export class EgressChain {
  /** Drops by reason. */
  readonly drops = new DropCounters();
  /** Frames received. */
  frames = 0;
  /** Packets sent on the wire, fragments included. */
  wirePackets = 0;
  /** Frames delivered to endpoints of this node. */
  localFrames = 0;
  /** Replies returned to endpoints. */
  replies = 0;
  /** What fits to each node; `IngressChainOptions.pathMtu` updates it from ICMP. */
  readonly pathMtu: PathMtu;
  /** IP identifications of outer packets. */
  readonly identifications: Identifications;
  /** The first stage. */
  readonly forward: Forward;
  /** The stage that encrypts. */
  readonly seal: Seal;
  /** The last stage. */
  readonly fragment: Fragment;

  readonly #columns: NodeTables['columns'];
  readonly #whole: boolean;
  readonly #encap: Encap;
  readonly #sinks: EgressSinks;
  readonly #tunnelled: PacketBatch;
  readonly #local: PacketBatch;
  readonly #replies: PacketBatch;
  readonly #wire: PacketBatch;
  readonly #datagrams: PacketBatch;
  readonly #segmented: PacketBatch;
  readonly #segments = new Segments();
  readonly #overflow: BatchSink;
  #now = 0;

  constructor(tables: NodeTables, arena: Arena, sinks: EgressSinks, options: EgressOptions = {}) {
    const { oversize = Oversize.Inside, clampMss = false, rejectForeignSources = true, icmpRate, aead, sas } = options;
    const { node } = tables;
    this.pathMtu = new PathMtu(tables, node);
    this.#columns = tables.columns;
    this.#whole = options.kernelFragments ?? false;
    this.#sinks = sinks;
    this.#tunnelled = new PacketBatch(arena);
    this.#local = new PacketBatch(arena);
    this.#replies = new PacketBatch(arena);
    this.#wire = new PacketBatch(arena);
    this.#datagrams = new PacketBatch(arena);
    this.#segmented = new PacketBatch(arena);
    this.#overflow = (batch) => this.#send(batch);
    const outputs = {
      tunnelled: this.#tunnelled,
      local: this.#local,
      replies: this.#replies,
      overflow: this.#overflow,
    };
    const forwarding = { oversize, clampMss, rejectForeignSources, ...(icmpRate === undefined ? {} : { icmpRate }) };
    this.forward = new Forward(tables, this.pathMtu, this.drops, outputs, forwarding);
    this.identifications = new Identifications(tables.nodes.length, options.random);
    this.#encap = new Encap(tables, this.drops, this.identifications, options);
    this.seal = new Seal(tables, this.drops, aead, sas);
    this.fragment = new Fragment(this.pathMtu, this.drops, this.identifications);
    tables.watch({
      node: (index, another) => this.#updateNode(index, another, tables.nodes[index] !== undefined),
      network: (index) => this.pathMtu.updateNetwork(index),
      endpoint: (index, another) => {
        if (another) this.forward.renewEndpoint(index);
      },
    });
  }

  /**
   * Sends a batch of frames and empties it.
   * @param batch container frames, with their `network`
   * @param nowSeconds the caller's clock, in seconds
   * @throws MemoryError `BAD_TIME` for milliseconds
   */
  run(batch: PacketBatch, nowSeconds: number): void {
    checkSeconds(nowSeconds);
    this.#now = nowSeconds;
    this.frames += this.#packetsIn(batch);
    this.pathMtu.expire(nowSeconds);
    this.forward.run(batch, nowSeconds);
    this.#send(batch);
    this.#send(this.#tunnelled);
    this.#send(this.#local);
    this.#send(this.#replies);
  }

  /** Counts a frame that was refused on entry. */
  refuse(reason: DropReason): void {
    this.frames++;
    this.drops.add(reason);
  }

  /** The nodes that packets were sent to. */
  get sentTo(): PeerMarks {
    return this.#encap.sentTo;
  }

  /** Input and outcome; both sides are equal. */
  get accounting(): EgressAccounting {
    const { forward, fragment, frames, localFrames, replies, drops } = this;
    return {
      frames,
      copies: forward.copies,
      repliesMade: forward.replies,
      sent: this.wirePackets - fragment.fragments + fragment.fragmented,
      local: localFrames,
      replies,
      dropped: drops.total,
    };
  }

  #updateNode(index: number, another: boolean, exists: boolean): void {
    this.pathMtu.updateNode(index, another);
    if (!another) return;
    this.#encap.updateNode(index);
    if (exists) this.identifications.renew(index);
  }

  /** Passes a batch through the remaining stages to its sink. */
  #send(batch: PacketBatch): void {
    if (batch.count === 0) return;
    if (batch === this.#wire) {
      this.#transmit(batch);
    } else if (batch === this.#local) {
      this.localFrames += this.#packetsIn(batch);
      this.#sinks.local?.(batch);
      batch.clear();
    } else if (batch === this.#replies) {
      this.replies += batch.count;
      this.#sinks.replies?.(batch);
      batch.clear();
    } else {
      if (this.#sinks.datagrams !== undefined) this.#sendAsDatagrams(batch, this.#sinks.datagrams);
      if (batch.count > 0) this.#sendAsPackets(batch);
    }
  }

  /** Passes frames through the remaining stages to `wire`. */
  #sendAsPackets(batch: PacketBatch): void {
    this.#encap.run(batch);
    this.seal.run(batch, this.#now);
    if (this.#whole || this.fragment.fits(batch)) {
      this.#transmit(batch);
    } else {
      this.fragment.run(batch, this.#wire, this.#overflow);
      this.#send(this.#wire);
    }
  }

  /** Passes frames of clear networks that fit their path to `datagrams`. The others stay in the batch, segmented. */
  #sendAsDatagrams(batch: PacketBatch, sink: BatchSink): void {
    const { slot, start, end, network, node, flow, tos, ttl, segment } = batch;
    const { encrypted } = this.#columns;
    const datagrams = this.#datagrams;
    const segments = this.#segments;
    let kept = 0;
    let packets = 0;
    let isAnyLarge = false;
    // After a clear packet for `wire`, later ones would overtake it.
    let ordered = true;
    for (let i = 0; i < batch.count; i++) {
      const clear = encrypted[network[i]] === 0;
      if (clear && ordered) {
        segments.look(batch, i);
        const mtu = this.#whole ? MAX_PACKET : Math.min(MAX_PACKET, this.pathMtu.underlay(node[i]));
        ordered = this.#encap.runOne(batch, i, segments.frameBytes, mtu);
        if (ordered) {
          if (datagrams.full) this.#passDatagrams(sink);
          packets += segments.count;
          const at = datagrams.push(slot[i], start[i], end[i], network[i], node[i], flow[i], tos[i], ttl[i]);
          datagrams.segment[at] = segment[i];
          continue;
        }
      }
      if (segment[i] !== 0) isAnyLarge = true;
      batch.move(i, kept++);
    }
    batch.count = kept;
    this.wirePackets += packets;
    this.#passDatagrams(sink);
    if (isAnyLarge) this.#segmentAll(batch);
  }

  #passDatagrams(sink: BatchSink): void {
    const datagrams = this.#datagrams;
    if (datagrams.count === 0) return;
    sink(datagrams);
    datagrams.clear();
  }

  /** Passes a batch on as ordinary frames, and empties it. */
  #segmentAll(batch: PacketBatch): void {
    const { arena } = batch;
    const segments = this.#segments;
    for (let i = 0; i < batch.count; i++) {
      if (batch.segment[i] === 0 || !segments.begin(batch, i)) {
        this.#putSegmented(batch, i, batch.slot[i], batch.start[i], batch.end[i]);
        continue;
      }
      while (segments.pending) {
        const slot = segments.next(batch);
        if (slot === NO_SLOT) {
          this.drops.add(DropReason.NoMemory, segments.left);
          break;
        }
        const start = arena.frameOffsetOf(slot);
        this.#putSegmented(batch, i, slot, start, start + segments.frameBytes);
      }
      arena.free(batch.slot[i]);
    }
    batch.count = 0;
    this.#sendAsPackets(this.#segmented);
  }

  #putSegmented(batch: PacketBatch, i: number, slot: number, start: number, end: number): void {
    const output = this.#segmented;
    if (output.full) this.#sendAsPackets(output);
    const { network, node, flow, tos, ttl } = batch;
    output.push(slot, start, end, network[i], node[i], flow[i], tos[i], ttl[i]);
  }

  /** Number of packets in a batch of frames. Without `datagrams`, none is yet to be segmented. */
  #packetsIn(batch: PacketBatch): number {
    return this.#sinks.datagrams === undefined ? batch.count : this.#segments.countIn(batch);
  }

  #transmit(batch: PacketBatch): void {
    if (batch.count === 0) return;
    this.wirePackets += batch.count;
    this.#sinks.wire(batch);
    batch.clear();
  }
}
