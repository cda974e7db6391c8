/**
 * A node's ingress path:
 *
 *     IP packet -> Classify -> Open (ESP) -> Classify -> Decap -> Deliver -> container frame
 *                      +--------------------------------->
 *     UDP datagram on the VXLAN port ------------------->
 *
 * No silent drops (`accounting`).
 */
import type { Aead } from '../aead/portable.js';
import type { ReassemblerOptions } from '../fragment/index.js';
import { InboundEsp } from '../ipsec/index.js';
import { type Arena, PacketBatch } from '../memory/index.js';
import { checkSeconds } from '../memory/internal.js';
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
import type { PeerMarks } from './peer-marks.js';
import { Reassembly } from './reassembly.js';

/** Options of a node's ingress. */
export interface IngressChainOptions {
  /** The cipher; without it, ESP is dropped. */
  readonly aead?: Aead;
  /** The SAs; without them, ESP is dropped. */
  readonly sas?: NodeSas;
  /**
   * How reserved VXLAN bits are handled.
   * @default `Refuse`, as Linux does
   */
  readonly reserved?: VxlanReserved;
  /**
   * Whether packets may come from unknown VTEP addresses.
   * @default as the topology says, or false
   */
  readonly acceptUnknownVteps?: boolean;
  /** Bounds on the fragments that are held. */
  readonly reassembly?: ReassemblerOptions;
  /**
   * Whether the caller has already verified IPv4 header checksums, as the kernel does for a raw socket.
   * @default false
   */
  readonly ipVerified?: boolean;
  /** The path MTUs of the node's egress (`EgressChain.pathMtu`), updated from ICMP about its packets. */
  readonly pathMtu?: Pick<PathMtu, 'learn'>;
}

/** packets - reassembledFragments + reassembled + copies = delivered + dropped + held. */
export interface IngressAccounting {
  /** Packets received. */
  readonly packets: number;
  /** Fragments reassembled. */
  readonly reassembledFragments: number;
  /** Packets reassembled from them. */
  readonly reassembled: number;
  /** Copies of group frames. */
  readonly copies: number;
  /** Frames delivered, copies included. */
  readonly delivered: number;
  /** Drops of all reasons. */
  readonly dropped: number;
  /** Fragments held for datagrams that are incomplete. */
  readonly held: number;
}

/** Forwarding-table slots swept per packet: one cache line, while a packet adds at most one entry. */
const SWEPT_SLOTS = 4;

/**
 * The ingress of one node.
 * @example
 * import { randomFillSync } from 'node:crypto';
 * import { readFileSync } from 'node:fs';
 * import { chooseAead, hkdfSha256 } from 'vtep/aead';
 * import { IngressChain } from 'vtep/dataplane';
 * import { Arena, PacketBatch } from 'vtep/memory';
 * import { NodeSas, NodeTables } from 'vtep/overlay';
 * import { parseConfig } from 'vtep/overlay/files';
 *
 * const topology = parseConfig(readFileSync('overlay.yaml', 'utf8'));
 * const tables = new NodeTables(topology, 'node2');
 * const { aead } = chooseAead();
 * const random = (bytes: Uint8Array) => void randomFillSync(bytes);
 * const sas = NodeSas.ofTopology(topology, tables.node, aead, { hkdf: hkdfSha256, random });
 * const arena = new Arena();
 * const deliver = ({ count, endpoint }: PacketBatch) => {
 *   for (let i = 0; i < count; i++) console.log(`a frame for ${topology.endpoints[endpoint[i]].name}`);
 * };
 * const ingress = new IngressChain(tables, arena, deliver, { aead, sas });
 * const packets = new PacketBatch(arena);
 * export function receive(packet: Uint8Array): void {
 *   packets.copyIn(packet, 0, packet.length); // from its IP header on
 *   ingress.run(packets, performance.now() / 1000);
 * }
 */
export class IngressChain {
  /** Packets received. */
  packets = 0;
  /** Frames delivered, including copies of group frames. */
  delivered = 0;
  /** The fragments held. */
  readonly reassembly: Reassembly;
  /** The stage that decrypts. */
  readonly open: Open;
  /** The last stage. */
  readonly deliver: Deliver;
  /** Path MTU discovery; undefined without the option `pathMtu`. */
  readonly discovery: PathMtuDiscovery | undefined;

  readonly #drops = new DropCounters();
  readonly #classify: Classify;
  readonly #decap: Decap;
  readonly #forwarding: ForwardingTable;
  readonly #sink: BatchSink;
  readonly #esp: PacketBatch;
  readonly #vxlan: PacketBatch;
  readonly #frames: PacketBatch;
  readonly #overflow: BatchSink;
  #now = 0;

