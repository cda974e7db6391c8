/**
 * The first stage of egress: picks each frame's destination. Checks the source, answers neighbour requests, looks up
 * the MAC, and answers or fragments what doesn't fit. Each frame ends in an output batch or is dropped and counted.
 */
import { Fragmenter, FragmentError } from '../fragment/index.js';
import { NO_SLOT, PacketBatch } from '../memory/index.js';
import { viewOf } from '../memory/internal.js';
import { type ForwardingTable, type NodeTables, type PathMtu, TargetKind } from '../overlay/index.js';
import { ETHERNET_HEADER_LEN, HeaderError, ipv4Layout, Ipv4View, Ipv6View, Layers } from '../wire/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason } from './drop-reason.js';
import { flowHash } from './flow-hash.js';
import { IcmpRate, type IcmpRateOptions } from './icmp-rate.js';
import { clampMss } from './mss-clamp.js';
import { NeighbourReply, NeighbourVerdict } from './neighbour-reply.js';
import { isAnswerable, PacketTooBig } from './packet-too-big.js';
import { PlainForward } from './plain/plain-forward.js';
import { Segments } from './segments.js';

/**
 * How inner packets that exceed the path MTU are handled. IPv6 of up to 1280 bytes is always sent, in outer fragments
 * if necessary: hosts don't shrink packets below that (RFC 8200 section 5, RFC 2473 section 7.1).
 */
export const Oversize = {
  /** Sends an ICMP error (DF, IPv6), or fragments the inner packet (IPv4 without DF): a VTEP must not fragment (RFC 7348). */
  Inside: 'inside',
  /** Forwards them; the outer packet is fragmented. */
  Outside: 'outside',
  /** Drops them without an ICMP error. */
  Drop: 'drop',
} as const;
export type Oversize = (typeof Oversize)[keyof typeof Oversize];

/** Forwarding options. */
export interface ForwardOptions {
  readonly oversize: Oversize;
  /** Whether the TCP MSS is clamped to what fits. */
  readonly clampMss: boolean;
  /** Whether frames must come from endpoints of this node. */
  readonly rejectForeignSources: boolean;
  /** Rate limit of ICMP errors per endpoint. */
  readonly icmpRate?: IcmpRateOptions;
}

/** Output batches. A full batch goes to `overflow`, which empties it, before more is added. */
export interface ForwardOutputs {
  /**
   * To other nodes, like those kept in the batch: packets split into several, and everything after the first of them.
   */
  readonly tunnelled: PacketBatch;
  /** To endpoints of this node; `endpoint` -1 means all endpoints of the network. */
  readonly local: PacketBatch;
  /** Replies generated here, to the requesting endpoint. */
  readonly replies: PacketBatch;
  /** Passes on a full batch and empties it. */
  readonly overflow: (batch: PacketBatch) => void;
}

const IPV4_TOS = ipv4Layout.bitsOf('dscp').offset;
const IPV4_TTL = ipv4Layout.offsetOf('ttl');
/** The group bit in the first word of a MAC. */
const GROUP = 1 << 24;
const UPPER = 0xffff << 16;
/** Minimum link MTU of IPv6 (RFC 8200 section 5). */
const MIN_IPV6_MTU = 1280;

/** Forwards frames of local endpoints. */
export class Forward {
  /** Replies generated: ICMP, ARP and ND. */
  replies = 0;
  /** Copies of flooded frames, and fragments beyond the first of each packet. */
  copies = 0;
  readonly #tables: NodeTables;
  readonly #forwarding: ForwardingTable;
  /** Index of this node. */
  readonly #node: number;
  readonly #columns: NodeTables['columns'];
  readonly #pathMtu: PathMtu;
  readonly #options: ForwardOptions;
  readonly #outputs: ForwardOutputs;
  readonly #drops: DropCounters;
  readonly #inner = new Layers();
  readonly #neighbours: NeighbourReply;
  readonly #tooBig = new PacketTooBig();
  readonly #icmpRate: IcmpRate;
  readonly #fragmenter = new Fragmenter();
  /** Undefined where every packet must be parsed. */
  readonly #plain: PlainForward | undefined;
  readonly #copy: PacketBatch;
  readonly #segments = new Segments();
  readonly #segment: PacketBatch;
  readonly #ipv4 = new Ipv4View();
  readonly #ipv6 = new Ipv6View();
  /** Packets kept in the batch so far, and whether all further ones go to `tunnelled`. */
  #kept = 0;
  #spilling = false;
  #tos = 0;
  #ttl = 0;
  /** Whether a frame is being flooded, and whether it was already answered with ICMP: one error for all its copies. */
  #flooding = false;
  #answered = false;
  #now = 0;

