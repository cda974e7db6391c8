/**
 * The first stage of the way out: where does a frame go? Sources are checked, neighbour questions answered, the MAC looked
 * up, and what doesn't fit answered or cut. Each frame ends in one of the batches behind, or is dropped and counted.
 */
import { Fragmenter, FragmentError } from '../fragment/index.js';
import { NO_SLOT, PacketBatch } from '../memory/index.js';
import { viewOf } from '../memory/view.js';
import { type ForwardingTable, type NodeTables, type PathMtu, TargetKind } from '../overlay/index.js';
import { ETHERNET_HEADER_LEN, HeaderError, ipv4Layout, Ipv4View, Ipv6View, Layers } from '../wire/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason } from './drop-reason.js';
import { flowHash } from './flow-hash.js';
import { IcmpRate, type IcmpRateOptions } from './icmp-rate.js';
import { clampMss } from './mss-clamp.js';
import { NeighbourReply, NeighbourVerdict } from './neighbour-reply.js';
import { isAnswerable, PacketTooBig } from './packet-too-big.js';

/**
 * What becomes of inner packets that don't fit the path. IPv6 of up to 1280 bytes is always sent, in outer fragments where
 * need be: hosts don't make their packets smaller than that (RFC 8200 section 5, RFC 2473 section 7.1).
 */
export const Oversize = {
  /** The sender is told (DF, IPv6), or the packet is cut inside (IPv4 without DF): a VTEP doesn't fragment (RFC 7348). */
  Inside: 'inside',
  /** They go on; the outer packet is cut. */
  Outside: 'outside',
  /** They are dropped, and nobody is told. */
  Drop: 'drop',
} as const;
export type Oversize = (typeof Oversize)[keyof typeof Oversize];

/** How frames are forwarded. */
export interface ForwardOptions {
  readonly oversize: Oversize;
  /** Whether TCP's maximum segment size is lowered to what fits. */
  readonly clampMss: boolean;
  /** Whether frames must come from endpoints of this node. */
  readonly rejectForeignSources: boolean;
  /** How often an endpoint is sent ICMP about its packets. */
  readonly icmpRate?: IcmpRateOptions;
}

/** Where frames go from here. A full batch is handed on by `overflow`, and empty then, before more is put in. */
export interface ForwardOutputs {
  /** To other nodes, as those that stay in the batch: what more than one packet was made of, and what came behind it. */
  readonly tunnelled: PacketBatch;
  /** To endpoints of this node; an `endpoint` of -1 is all of the network. */
  readonly local: PacketBatch;
  /** Answers made here, to the endpoint that asked. */
  readonly answers: PacketBatch;
  /** Hands a full batch on and empties it. */
  readonly overflow: (batch: PacketBatch) => void;
}

const IPV4_TOS = ipv4Layout.bitsOf('dscp').offset;
const IPV4_TTL = ipv4Layout.offsetOf('ttl');
/** The bit of a MAC's first word that says that it is a group's. */
const GROUP = 1 << 24;
const UPPER = 0xffff << 16;
/** What every link of IPv6 carries (RFC 8200 section 5). */
const MIN_IPV6_MTU = 1280;

