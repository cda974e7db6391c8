/**
 * A packet's way into a node:
 *
 *     IP packet -> Classify -> Open (ESP) -> Classify -> Decap -> Deliver -> container frame
 *                      +--------------------------------->
 *     UDP datagram on the VXLAN port ------------------->
 *
 * Nothing is lost in silence (`accounting`).
 */
import type { Aead } from '../aead/aead.js';
import type { ReassemblerOptions } from '../fragment/index.js';
import { InboundEsp } from '../ipsec/index.js';
import { type Arena, PacketBatch } from '../memory/index.js';
import type { ForwardingTable, NodeSas, NodeTables, PathMtu } from '../overlay/index.js';
import type { VxlanReserved } from '../wire/index.js';
import { Classify } from './classify.js';
import { Decap } from './decap.js';
import { Deliver } from './deliver.js';
import { DropCounters } from './drop-counters.js';
import type { BatchSink } from './egress-chain.js';
import { Open } from './open.js';
import { Classifier, PacketKind } from './packet-kind.js';
import { PathMtuDiscovery } from './path-mtu-discovery.js';
import { Reassembly } from './reassembly.js';

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
  /**
   * Whether whoever hands IP packets over has verified their IPv4 header checksums, as the kernel has for a raw socket.
   * @default false
   */
  readonly ipVerified?: boolean;
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
  readonly reassembly: Reassembly;
  readonly open: Open;
  readonly deliver: Deliver;
  readonly discovery: PathMtuDiscovery | undefined;

  readonly #drops = new DropCounters();
  readonly #classify: Classify;
  readonly #decap: Decap;
  readonly #forwarding: ForwardingTable;
  readonly #sink: BatchSink;
  readonly #esp: PacketBatch;
  readonly #vxlan: PacketBatch;
  readonly #frames: PacketBatch;
  readonly #handOver: BatchSink;
  #now = 0;

  /** @param sink frames for endpoints of this node, each for its `endpoint` */
  constructor(tables: NodeTables, arena: Arena, sink: BatchSink, options: IngressChainOptions = {}) {
    const { aead, sas, reserved, reassembly, pathMtu, ipVerified = false } = options;
    this.#forwarding = tables.forwarding;
    this.#sink = sink;
    this.#esp = new PacketBatch(arena);
    this.#vxlan = new PacketBatch(arena);
    this.#frames = new PacketBatch(arena);
    this.#handOver = (batch) => this.#hand(batch);
    this.discovery = pathMtu === undefined ? undefined : new PathMtuDiscovery(tables, pathMtu, sas);
    const outputs = {
      esp: this.#esp,
      vxlan: this.#vxlan,
      overflow: (batch: PacketBatch) =>
        batch === this.#esp ? this.#receiveEsp(batch, this.#now) : this.#receive(batch, false, this.#now),
      ...(this.discovery === undefined ? {} : { discovery: this.discovery }),
    };
    this.reassembly = new Reassembly(reassembly);
    // IPv4 header checksums are the stages' own business: which of them are verified depends on where a packet is from.
    const classifier = new Classifier({ ports: [tables.port], verifyIp: false, verifyUdp: true });
    this.#classify = new Classify(tables.here, this.#drops, outputs, classifier, this.reassembly, !ipVerified);
    const keyed = aead !== undefined && sas !== undefined;
    const { capacity } = this.#esp;
    const inbound = keyed ? new InboundEsp(aead, sas.inbound, undefined, capacity) : undefined;
    this.open = new Open(this.#drops, classifier, inbound);
    this.#decap = new Decap(tables, this.#drops, reserved, options.acceptUnknownVteps);
    this.deliver = new Deliver(tables, this.#drops);
  }

  /** What came in and what became of it; both sides are the same. */
  get accounting(): IngressAccounting {
    return {
      packets: this.packets,
      reassembledFragments: this.reassembly.reassembledFragments,
      reassembled: this.reassembly.datagrams,
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
    this.reassembly.addDrops(drops.counts);
    return drops;
  }

  /** Fragments that wait for their rest. */
  get held(): number {
    return this.reassembly.heldFragments;
  }

  /**
   * Receives a batch of IP packets off the underlay, and empties it.
   * @param now seconds of the caller's clock
   */
  run(batch: PacketBatch, now: number): void {
    this.#begin(batch, now);
    if (this.#classify.run(batch, now) === PacketKind.Esp) this.#receiveEsp(batch, now);
    else this.#receive(batch, false, now);
    this.#receiveEsp(this.#esp, now);
    this.#receive(this.#vxlan, false, now);
  }

  /**
   * Receives a batch of datagrams that a UDP socket on the VXLAN port gave, and empties it. The kernel has looked at their IP
   * and UDP headers, so nothing here does again.
   * @param batch UDP payloads, with the `sender` and the `tos` of each datagram
   * @param now seconds of the caller's clock
   */
  runDatagrams(batch: PacketBatch, now: number): void {
    this.#begin(batch, now);
    this.#receive(batch, false, now);
  }

  #begin(batch: PacketBatch, now: number): void {
    this.#now = now;
    this.packets += batch.count;
    this.#forwarding.sweepSome(now, SWEPT_SLOTS * batch.count);
  }

  /**
   * Opens a batch of ESP packets, and takes what they held through the stages after that. The time comes as it was handed in:
   * out of a field it would be a bare double, and be made an object anew for each packet that it goes with.
   */
  #receiveEsp(batch: PacketBatch, now: number): void {
    if (batch.count === 0) return;
    this.open.run(batch, now);
    this.#classify.runOpened(batch, now);
    this.#receive(batch, true, now);
  }

  /** Takes VXLAN through the stages after `Classify`. */
  #receive(batch: PacketBatch, opened: boolean, now: number): void {
    if (batch.count === 0) return;
    this.#decap.run(batch, opened, now);
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
