/**
 * Frames through the whole data plane and back: each leaves the node of the endpoint that sent it, crosses a simulated
 * underlay, enters the node that it is for, and is held against what was sent.
 *
 *     frame -> EgressChain (node A) -> Underlay -> IngressChain (node B) -> SentFrames
 */
import type { Aead } from '../aead/aead.js';
import {
  type BatchSink,
  DropCounters,
  DropReason,
  EgressChain,
  IngressChain,
  type Oversize,
} from '../dataplane/index.js';
import { Arena, PacketBatch } from '../memory/index.js';
import { type HkdfSha256, NodeSas, NodeTables, TargetKind, type Topology } from '../overlay/index.js';
import { ETHERNET_SPAN } from '../wire/index.js';
import { ReplayRotation } from './replay-rotation.js';
import { FrameMatch, SentFrames } from './sent-frames.js';
import { Underlay, type UnderlayOptions } from './underlay.js';

/** How frames are replayed. */
export interface ReplayOptions extends UnderlayOptions {
  /** What becomes of packets larger than the underlay carries. */
  readonly oversize: Oversize;
  /** Frames that go through a stage together, 1 to 256. */
  readonly batchSize: number;
  /** Bytes of the largest frame. */
  readonly frameBytes: number;
  /** For encrypted networks. */
  readonly cipher?: { readonly aead: Aead; readonly hkdf: HkdfSha256; readonly random: (bytes: Uint8Array) => void };
  /** Seconds between two key rotations, 1 or more; none if not said. With `cipher`, and a ring of three keys or more. */
  readonly rotateEvery?: number;
  /** Takes every packet as it goes onto the wire. */
  readonly onWire?: BatchSink;
}

const SLOTS = 2048;
const SOURCE_MAC = 6;
/** Frames that are remembered for the comparison. */
const SENT_FRAMES = 4096;

interface ReplayNode {
  readonly tables: NodeTables;
  readonly egress: EgressChain;
  readonly ingress: IngressChain;
  readonly batch: PacketBatch;
}

/** What came of a replay. frames = crossed + local + not known + dropped on the way out, answers and copies apart. */
export interface ReplayResult {
  readonly frames: number;
  /** Frames that no endpoint of the topology sent. */
  readonly unknownSource: number;
  /** Frames that stayed on their node. */
  readonly local: number;
  /** Of the delivered frames: as they were sent, delivered before, and not as any was sent. */
  readonly exact: number;
  readonly again: number;
  readonly changed: number;
  /** Frames that went onto the wire and were not delivered. */
  readonly missing: number;
  /** Fragments that still wait. */
  readonly held: number;
  readonly dropped: { readonly egress: DropCounters; readonly ingress: DropCounters };
  readonly wire: {
    readonly packets: number;
    readonly bytes: number;
    /** Bytes of the frames in them. */
    readonly frameBytes: number;
    /** Packets that were cut, and the fragments that they gave. */
    readonly cut: number;
    readonly fragments: number;
    readonly sealed: number;
  };
  readonly underlay: {
    readonly lost: number;
    readonly duplicates: number;
    readonly reordered: number;
    readonly corrupted: number;
    readonly noMemory: number;
  };
  /** Key rotations, and the steps that the nodes took for them. */
  readonly rotations: number;
  readonly rotationSteps: number;
  /** Whether every stage's sum adds up: nothing was lost in silence. */
  readonly balanced: boolean;
}

/** A replay over one topology. */
export class Replay {
  readonly #nodes: readonly ReplayNode[];
  readonly #topology: Topology;
  readonly #underlay: Underlay;
  readonly #sent: SentFrames;
  readonly #receiveArena: Arena;
  readonly #receiveBytes: Buffer;
  readonly #sas: readonly NodeSas[];
  readonly #rotation: ReplayRotation | undefined;
  #now = 0;
  #frames = 0;
  #frameBytes = 0;
  #wireBytes = 0;
  #unknownSource = 0;
  #exact = 0;
  #again = 0;
  #changed = 0;