  /** @param sink receives frames for endpoints of this node, each for its `endpoint` */
  constructor(tables: NodeTables, arena: Arena, sink: BatchSink, options: IngressChainOptions = {}) {
    const { aead, sas, reserved, reassembly, pathMtu, ipVerified = false } = options;
    this.#forwarding = tables.forwarding;
    this.#sink = sink;
    this.#esp = new PacketBatch(arena);
    this.#vxlan = new PacketBatch(arena);
    this.#frames = new PacketBatch(arena);
    this.#overflow = (batch) => this.#emit(batch);
    this.discovery = pathMtu === undefined ? undefined : new PathMtuDiscovery(tables, pathMtu, sas);
    const outputs = {
      esp: this.#esp,
      vxlan: this.#vxlan,
      overflow: (batch: PacketBatch) =>
        batch === this.#esp ? this.#receiveEsp(batch, this.#now) : this.#receive(batch, false, this.#now),
      ...(this.discovery === undefined ? {} : { discovery: this.discovery }),
    };
    this.reassembly = new Reassembly(reassembly);
    // The stages verify IPv4 header checksums themselves, since whether to depends on a packet's origin.
    const classifier = new Classifier({ ports: [tables.port], verifyIp: false, verifyUdp: true });
    this.#classify = new Classify(tables.here, this.#drops, outputs, classifier, this.reassembly, !ipVerified);
    const keyed = aead !== undefined && sas !== undefined;
    const { capacity } = this.#esp;
    const inbound = keyed ? new InboundEsp(aead, sas.inbound, undefined, capacity) : undefined;
    this.open = new Open(this.#drops, classifier, inbound);
    this.#decap = new Decap(tables, this.#drops, reserved, options.acceptUnknownVteps);
    this.deliver = new Deliver(tables, this.#drops);
    tables.watch({
      node: (index, another) => {
        if (another) this.heardFrom.renew(index);
      },
    });
  }

  /** The nodes that valid packets came from. */
  get heardFrom(): PeerMarks {
    return this.#decap.heardFrom;
  }

  /** Input and outcome; both sides are equal. */
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

  /** Drops so far, including fragments. */
  get drops(): DropCounters {
    const drops = new DropCounters();
    drops.counts.set(this.#drops.counts);
    this.reassembly.addDrops(drops.counts);
    return drops;
  }

  /** Fragments waiting for reassembly. */
  get held(): number {
    return this.reassembly.heldFragments;
  }

  /**
   * Receives a batch of IP packets from the underlay and empties it.
   * @param nowSeconds the caller's clock, in seconds
   * @throws MemoryError `BAD_TIME` for milliseconds
   */
  run(batch: PacketBatch, nowSeconds: number): void {
    this.#begin(batch, nowSeconds);
    if (this.#classify.run(batch, nowSeconds) === PacketKind.Esp) this.#receiveEsp(batch, nowSeconds);
    else this.#receive(batch, false, nowSeconds);
    this.#receiveEsp(this.#esp, nowSeconds);
    this.#receive(this.#vxlan, false, nowSeconds);
  }

  /**
   * Receives a batch of datagrams from a UDP socket on the VXLAN port and empties it. Their IP and UDP headers aren't
   * checked again: the kernel has done that.
   * @param batch UDP payloads, with the `sender` and the `tos` of each datagram
   * @param nowSeconds the caller's clock, in seconds
   * @throws MemoryError `BAD_TIME` for milliseconds
   */
  runDatagrams(batch: PacketBatch, nowSeconds: number): void {
    this.#begin(batch, nowSeconds);
    this.#receive(batch, false, nowSeconds);
  }

  #begin(batch: PacketBatch, now: number): void {
    checkSeconds(now);
    this.#now = now;
    this.packets += batch.count;
    this.#forwarding.sweepSome(now, SWEPT_SLOTS * batch.count);
  }

  /**
   * Decrypts a batch of ESP packets and passes the contents through the remaining stages. `now` is a parameter because
   * a double read from a field would be boxed for each packet.
   */
  #receiveEsp(batch: PacketBatch, now: number): void {
    if (batch.count === 0) return;
    this.open.run(batch, now);
    this.#classify.runOpened(batch, now);
    this.#receive(batch, true, now);
  }

  /** Passes VXLAN through the stages after `Classify`. */
  #receive(batch: PacketBatch, opened: boolean, now: number): void {
    if (batch.count === 0) return;
    this.#decap.run(batch, opened, now);
    this.deliver.run(batch, this.#frames, this.#overflow, now);
    this.#emit(batch);
    this.#emit(this.#frames);
  }

  #emit(batch: PacketBatch): void {
    if (batch.count === 0) return;
    this.delivered += batch.count;
    this.#sink(batch);
    batch.clear();
  }
}
