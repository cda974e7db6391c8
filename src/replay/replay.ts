/**
 * Replays frames through the whole data plane and back: each leaves the node of its source endpoint, crosses a
 * simulated underlay, enters the node of its destination, and is compared with what was sent.
 *
 *     frame -> EgressChain (node A) -> Underlay -> IngressChain (node B) -> SentFrames
 */
import type { Aead } from '../aead/portable.js';
import {
  type BatchSink,
  DropCounters,
  DropReason,
  EgressChain,
  IngressChain,
  type Oversize,
} from '../dataplane/index.js';
import { Arena, NO_SLOT, PacketBatch } from '../memory/index.js';
import { WordCopy } from '../memory/internal.js';
import { type HkdfSha256, NodeSas, NodeTables, OverlayError, type Topology } from '../overlay/index.js';
import { ETHERNET_HEADER_LEN } from '../wire/index.js';
import { FrameRoute } from './frame-route.js';
import { SeededRandom } from './random.js';
import type { ReplayResult } from './replay-result.js';
import { ReplayRotation } from './replay-rotation.js';
import { FrameMatch, SentFrames } from './sent-frames.js';
import { ServicePath } from './service-path.js';
import { Underlay, type UnderlayOptions } from './underlay.js';

/** Options of a replay. */
export interface ReplayOptions extends UnderlayOptions {
  /** How packets larger than the path MTU are handled. */
  readonly oversize: Oversize;
  /** Frames per batch, 1 to 256. */
  readonly batchSize: number;
  /** Maximum frame length in bytes. */
  readonly frameBytes: number;
  /** For encrypted networks. */
  readonly cipher?: {
    readonly aead: Aead;
    readonly hkdf: HkdfSha256;
    /** Fills an array with cryptographic random bytes, for IV masks and keys. */
    readonly random: (bytes: Uint8Array) => void;
  };
  /**
   * Key rotation interval in seconds, 1 or more; needs `cipher` and a ring of at least three keys. Default: no
   * rotation.
   */
  readonly rotateEvery?: number;
  /**
   * Whether frames to the topology's services go through load balancers. Use it for captures of containers; those of an
   * underlay have frames that are translated already.
   * @default false
   */
  readonly balance?: boolean;
  /**
   * Name of the node whose gateway's frames the capture has, for requests to published ports. Default: the first node.
   */
  readonly ingressNode?: string;
  /** Called with every batch of IP packets sent by the node with index `from`, each to its `node`. */
  readonly onWire?: (batch: PacketBatch, from: number) => void;
}

const SLOTS = 2048;
/** Frames kept for comparison. */
const SENT_FRAMES = 4096;
/** The clock advances in whole seconds, so the messages of a whole second may be sent in one burst. */
const ICMP_RATE = { burst: 1000 };

/** Indices of a frame's network, source node and destination node. */
type Route = Pick<FrameRoute, 'network' | 'source' | 'destination'>;

interface ReplayNode {
  readonly tables: NodeTables;
  readonly egress: EgressChain;
  readonly ingress: IngressChain;
  readonly batch: PacketBatch;
}