  constructor(
    tables: NodeTables,
    pathMtu: PathMtu,
    drops: DropCounters,
    outputs: ForwardOutputs,
    options: ForwardOptions,
  ) {
    this.#tables = tables;
    this.#columns = tables.columns;
    this.#forwarding = tables.forwarding;
    this.#node = tables.node;
    this.#pathMtu = pathMtu;
    this.#drops = drops;
    this.#outputs = outputs;
    this.#options = options;
    this.#neighbours = new NeighbourReply(tables.neighbours);
    this.#icmpRate = new IcmpRate(tables.endpoints.length, options.icmpRate);
    this.#copy = new PacketBatch(outputs.tunnelled.arena, 1);
    this.#segment = new PacketBatch(outputs.tunnelled.arena, 1);
    this.#plain = options.clampMss ? undefined : new PlainForward(tables, pathMtu);
  }

  /**
   * Forwards a batch of frames. Those for other nodes stay in it, with `node`, `flow`, `tos` and `ttl` set. Send them
   * before those in `tunnelled` to preserve flow order.
   * @param batch frames with their `network`
   * @param now seconds of the caller's clock
   */
  run(batch: PacketBatch, now: number): void {
    const { count } = batch;
    this.#kept = 0;
    this.#spilling = false;
    this.#now = now;
    for (let i = 0; i < count; i++) {
      i = this.#plainOnes(batch, i, now);
      if (i < count && this.#one(batch, i, now)) batch.move(i, this.#kept++);
    }
    batch.count = this.#kept;
  }

  /** Forwards the plain frames from an index on. Returns the index of the first other one, or the batch's count. */
  #plainOnes(batch: PacketBatch, from: number, now: number): number {
    if (this.#plain === undefined || this.#spilling) return from;
    const stop = this.#plain.run(batch, from, now);
    this.#kept = batch.moveRun(from, stop, this.#kept);
    return stop;
  }

  /** Resets the ICMP rate limit of an endpoint index that has been reassigned. */
  renewEndpoint(endpoint: number): void {
    this.#icmpRate.renew(endpoint);
  }

  /** Sends all further packets to `tunnelled`, since one becomes several; flushes those kept so far first. */
  #spill(batch: PacketBatch): void {
    if (this.#spilling) return;
    this.#spilling = true;
    if (this.#kept === 0) return;
    batch.count = this.#kept;
    this.#outputs.overflow(batch);
    this.#kept = 0;
  }

  /** Forwards one frame. Returns whether it stays in its batch. */
  #one(batch: PacketBatch, i: number, now: number): boolean {
    const { bytes } = batch.arena;
    const start = batch.start[i];
    const end = batch.end[i];
    const index = batch.network[i];
    if (end - start < ETHERNET_HEADER_LEN) return this.#drop(batch, i, DropReason.PacketTooSmall);
    if (index < 0) return this.#drop(batch, i, DropReason.VxlanVniNotFound);
    const columns = this.#columns;
    const vni = columns.vni[index];
    const forwarding = this.#forwarding;
    // Both MACs, 12 bytes: destination, then source.
    const view = viewOf(bytes);
    const destination = view.getInt32(start);
    const middle = view.getInt32(start + 4);
    const rest = view.getInt32(start + 8);
    const source = (middle << 16) | (rest >>> 16);
    if ((middle & (GROUP >>> 16)) !== 0 || (source | (rest << 16)) === 0)
      return this.#drop(batch, i, DropReason.InvalidSource);
    const home = forwarding.findWords(vni, source, rest << 16, now) && forwarding.kind === TargetKind.Local;
    const sender = home ? forwarding.target : -1;
    if (!home && this.#options.rejectForeignSources) return this.#drop(batch, i, DropReason.ForeignSource);
    const inner = this.#inner;
    const headerError = inner.walkEthernet(bytes, start, end);
    // IPv4 can't be a neighbour request.
    if (headerError === HeaderError.None && inner.family !== 4 && columns.learning[index] === 0) {
      const verdict = this.#neighbours.answer(vni, bytes, start, end, inner);
      const balancer = columns.balancer[index];
      const isFromBalancer = sender >= 0 && sender === balancer;
      // Virtual IPs have no neighbour entries: the node's own load balancer answers for them.
      if (verdict === NeighbourVerdict.Unknown && balancer >= 0 && !isFromBalancer) {
        return this.#put(this.#outputs.local, batch, i, start, end, balancer);
      }
      if (verdict !== NeighbourVerdict.Other && !(verdict === NeighbourVerdict.Consumed && isFromBalancer)) {
        return this.#neighbour(batch, i, verdict, sender);
      }
    }
    if ((destination & GROUP) === 0 && forwarding.findWords(vni, destination, middle & UPPER, now)) {
      const { target } = forwarding;
      if (forwarding.kind === TargetKind.Local) {
        if (target === sender) return this.#drop(batch, i, DropReason.Loop);
        return this.#put(this.#outputs.local, batch, i, start, end, target);
      }
      if (target === this.#node) return this.#drop(batch, i, DropReason.Loop);
      return this.#tunnel(batch, i, target, sender);
    }
    return this.#flood(batch, i, sender);
  }

  #neighbour(batch: PacketBatch, i: number, verdict: NeighbourVerdict, sender: number): boolean {
    if (verdict === NeighbourVerdict.Answered) {
      // The reply overwrites the request in its slot.
      this.#drops.add(DropReason.NeighbourAnswered);
      this.replies++;
      return this.#put(this.#outputs.replies, batch, i, batch.start[i], this.#neighbours.end, sender);
    }
    if (verdict === NeighbourVerdict.Unknown) return this.#drop(batch, i, DropReason.NeighbourUnknown);
    const invalid = verdict === NeighbourVerdict.Invalid;
    return this.#drop(batch, i, invalid ? DropReason.NeighbourInvalid : DropReason.NeighbourAnswered);
  }

  /** Sends a frame to one node if it fits. */
  #tunnel(batch: PacketBatch, i: number, node: number, sender: number): boolean {
    const inner = this.#inner;
    const { bytes } = batch.arena;
    const start = batch.start[i];
    const index = batch.network[i];
    const mtu = this.#pathMtu.inner(index, node);
    const ip = inner.headerError === HeaderError.None && inner.family !== 0;
    if (ip && this.#options.clampMss) clampMss(bytes, inner, mtu);
    let length = batch.end[i] - start;
    if (batch.segment[i] !== 0) {
      this.#segments.look(batch, i);
      length = this.#segments.frameBytes;
    }
    if (length - ETHERNET_HEADER_LEN > mtu && this.#options.oversize !== Oversize.Outside) {
      if (batch.segment[i] !== 0) return this.#forwardSegments(batch, i, node, sender);
      return this.#tooLong(batch, i, node, mtu, sender);
    }
    return this.#send(batch, i, node);
  }

  /**
   * Sends each segment of a frame as an ordinary frame, which may not fit.
   * @param node the node, or -1 to flood them
   */
  #forwardSegments(batch: PacketBatch, i: number, node: number, sender: number): boolean {
    this.#spill(batch);
    const { arena } = batch;
    const segments = this.#segments;
    const segment = this.#segment;
    segments.begin(batch, i);
    while (segments.pending) {
      const slot = segments.next(batch);
      if (slot === NO_SLOT) {
        this.#drops.add(DropReason.NoMemory, segments.left);
        break;
      }
      const start = arena.frameOffsetOf(slot);
      const end = start + segments.frameBytes;
      segment.count = 0;
      segment.push(slot, start, end, batch.network[i]);
      this.#inner.walkEthernet(arena.bytes, start, end);
      if (node < 0) this.#flood(segment, 0, sender);
      else this.#tunnel(segment, 0, node, sender);
    }
    arena.free(batch.slot[i]);
    return false;
  }

  /** Handles a frame that would need outer fragments to reach a node. */
  #tooLong(batch: PacketBatch, i: number, node: number, mtu: number, sender: number): boolean {
    const inner = this.#inner;
    const { bytes } = batch.arena;
    const start = batch.start[i];
    const { family, networkOffset, networkEnd } = inner;
    const length = networkEnd - networkOffset;
    if (family === 6 && length <= MIN_IPV6_MTU) return this.#send(batch, i, node);
    // VLAN tags use some of the room. If only trailing bytes make the frame too long, smaller packets don't help.
    const room = mtu - (networkOffset - start - ETHERNET_HEADER_LEN);
    const inside =
      inner.headerError === HeaderError.None &&
      family !== 0 &&
      length > room &&
      this.#options.oversize === Oversize.Inside;
    if (inside && !this.#mustNotFragment(bytes)) return this.#fragmentInner(batch, i, node, room);
    // RFC 1122 section 3.2.2: no ICMP error about a packet sent to a group.
    if (inside && (bytes[start] & 1) === 0 && isAnswerable(bytes, inner)) {
      return this.#replyTooBig(batch, i, family === 6 ? Math.max(room, MIN_IPV6_MTU) : room, sender);
    }
    return this.#drop(batch, i, DropReason.PacketTooBig);
  }

  #send(batch: PacketBatch, i: number, node: number): boolean {
    if (this.#spilling) {
      this.#putTunnelled(batch.slot[i], batch.start[i], batch.end[i], batch.network[i], node, batch.segment[i]);
      return false;
    }
    const { bytes } = batch.arena;
    this.#describe(bytes);
    batch.node[i] = node;
    batch.flow[i] = flowHash(bytes, batch.start[i], this.#inner);
    batch.tos[i] = this.#tos;
    batch.ttl[i] = this.#ttl;
    return true;
  }

  /** Reads the fields that the outer header inherits from the parsed packet. */
  #describe(bytes: Uint8Array): void {
    const inner = this.#inner;
    const { family, networkOffset } = inner;
    if (inner.headerError !== HeaderError.None || family === 0) {
      this.#tos = 0;
      this.#ttl = 0;
    } else if (family === 4) {
      this.#tos = bytes[networkOffset + IPV4_TOS];
      this.#ttl = bytes[networkOffset + IPV4_TTL];
    } else {
      const header = this.#ipv6.wrap(bytes, networkOffset);
      this.#tos = header.trafficClass;
      this.#ttl = header.hopLimit;
    }
  }