/** Forwards frames of local endpoints. */
export class Forward {
  /** Answers that were made: ICMP, ARP and ND. */
  answers = 0;
  /** Copies that were made to flood a frame, and fragments that were made of packets beyond the packets themselves. */
  copies = 0;
  readonly #tables: NodeTables;
  readonly #forwarding: ForwardingTable;
  /** This node's place. */
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
  readonly #copy: PacketBatch;
  readonly #ipv4 = new Ipv4View();
  readonly #ipv6 = new Ipv6View();
  /** Packets of the batch that stay in it so far, and whether further ones don't. */
  #kept = 0;
  #spilling = false;
  #tos = 0;
  #ttl = 0;
  /** Whether a frame is being flooded, and whether ICMP about it was made already: its copies are of one packet. */
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
  }

  /**
   * Forwards a batch of frames. Those for other nodes stay in it: `node`, `flow`, `tos` and `ttl` are
   * set. They are to go before those in `tunnelled`, so that flows keep their order.
   * @param batch frames with their `network`
   * @param now seconds of the caller's clock
   */
  run(batch: PacketBatch, now: number): void {
    const { count } = batch;
    this.#kept = 0;
    this.#spilling = false;
    this.#now = now;
    for (let i = 0; i < count; i++) if (this.#one(batch, i, now)) batch.move(i, this.#kept++);
    batch.count = this.#kept;
  }

  /** Forgets what was sent to an endpoint whose index another one has now. */
  renewEndpoint(endpoint: number): void {
    this.#icmpRate.renew(endpoint);
  }

  /** From here on packets go into `tunnelled`, since one makes several; those before go first. */
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
    // Both MACs, 12 bytes: the destination's 6, the source's 6.
    const view = viewOf(bytes);
    const destination = view.getInt32(start);
    const middle = view.getInt32(start + 4);
    const rest = view.getInt32(start + 8);
    const source = (middle << 16) | (rest >>> 16);
    if ((middle & (GROUP >>> 16)) !== 0 || (source | (rest << 16)) === 0)
      return this.#drop(batch, i, DropReason.InvalidSource);
    const home = forwarding.findWords(vni, source, rest << 16, now) && forwarding.kind === TargetKind.Local;
    const asker = home ? forwarding.target : -1;
    if (!home && this.#options.rejectForeignSources) return this.#drop(batch, i, DropReason.ForeignSource);
    const inner = this.#inner;
    const headerError = inner.walkEthernet(bytes, start, end);
    // IPv4 is no question about a neighbour.
    if (headerError === HeaderError.None && inner.family !== 4 && columns.learning[index] === 0) {
      const verdict = this.#neighbours.answer(vni, bytes, start, end, inner);
      if (verdict !== NeighbourVerdict.Other) {
        return this.#neighbour(batch, i, verdict, asker);
      }
    }
    if ((destination & GROUP) === 0 && forwarding.findWords(vni, destination, middle & UPPER, now)) {
      const { target } = forwarding;
      if (forwarding.kind === TargetKind.Local) {
        if (target === asker) return this.#drop(batch, i, DropReason.Loop);
        return this.#put(this.#outputs.local, batch, i, start, end, target);
      }
      if (target === this.#node) return this.#drop(batch, i, DropReason.Loop);
      return this.#tunnel(batch, i, target, asker);
    }
    return this.#flood(batch, i, asker);
  }

  #neighbour(batch: PacketBatch, i: number, verdict: NeighbourVerdict, asker: number): boolean {
    if (verdict === NeighbourVerdict.Answered) {
      // The question is gone; its slot holds the answer.
      this.#drops.add(DropReason.NeighbourAnswered);
      this.answers++;
      return this.#put(this.#outputs.answers, batch, i, batch.start[i], this.#neighbours.end, asker);
    }
    if (verdict === NeighbourVerdict.Unknown) return this.#drop(batch, i, DropReason.NeighbourUnknown);
    const invalid = verdict === NeighbourVerdict.Invalid;
    return this.#drop(batch, i, invalid ? DropReason.NeighbourInvalid : DropReason.NeighbourAnswered);
  }

  /** Sends a frame to one node, if it fits. */
  #tunnel(batch: PacketBatch, i: number, node: number, asker: number): boolean {
    const inner = this.#inner;
    const { bytes } = batch.arena;
    const start = batch.start[i];
    const index = batch.network[i];
    const mtu = this.#pathMtu.inner(index, node);
    const ip = inner.headerError === HeaderError.None && inner.family !== 0;
    if (ip && this.#options.clampMss) clampMss(bytes, inner, mtu);
    if (batch.end[i] - start - ETHERNET_HEADER_LEN > mtu && this.#options.oversize !== Oversize.Outside) {
      return this.#tooLong(batch, i, node, mtu, asker);
    }
    return this.#send(batch, i, node);
  }

  /** A frame that takes outer fragments to reach a node. */
  #tooLong(batch: PacketBatch, i: number, node: number, mtu: number, asker: number): boolean {
    const inner = this.#inner;
    const { bytes } = batch.arena;
    const start = batch.start[i];
    const { family, networkOffset, networkEnd } = inner;
    const length = networkEnd - networkOffset;
    if (family === 6 && length <= MIN_IPV6_MTU) return this.#send(batch, i, node);
    // VLAN tags take of the room. What is too long by the bytes after the packet alone, smaller packets don't mend.
    const room = mtu - (networkOffset - start - ETHERNET_HEADER_LEN);
    const inside =
      inner.headerError === HeaderError.None &&
      family !== 0 &&
      length > room &&
      this.#options.oversize === Oversize.Inside;
    if (inside && !this.#mustNotFragment(bytes)) return this.#cut(batch, i, node, room);
    // RFC 1122 section 3.2.2: no ICMP error about what went to a group.
    if (inside && (bytes[start] & 1) === 0 && isAnswerable(bytes, inner)) {
      return this.#answerTooBig(batch, i, family === 6 ? Math.max(room, MIN_IPV6_MTU) : room, asker);
    }
    return this.#drop(batch, i, DropReason.PacketTooBig);
  }

  #send(batch: PacketBatch, i: number, node: number): boolean {
    if (this.#spilling) {
      this.#putTunnelled(batch.slot[i], batch.start[i], batch.end[i], batch.network[i], node);
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

  /** What the outer header takes over of the packet that was walked. */
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

  #putTunnelled(slot: number, start: number, end: number, network: number, node: number): void {
    const { tunnelled, overflow } = this.#outputs;
    const { bytes } = tunnelled.arena;
    this.#describe(bytes);
    if (tunnelled.full) overflow(tunnelled);
    tunnelled.push(slot, start, end, network, node, flowHash(bytes, start, this.#inner), this.#tos, this.#ttl);
  }

  #mustNotFragment(bytes: Uint8Array): boolean {
    return this.#inner.family === 6 || this.#ipv4.wrap(bytes, this.#inner.networkOffset).dontFragment;
  }

  #answerTooBig(batch: PacketBatch, i: number, mtu: number, asker: number): boolean {
    if (this.#flooding && this.#answered) return this.#drop(batch, i, DropReason.PacketTooBig);
    this.#answered = true;
    if (!this.#icmpRate.take(asker, this.#now)) return this.#drop(batch, i, DropReason.PacketTooBigRateLimited);
    this.#drops.add(DropReason.PacketTooBig);
    this.answers++;
    const tooBig = this.#tooBig;
    tooBig.answer(batch.arena.bytes, batch.start[i], this.#inner, mtu);
    return this.#put(this.#outputs.answers, batch, i, tooBig.start, tooBig.end, asker);
  }

  /** Cuts the IPv4 packet of a frame; each fragment gets a slot and the frame's Ethernet header. */
  #cut(batch: PacketBatch, i: number, node: number, mtu: number): boolean {
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
      this.#putTunnelled(slot, to, to + link + length, index, node);
    }
    arena.free(batch.slot[i]);
    return false;
  }

  #flood(batch: PacketBatch, i: number, asker: number): boolean {
    const { arena } = batch;
    const index = batch.network[i];
    const nodes = this.#tables.flood[index];
    const group = (arena.bytes[batch.start[i]] & 1) !== 0;
    if (nodes.length === 0) {
      if (!group) return this.#drop(batch, i, DropReason.NoRemote);
      if (!this.#hasOthers(index, asker)) return this.#drop(batch, i, DropReason.NoTarget);
    }
    const copies = group ? nodes.length : nodes.length - 1;
    if (copies > 0) this.#spill(batch);
    this.#flooding = true;
    this.#answered = false;
    for (let n = 0; n < copies; n++) this.#copyTo(batch, i, nodes[n], asker);
    if (group) {
      this.#flooding = false;
      // The bridge gives a group's frame to every endpoint of the node, too.
      return this.#put(this.#outputs.local, batch, i, batch.start[i], batch.end[i], -1);
    }
    // The last node gets the frame itself.
    this.#inner.walkEthernet(arena.bytes, batch.start[i], batch.end[i]);
    const stays = this.#tunnel(batch, i, nodes[copies], asker);
    this.#flooding = false;
    return stays;
  }

  /** Whether this node has endpoints of a network but the one that sends. */
  #hasOthers(index: number, asker: number): boolean {
    const here = this.#columns.local[index].length;
    return asker >= 0 ? here > 1 : here > 0;
  }

  /** Head-end replication: a copy of the frame for each node. */
  #copyTo(batch: PacketBatch, i: number, node: number, asker: number): void {
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
    this.#tunnel(copy, 0, node, asker);
  }

  /** Puts a packet into a batch behind: it doesn't stay. */
  #put(output: PacketBatch, batch: PacketBatch, i: number, start: number, end: number, endpoint: number): boolean {
    if (output.full) this.#outputs.overflow(output);
    const at = output.push(batch.slot[i], start, end, batch.network[i]);
    output.endpoint[at] = endpoint;
    return false;
  }

  #drop(batch: PacketBatch, i: number, reason: DropReason): boolean {
    this.#drops.add(reason);
    batch.arena.free(batch.slot[i]);
    return false;
  }
}
