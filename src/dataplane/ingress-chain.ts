/**
 * A packet's way into a node:
 *
 *     wire -> Reassemble -> Open (ESP) -> Decap -> Deliver -> container frame
 *                   +-------------------->
 *
 * Nothing is lost in silence (`accounting`).
 */
import type { Aead } from '../aead/aead.js';
import type { ReassemblerOptions } from '../fragment/index.js';
import { InboundEsp } from '../ipsec/index.js';
import { type Arena, PacketBatch } from '../memory/index.js';
import type { ForwardingTable, NodeSas, NodeTables, PathMtu } from '../overlay/index.js';
import type { VxlanReserved } from '../wire/index.js';
import { Decap } from './decap.js';
import { Deliver } from './deliver.js';
import { DropCounters } from './drop-counters.js';
import type { BatchSink } from './egress-chain.js';
import { Open } from './open.js';
import { PathMtuDiscovery } from './path-mtu-discovery.js';
import { PacketKind, Reassemble } from './reassemble.js';

/** How a node receives. */
export interface IngressChainOptions {
  /** The cipher and the SAs; ESP is dropped without. */
  readonly aead?: Aead;
  readonly sas?: NodeSas;
  /** What to do with reserved VXLAN bits; as Linux does (refuse) if not said. */
  readonly reserved?: VxlanReserved;
  /**
   * Whether packets may come from addresses that are no node's VTEP.
   * @default what the topology says, which is false if it says nothing
   */
  readonly acceptUnknownVteps?: boolean;
  readonly reassembly?: ReassemblerOptions;
  /** What the node's egress goes by (`EgressChain.pathMtu`): ICMP about its packets is put there. */
  readonly pathMtu?: PathMtu;
}

/** packets - reassembledFragments + reassembled + copies = delivered + dropped + held. */
export interface IngressAccounting {
  readonly packets: number;
  /** Fragments that were put together, and the packets that they gave. */
  readonly reassembledFragments: number;
  readonly reassembled: number;
  /** Copies of frames for groups. */
  readonly copies: number;
  readonly delivered: number;
  readonly dropped: number;
  readonly held: number;
}

/** Slots of the forwarding table that are swept for each packet: one cache line's, and a packet adds one entry at most. */
const SWEPT_SLOTS = 4;

/** The ingress of one node. */
export class IngressChain {
  /** Packets that came in. */
  packets = 0;
  /** Frames that were delivered, copies for groups included. */
  delivered = 0;
  readonly reassemble: Reassemble;
  readonly open: Open;
  readonly deliver: Deliver;
  readonly discovery: PathMtuDiscovery | undefined;

  readonly #drops = new DropCounters();
  readonly #decap: Decap;
  readonly #forwarding: ForwardingTable;
  readonly #sink: BatchSink;
  readonly #sealed: PacketBatch;
  readonly #clear: PacketBatch;
  readonly #frames: PacketBatch;
  readonly #handOver: BatchSink;
  #now = 0;

  /** @param sink frames for endpoints of this node: `peer` is the endpoint */
  constructor(tables: NodeTables, arena: Arena, sink: BatchSink, options: IngressChainOptions = {}) {
    const { aead, sas, reserved, reassembly, pathMtu } = options;
    this.#forwarding = tables.forwarding;
    this.#sink = sink;
    this.#sealed = new PacketBatch(arena);
    this.#clear = new PacketBatch(arena);
    this.#frames = new PacketBatch(arena);
    this.#handOver = (batch) => this.#hand(batch);
    this.discovery = pathMtu === undefined ? undefined : new PathMtuDiscovery(tables, pathMtu, sas);
    const outputs = {
      sealed: this.#sealed,
      clear: this.#clear,
      overflow: (batch: PacketBatch) => this.#receive(batch, batch === this.#sealed, this.#now),
      ...(this.discovery === undefined ? {} : { discovery: this.discovery }),
    };
    this.reassemble = new Reassemble(tables, tables.here, this.#drops, outputs, reassembly);
    const keyed = aead !== undefined && sas !== undefined;
    const { capacity } = this.#sealed;
    this.open = new Open(this.#drops, keyed ? new InboundEsp(aead, sas.inbound, undefined, capacity) : undefined);
    this.#decap = new Decap(tables, this.#drops, reserved, options.acceptUnknownVteps);
    this.deliver = new Deliver(tables, this.#drops);
  }

  /** What came in and what became of it; both sides are the same. */
  get accounting(): IngressAccounting {
    const { reassembler } = this.reassemble;
    return {
      packets: this.packets,
      reassembledFragments: reassembler.reassembledFragments,
      reassembled: reassembler.datagrams,
      copies: this.deliver.copies,
      delivered: this.delivered,
      dropped: this.drops.total,
      held: this.held,
    };
  }

  /** What was dropped so far, fragments included. */
  get drops(): DropCounters {
    const drops = new DropCounters();
    drops.counts.set(this.#drops.counts);
    this.reassemble.addDrops(drops);
    return drops;
  }

  /** Fragments that wait for their rest. */
  get held(): number {
    return this.reassemble.reassembler.heldFragments;
  }

  /**
   * Receives a batch of packets off the wire, and empties it.
   * @param batch Ethernet packets
   * @param now seconds of the caller's clock
   */
  run(batch: PacketBatch, now: number): void {
    this.#now = now;
    this.packets += batch.count;
    this.#forwarding.sweepSome(now, SWEPT_SLOTS * batch.count);
    const kind = this.reassemble.run(batch, now);
    this.#receive(batch, kind === PacketKind.Sealed, now);
    this.#receive(this.#sealed, true, now);
    this.#receive(this.#clear, false, now);
  }

  /**
   * Takes IP packets of one kind through the stages behind `Reassemble`. The time comes as it was handed in: out of a field
   * it would be a bare double, and be made an object anew for each packet that it goes with.
   */
  #receive(batch: PacketBatch, sealed: boolean, now: number): void {
    if (batch.count === 0) return;
    if (sealed) this.open.run(batch, now);
    this.#decap.run(batch, sealed, now);
    this.deliver.run(batch, this.#frames, this.#handOver, now);
    this.#hand(batch);
    this.#hand(this.#frames);
  }

  #hand(batch: PacketBatch): void {
    if (batch.count === 0) return;
    this.delivered += batch.count;
    this.#sink(batch);
    batch.clear();
  }
}