  #putTunnelled(slot: number, start: number, end: number, network: number, node: number, segment: number): void {
    const { tunnelled, overflow } = this.#outputs;
    const { bytes } = tunnelled.arena;
    this.#describe(bytes);
    if (tunnelled.full) overflow(tunnelled);
    const flow = flowHash(bytes, start, this.#inner);
    const at = tunnelled.push(slot, start, end, network, node, flow, this.#tos, this.#ttl);
    tunnelled.segment[at] = segment;
  }

  #mustNotFragment(bytes: Uint8Array): boolean {
    return this.#inner.family === 6 || this.#ipv4.wrap(bytes, this.#inner.networkOffset).dontFragment;
  }

  #replyTooBig(batch: PacketBatch, i: number, mtu: number, sender: number): boolean {
    if (this.#flooding && this.#answered) return this.#drop(batch, i, DropReason.PacketTooBig);
    this.#answered = true;
    if (!this.#icmpRate.take(sender, this.#now)) return this.#drop(batch, i, DropReason.PacketTooBigRateLimited);
    this.#drops.add(DropReason.PacketTooBig);
    this.replies++;
    const tooBig = this.#tooBig;
    tooBig.answer(batch.arena.bytes, batch.start[i], this.#inner, mtu);
    return this.#put(this.#outputs.replies, batch, i, tooBig.start, tooBig.end, sender);
  }

  /** Fragments a frame's IPv4 packet; each fragment gets a slot and the frame's Ethernet header. */
  #fragmentInner(batch: PacketBatch, i: number, node: number, mtu: number): boolean {
    const { arena } = batch;
    const { bytes } = arena;
    const inner = this.#inner;
    const start = batch.start[i];
    const link = inner.networkOffset - start;
    const fragmenter = this.#fragmenter;
    const headerError = fragmenter.begin(bytes, inner.networkOffset, inner.networkEnd, mtu);
    if (headerError !== FragmentError.None || fragmenter.count > arena.available) {
      return this.#drop(batch, i, headerError === FragmentError.None ? DropReason.NoMemory : DropReason.PacketTooBig);
    }
    this.#spill(batch);
    const index = batch.network[i];
    this.copies += fragmenter.count - 1;
    for (let left = fragmenter.count; left > 0; left--) {
      const slot = arena.take();
      const to = arena.frameOffsetOf(slot);
      const length = fragmenter.next(bytes, to + link);
      for (let n = 0; n < link; n++) bytes[to + n] = bytes[start + n];
      inner.walkEthernet(bytes, to, to + link + length);
      this.#putTunnelled(slot, to, to + link + length, index, node, 0);
    }
    arena.free(batch.slot[i]);
    return false;
  }

  #flood(batch: PacketBatch, i: number, sender: number): boolean {
    if (batch.segment[i] !== 0) return this.#forwardSegments(batch, i, -1, sender);
    const { arena } = batch;
    const index = batch.network[i];
    const nodes = this.#tables.flood[index];
    const group = (arena.bytes[batch.start[i]] & 1) !== 0;
    if (nodes.length === 0) {
      if (!group) return this.#drop(batch, i, DropReason.NoRemote);
      if (!this.#hasOthers(index, sender)) return this.#drop(batch, i, DropReason.NoTarget);
    }
    const copies = group ? nodes.length : nodes.length - 1;
    if (copies > 0) this.#spill(batch);
    this.#flooding = true;
    this.#answered = false;
    for (let n = 0; n < copies; n++) this.#copyTo(batch, i, nodes[n], sender);
    if (group) {
      this.#flooding = false;
      // Like a bridge, delivers group frames to every local endpoint as well.
      return this.#put(this.#outputs.local, batch, i, batch.start[i], batch.end[i], -1);
    }
    // The last node gets the original frame.
    this.#inner.walkEthernet(arena.bytes, batch.start[i], batch.end[i]);
    const stays = this.#tunnel(batch, i, nodes[copies], sender);
    this.#flooding = false;
    return stays;
  }

  /** Whether this node has endpoints other than the sender in a network. */
  #hasOthers(index: number, sender: number): boolean {
    const here = this.#columns.local[index].length;
    return sender >= 0 ? here > 1 : here > 0;
  }