  constructor(topology: Topology, options: ReplayOptions) {
    const { oversize, batchSize, frameBytes, cipher, rotateEvery, onWire } = options;
    // A packet on the wire is larger than its frame by the outer headers; a slot has room for them in front, but packets
    // off the wire begin where frames do.
    const sendArena = new Arena({ slots: SLOTS, frameBytes });
    this.#receiveArena = new Arena({ slots: SLOTS, frameBytes: frameBytes + 192 });
    const { bytes } = this.#receiveArena;
    this.#receiveBytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#topology = topology;
    this.#sent = new SentFrames(SENT_FRAMES, Math.max(16 << 20, 4 * frameBytes));
    this.#sas =
      cipher === undefined
        ? []
        : topology.nodes.map((_, node) => NodeSas.ofTopology(topology, node, cipher.aead, { ...cipher, now: 0 }));
    const wire: BatchSink = (batch) => {
      for (let i = 0; i < batch.count; i++) this.#wireBytes += batch.end[i] - batch.start[i];
      onWire?.(batch);
      this.#underlay.transmit(batch);
    };
    const ignore: BatchSink = () => undefined;
    this.#nodes = topology.nodes.map(({ name }, node): ReplayNode => {
      const tables = new NodeTables(topology, name);
      const keys = cipher === undefined ? {} : { aead: cipher.aead, sas: this.#sas[node] };
      const sinks = { wire, local: ignore, answers: ignore };
      return {
        tables,
        egress: new EgressChain(tables, sendArena, sinks, { oversize, ...keys }),
        ingress: new IngressChain(tables, this.#receiveArena, (batch) => this.#compare(batch), keys),
        batch: new PacketBatch(sendArena, batchSize),
      };
    });
    const receivers = this.#nodes.map(
      ({ ingress }): BatchSink =>
        (batch) =>
          ingress.run(batch, this.#now),
    );
    this.#underlay = new Underlay(this.#receiveArena, receivers, batchSize, options);
    if (rotateEvery !== undefined && cipher !== undefined && topology.ring !== undefined) {
      const pause = { seal: () => this.#seal(), deliver: () => this.#underlay.drain() };
      this.#rotation = new ReplayRotation(topology.ring, rotateEvery, cipher.random, this.#sas, pause);
    }
  }

  /**
   * Sends a frame from the node of its source MAC.
   * @param bytes what it stands in, from `start` to `end`
   * @param vni of its network, or -1: the first that has the MAC
   * @param now seconds, never going back by much
   */
  send(bytes: Uint8Array, start: number, end: number, vni: number, now: number): void {
    this.#frames++;
    this.#now = now;
    this.#rotation?.pass(now);
    const network = this.#networkOf(bytes, start, end, vni);
    const home = network < 0 ? -1 : this.#homeOf(bytes, start + SOURCE_MAC, network);
    if (home < 0) {
      this.#unknownSource++;
      return;
    }
    const { batch, egress } = this.#nodes[home];
    if (this.#crosses(bytes, start, network, home)) {
      this.#frameBytes += end - start;
      this.#sent.add(bytes, start, end);
    }
    if (batch.copyIn(bytes, start, end, network) < 0) egress.refuse(DropReason.NoMemory);
    if (batch.full) egress.run(batch, now);
  }

  /** Sends what is held back, and lets the underlay deliver what is on its way. */
  flush(): void {
    this.#seal();
    this.#underlay.drain();
  }

  /** Sends what is held back. */
  #seal(): void {
    for (const { batch, egress } of this.#nodes) egress.run(batch, this.#now);
  }

  /** What came of it so far; flush first. */
  result(): ReplayResult {
    const egress = new DropCounters();
    const ingress = new DropCounters();
    const wire = { packets: 0, bytes: this.#wireBytes, frameBytes: this.#frameBytes, cut: 0, fragments: 0, sealed: 0 };
    let sent = 0;
    let local = 0;
    let held = 0;
    let balanced = true;
    for (const node of this.#nodes) {
      node.egress.drops.counts.forEach((count, reason) => (egress.counts[reason] += count));
      node.ingress.drops.counts.forEach((count, reason) => (ingress.counts[reason] += count));
      wire.packets += node.egress.wirePackets;
      wire.cut += node.egress.fragment.cut;
      wire.fragments += node.egress.fragment.fragments;
      wire.sealed += node.egress.seal.sealed;
      // Copies are of frames for groups, which aren't compared.
      sent += node.egress.accounting.sent - node.egress.forward.copies;
      local += node.egress.localFrames;
      held += node.ingress.held;
      balanced &&= isEgressBalanced(node.egress) && isIngressBalanced(node.ingress);
    }
    const { packets, duplicates, delivered, lost, noMemory, reordered, corrupted } = this.#underlay;
    balanced &&= packets + duplicates === delivered + lost + noMemory;
    return {
      frames: this.#frames,
      unknownSource: this.#unknownSource,
      local,
      exact: this.#exact,
      again: this.#again,
      changed: this.#changed,
      missing: sent - this.#exact,
      held,
      dropped: { egress, ingress },
      wire,
      underlay: { lost, duplicates, reordered, corrupted, noMemory },
      rotations: this.#rotation?.rotations ?? 0,
      rotationSteps: this.#rotation?.steps ?? 0,
      balanced,
    };
  }

  /** Wipes the keys. */
  close(): void {
    for (const sas of this.#sas) sas.close();
    this.#rotation?.close();
  }

  #networkOf(bytes: Uint8Array, start: number, end: number, vni: number): number {
    if (end - start < ETHERNET_SPAN) return -1;
    const { tables } = this.#nodes[0];
    if (vni >= 0) return tables.networkOf(vni);
    return this.#topology.networks.findIndex((_, network) => this.#homeOf(bytes, start + SOURCE_MAC, network) >= 0);
  }

  /** The place of the node that a MAC's endpoint is on, or -1. */
  #homeOf(bytes: Uint8Array, offset: number, network: number): number {
    // Every node's table has all endpoints.
    const { forwarding, node } = this.#nodes[0].tables;
    if (!forwarding.find(this.#topology.networks[network].vni, bytes, offset, this.#now)) return -1;
    return forwarding.kind === TargetKind.Local ? node : forwarding.target;
  }

  /** Whether a frame is for an endpoint of another node. Group frames aren't compared. */
  #crosses(bytes: Uint8Array, start: number, network: number, home: number): boolean {
    if ((bytes[start] & 1) !== 0) return false;
    const node = this.#homeOf(bytes, start, network);
    return node >= 0 && node !== home;
  }

  #compare(batch: PacketBatch): void {
    const { bytes } = this.#receiveArena;
    for (let i = 0; i < batch.count; i++) {
      const start = batch.start[i];
      if ((bytes[start] & 1) !== 0) continue;
      const match = this.#sent.match(this.#receiveBytes, start, batch.end[i]);
      if (match === FrameMatch.Exact) this.#exact++;
      else if (match === FrameMatch.Again) this.#again++;
      else this.#changed++;
    }
  }
}

function isEgressBalanced({ accounting }: EgressChain): boolean {
  const { frames, copies, answersMade, sent, local, answers, dropped } = accounting;
  return frames + copies + answersMade === sent + local + answers + dropped;
}

function isIngressBalanced({ accounting }: IngressChain): boolean {
  const { packets, reassembledFragments, reassembled, copies, delivered, dropped, held } = accounting;
  return packets - reassembledFragments + reassembled + copies === delivered + dropped + held;
}
