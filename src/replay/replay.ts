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
import { Arena, NO_SLOT, PacketBatch } from '../memory/index.js';
import { WordCopy } from '../memory/word-copy.js';
import { type HkdfSha256, NodeSas, NodeTables, type Topology } from '../overlay/index.js';
import { ETHERNET_SPAN } from '../wire/index.js';
import { FrameRoute } from './frame-route.js';
import { SeededRandom } from './random.js';
import type { ReplayResult } from './replay-result.js';
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
  readonly cipher?: {
    readonly aead: Aead;
    readonly hkdf: HkdfSha256;
    /** Fills bytes with random ones: masks of IVs, keys. */
    readonly random: (bytes: Uint8Array) => void;
  };
  /** Seconds between two key rotations, 1 or more; none if not said. With `cipher`, and a ring of three keys or more. */
  readonly rotateEvery?: number;
  /** Takes every IP packet as it goes onto the wire, from the node of an index; each goes to its `node`. */
  readonly onWire?: (batch: PacketBatch, from: number) => void;
}

const SLOTS = 2048;
/** Frames that are remembered for the comparison. */
const SENT_FRAMES = 4096;
/** The clock goes in whole seconds here, so what a second brings may go at once. */
const ICMP_RATE = { burst: 1000 };

/** The network of a frame, and the nodes that it goes from and to. */
type Way = Pick<FrameRoute, 'network' | 'source' | 'destination'>;

interface ReplayNode {
  readonly tables: NodeTables;
  readonly egress: EgressChain;
  readonly ingress: IngressChain;
  readonly batch: PacketBatch;
}

/** A replay over one topology. */
export class Replay {
  readonly #nodes: readonly ReplayNode[];
  readonly #route: FrameRoute;
  readonly #underlay: Underlay;
  readonly #sent: SentFrames;
  /** Frames after which nothing may be held back any longer: half of those that are remembered for sure. */
  readonly #flushEvery: number;
  #sinceFlush = 0;
  readonly #sendArena: Arena;
  readonly #copy: WordCopy;
  readonly #receiveArena: Arena;
  readonly #receiveBytes: Buffer;
  readonly #sas: readonly NodeSas[];
  readonly #rotation: ReplayRotation | undefined;
  /** Places of the nodes whose batches hold frames. */
  readonly #holding: number[] = [];
  /** Whole seconds: everything that was sent within one of them goes through at the same time. */
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
    this.#sendArena = sendArena;
    this.#copy = new WordCopy(sendArena.bytes);
    this.#receiveArena = new Arena({ slots: SLOTS, frameBytes: frameBytes + 192 });
    const { bytes } = this.#receiveArena;
    this.#receiveBytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const sentBytes = Math.max(16 << 20, 4 * frameBytes);
    this.#sent = new SentFrames(SENT_FRAMES, sentBytes);
    this.#flushEvery = Math.floor(Math.min(SENT_FRAMES, sentBytes / frameBytes) / 2);
    this.#sas =
      cipher === undefined
        ? []
        : topology.nodes.map((_, node) => NodeSas.ofTopology(topology, node, cipher.aead, { ...cipher, now: 0 }));
    const wireOf =
      (from: number): BatchSink =>
      (batch) => {
        // The simulated underlay is an Ethernet.
        for (let i = 0; i < batch.count; i++) this.#wireBytes += ETHERNET_SPAN + batch.end[i] - batch.start[i];
        onWire?.(batch, from);
        this.#underlay.transmit(batch);
      };
    const ignore: BatchSink = () => undefined;
    // Not the underlay's dice: what it does to packets goes by the seed alone.
    const dice = new SeededRandom(~(options.seed ?? 0));
    const random = (bytes: Uint8Array): void => dice.fill(bytes);
    this.#nodes = topology.nodes.map(({ name }, node): ReplayNode => {
      const tables = new NodeTables(topology, name);
      const keys = cipher === undefined ? {} : { aead: cipher.aead, sas: this.#sas[node] };
      const sinks = { wire: wireOf(node), local: ignore, answers: ignore };
      return {
        tables,
        egress: new EgressChain(tables, sendArena, sinks, { oversize, random, icmpRate: ICMP_RATE, ...keys }),
        ingress: new IngressChain(tables, this.#receiveArena, (batch) => this.#compare(batch), keys),
        batch: new PacketBatch(sendArena, batchSize),
      };
    });
    this.#route = new FrameRoute(this.#nodes[0].tables);
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
    const route = this.#route;
    if (route.find(bytes, start, end, vni, now)) {
      this.sendAlong(bytes, start, end, route, now);
      return;
    }
    this.#frames++;
    this.#advance(now);
    this.#unknownSource++;
  }

  /** @internal The same for a frame whose way is known: parameters as of `send`. */
  sendAlong(bytes: Uint8Array, start: number, end: number, { network, source, destination }: Way, now: number): void {
    this.#frames++;
    this.#advance(now);
    const { batch, egress } = this.#nodes[source];
    const arena = this.#sendArena;
    const slot = end - start > arena.frameBytes ? NO_SLOT : arena.take();
    if (slot === NO_SLOT) {
      egress.refuse(DropReason.NoMemory);
      return;
    }
    const at = arena.frameOffsetOf(slot);
    this.#copy.copy(bytes, start, end, at);
    if (batch.count === 0) this.#holding.push(source);
    batch.push(slot, at, at + end - start, network);
    // Group frames aren't compared.
    if (destination >= 0 && destination !== source) {
      this.#frameBytes += end - start;
      // Of the arena: the frame itself may stand in shared memory, which is slower.
      this.#sent.add(arena.bytes, at, at + end - start);
    }
    if (batch.full) this.#run(egress, batch, source);
    // A node that seldom sends would hold its frames back until they are no longer remembered.
    if (++this.#sinceFlush >= this.#flushEvery) this.flush();
  }

  /** Sends what is held back, and lets the underlay deliver what is on its way. */
  flush(): void {
    this.#sinceFlush = 0;
    this.#seal();
    this.#underlay.drain();
  }

  /** Sends what is held back. */
  #seal(): void {
    const holding = this.#holding;
    for (const place of holding) {
      const { batch, egress } = this.#nodes[place];
      egress.run(batch, this.#now);
    }
    holding.length = 0;
  }

  #run(egress: EgressChain, batch: PacketBatch, place: number): void {
    egress.run(batch, this.#now);
    const holding = this.#holding;
    // The batch that is full is mostly the only one that holds anything, or one of a few.
    const at = holding.lastIndexOf(place);
    holding[at] = holding[holding.length - 1];
    holding.length--;
  }

  /**
   * Lets time pass. What is held back goes through before, at the time that it was sent at: fragments that came to their
   * receiver by the clock of a later frame would be too old to be put together, and how many depended on the batches.
   */
  #advance(now: number): void {
    const second = Math.floor(now);
    if (second > this.#now) {
      this.flush();
      this.#now = second;
    }
    this.#rotation?.pass(now);
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