/** A replay of one topology. */
export class Replay {
  readonly #nodes: readonly ReplayNode[];
  readonly #route: FrameRoute;
  readonly #underlay: Underlay;
  readonly #sent: SentFrames;
  /** Frames between two flushes: half of those that are guaranteed to be kept. */
  readonly #flushEvery: number;
  #sinceFlush = 0;
  readonly #sendArena: Arena;
  readonly #copy: WordCopy;
  readonly #receiveArena: Arena;
  readonly #receiveBytes: Buffer;
  readonly #sas: readonly NodeSas[];
  /** The load balancers, if the topology has services. */
  readonly #services: ServicePath | undefined;
  readonly #rotation: ReplayRotation | undefined;
  /** Indices of the nodes with frames in their batch. */
  readonly #pending: number[] = [];
  /** Whole seconds: all frames of one second are sent and received at the same time. */
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
    // A packet on the wire is larger than its frame by the outer headers. A slot has headroom for them, but received
    // packets begin at the frame's offset.
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
        // The simulated underlay is Ethernet.
        for (let i = 0; i < batch.count; i++) this.#wireBytes += ETHERNET_HEADER_LEN + batch.end[i] - batch.start[i];
        onWire?.(batch, from);
        this.#underlay.transmit(batch);
      };
    // Separate from the underlay's generator, so that the impairments depend on the seed alone.
    const generator = new SeededRandom(~(options.seed ?? 0));
    const random = (bytes: Uint8Array): void => generator.fill(bytes);
    this.#nodes = topology.nodes.map(({ name }, node): ReplayNode => {
      const tables = new NodeTables(topology, name);
      const keys = cipher === undefined ? {} : { aead: cipher.aead, sas: this.#sas[node] };
      const local: BatchSink = (batch) => this.#services?.frames(batch, this.#now);
      const delivered: BatchSink = (batch) => {
        this.#compare(batch);
        this.#services?.frames(batch, this.#now);
        this.#services?.forward();
      };
      const sinks = options.balance === true ? { wire: wireOf(node), local } : { wire: wireOf(node) };
      return {
        tables,
        egress: new EgressChain(tables, sendArena, sinks, { oversize, random, icmpRate: ICMP_RATE, ...keys }),
        ingress: new IngressChain(tables, this.#receiveArena, delivered, keys),
        batch: new PacketBatch(sendArena, batchSize),
      };
    });
    this.#route = new FrameRoute(this.#nodes[0].tables);
    this.#services = this.#servicesOf(topology, options);
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
   * @param bytes contains it, from `start` to `end`
   * @param vni its VNI, or -1 for the first network with the MAC
   * @param now seconds, nearly monotonic
   */
  send(bytes: Uint8Array, start: number, end: number, vni: number, now: number): void {
    const route = this.#route;
    if (this.#services?.concerns(bytes, start, end) === true) {
      this.#frames++;
      this.#advance(now);
      // Requests that are held come first: they say whose answers these are.
      this.flush();
      this.#services.take(bytes, start, end, this.#now);
      return;
    }
    if (route.find(bytes, start, end, vni, now)) {
      this.sendAlong(bytes, start, end, route, now);
      return;
    }
    this.#frames++;
    this.#advance(now);
    this.#unknownSource++;
  }

  /** @internal As `send`, for a frame whose route is known. */
  sendAlong(bytes: Uint8Array, start: number, end: number, route: Route, now: number): void {
    this.#frames++;
    this.#advance(now);
    this.#put(bytes, start, end, route);
  }

  #put(bytes: Uint8Array, start: number, end: number, { network, source, destination }: Route): void {
    const { batch, egress } = this.#nodes[source];
    const arena = this.#sendArena;
    const slot = end - start > arena.frameBytes ? NO_SLOT : arena.take();
    if (slot === NO_SLOT) {
      egress.refuse(DropReason.NoMemory);
      return;
    }
    const at = arena.frameOffsetOf(slot);
    this.#copy.copy(bytes, start, end, at);
    if (batch.count === 0) this.#pending.push(source);
    batch.push(slot, at, at + end - start, network);
    // Group frames aren't compared.
    if (destination >= 0 && destination !== source) {
      this.#frameBytes += end - start;
      // From the arena: the frame itself may be in shared memory, which is slower.
      this.#sent.add(arena.bytes, at, at + end - start);
    }
    if (batch.full) this.#run(egress, batch, source);
    // A node that rarely sends would hold its frames until they are no longer kept for comparison.
    if (++this.#sinceFlush >= this.#flushEvery) this.flush();
  }

  /** Sends held batches, and has the underlay deliver packets in transit. */
  flush(): void {
    this.#sinceFlush = 0;
    this.#seal();
    this.#underlay.drain();
  }

  /** Sends held batches. */
  #seal(): void {
    const pending = this.#pending;
    // What a load balancer translates waits in the batch of its node.
    for (let i = 0; i < pending.length; i++) {
      const { batch, egress } = this.#nodes[pending[i]];
      egress.run(batch, this.#now);
      this.#services?.forward();
    }
    pending.length = 0;
  }

  #run(egress: EgressChain, batch: PacketBatch, index: number): void {
    egress.run(batch, this.#now);
    const pending = this.#pending;
    // The full batch is usually the only one with frames, or one of a few.
    const at = pending.lastIndexOf(index);
    pending[at] = pending[pending.length - 1];
    pending.length--;
    this.#services?.forward();
  }

  #servicesOf(topology: Topology, { balance = false, ingressNode }: ReplayOptions): ServicePath | undefined {
    if (topology.services === undefined || !balance) return undefined;
    const index = ingressNode === undefined ? 0 : topology.nodes.findIndex(({ name }) => name === ingressNode);
    if (index < 0) throw new OverlayError('BAD_CONFIG', `there is no node ${ingressNode}`);
    const route = new FrameRoute(this.#nodes[0].tables);
    return new ServicePath(topology, topology.services, this.#sendArena, {
      ingressNode: index,
      send: (bytes, start, end) => {
        if (route.find(bytes, start, end, -1, this.#now)) this.#put(bytes, start, end, route);
        else this.#unknownSource++;
      },
    });
  }

  /**
   * Advances the time. Held frames go through first, at their own time: otherwise fragments could reach the receiver
   * too late to be reassembled, and how many would depend on the batch size.
   */
  #advance(now: number): void {
    const second = Math.floor(now);
    if (second > this.#now) {
      this.flush();
      this.#now = second;
    }
    this.#rotation?.pass(now);
  }

  /** The result so far; call `flush` first. */
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
      wire.cut += node.egress.fragment.fragmented;
      wire.fragments += node.egress.fragment.fragments;
      wire.sealed += node.egress.seal.sealed;
      // Copies are of group frames, which aren't compared.
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
      ...(this.#services === undefined ? {} : { services: this.#services.result() }),
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
  const { frames, copies, repliesMade, sent, local, replies, dropped } = accounting;
  return frames + copies + repliesMade === sent + local + replies + dropped;
}

function isIngressBalanced({ accounting }: IngressChain): boolean {
  const { packets, reassembledFragments, reassembled, copies, delivered, dropped, held } = accounting;
  return packets - reassembledFragments + reassembled + copies === delivered + dropped + held;
}