  /** Head-end replication: sends a copy of the frame to a node. */
  #copyTo(batch: PacketBatch, i: number, node: number, sender: number): void {
    const { arena } = batch;
    const copy = this.#copy;
    const start = batch.start[i];
    const end = batch.end[i];
    this.copies++;
    const slot = arena.take();
    if (slot === NO_SLOT) {
      this.#drops.add(DropReason.NoMemory);
      return;
    }
    const to = arena.frameOffsetOf(slot);
    arena.bytes.copyWithin(to, start, end);
    copy.count = 0;
    copy.push(slot, to, to + end - start, batch.network[i]);
    this.#inner.walkEthernet(arena.bytes, to, to + end - start);
    this.#tunnel(copy, 0, node, sender);
  }

  /** Moves a packet to an output batch. */
  #put(output: PacketBatch, batch: PacketBatch, i: number, start: number, end: number, endpoint: number): boolean {
    if (output.full) this.#outputs.overflow(output);
    const at = output.push(batch.slot[i], start, end, batch.network[i]);
    output.endpoint[at] = endpoint;
    output.segment[at] = batch.segment[i];
    return false;
  }

  #drop(batch: PacketBatch, i: number, reason: DropReason): boolean {
    this.#drops.add(reason, this.#segments.look(batch, i));
    batch.arena.free(batch.slot[i]);
    return false;
  }
}
