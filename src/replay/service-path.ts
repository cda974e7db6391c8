/**
 * The load balancers of a replay: requests to virtual IPs go through that of the client's node, and recorded answers take
 * the way back.
 *
 *     client -> EgressChain (node A) -> LoadBalancer -> EgressChain -> Underlay -> IngressChain (node B) -> task
 *     task   -> EgressChain (node B) -> Underlay -> IngressChain (node A) -> LoadBalancer -> client
 */
import { type Arena, NO_SLOT, PacketBatch } from '../memory/index.js';
import { getWord } from '../memory/internal.js';
import { EndpointKind, type ServiceSet, type Topology } from '../overlay/index.js';
import { BalanceVerdict, type LoadBalancer, NodeServices, sandboxAddress } from '../service/index.js';
import { macOfIpv4, parseIpv4 } from '../wire/index.js';
import { RecordedAnswers } from './recorded-answers.js';
import { FrameMatch, SentFrames } from './sent-frames.js';

/** What the load balancers did. */
export interface ServiceReplay {
  /** Frames that clients sent to a load balancer. */
  readonly requests: number;
  /** Requests translated and sent to a task. */
  readonly balanced: number;
  /** Recorded answers that were sent by their task again, those that the client got as recorded, and others. */
  readonly answers: number;
  readonly exactAnswers: number;
  readonly changedAnswers: number;
  /** Frames of the capture that a balancer had sent itself, such as ARP replies: not sent again. */
  readonly ownAnswers: number;
  /** Answers of the replay's own balancers to clients. */
  readonly answered: number;
  /** Frames that a balancer dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** What each node's services and their tasks carried, by name of the node. */
  readonly nodes: Readonly<Record<string, ReturnType<NodeServices['counts']>>>;
}

/** Options of a service path. */
export interface ServicePathOptions {
  /**
   * Index of the node that frames of the gateway's network belong to, with requests to published ports.
   * @default 0
   */
  readonly ingressNode?: number;
  /** Sends a frame from the node of its source MAC. */
  readonly send: (bytes: Uint8Array, start: number, end: number) => void;
}

/** Recorded answers kept for comparison. */
const ANSWERS = 4096;
const MAC_BYTES = 6;

/** The services of all nodes of a replay. */
export class ServicePath {
  readonly #arena: Arena;
  readonly #send: ServicePathOptions['send'];
  readonly #nodeNames: readonly string[];
  readonly #services: readonly NodeServices[];
  /** Names of networks by index. */
  readonly #networks: readonly string[];
  /** By index of the endpoint. */
  readonly #balancers: readonly (LoadBalancer | undefined)[];
  /** MACs of load balancers on the overlay. */
  readonly #balancerMacs: ReadonlySet<number>;
  /** The ingress load balancer that gets the gateway's frames, and the MAC of its leg there. */
  readonly #front: LoadBalancer | undefined;
  readonly #frontMac: number | undefined;
  readonly #recorded = new RecordedAnswers();
  readonly #expected = new SentFrames(ANSWERS);
  /** Frames that leave a balancer for the overlay. */
  readonly #queue: PacketBatch;
  /** A received frame while a balancer handles it. */
  readonly #copy: PacketBatch;
  #isForwarding = false;
  #requests = 0;
  #balanced = 0;
  #answers = 0;
  #exactAnswers = 0;
  #changedAnswers = 0;
  #ownAnswers = 0;
  #answered = 0;
  #noMemory = 0;

  /** @param arena holds the frames that a balancer handles */
  constructor({ nodes, networks, endpoints }: Topology, set: ServiceSet, arena: Arena, options: ServicePathOptions) {
    const { ingressNode = 0, send } = options;
    this.#arena = arena;
    this.#send = send;
    this.#queue = new PacketBatch(arena);
    this.#copy = new PacketBatch(arena, 1);
    this.#nodeNames = nodes.map(({ name }) => name);
    this.#networks = networks.map(({ name }) => name);
    const front = sandboxAddress(set.gateway);
    this.#services = nodes.map(({ name }) => {
      const services = new NodeServices({ node: name, compatibility: set.compatibility });
      services.update(set, front);
      return services;
    });
    this.#balancers = endpoints.map(({ kind, network, node }) => {
      return kind === EndpointKind.Balancer ? this.#services[node].balancer(networks[network].name) : undefined;
    });
    const own = endpoints.filter(({ kind }) => kind === EndpointKind.Balancer);
    this.#balancerMacs = new Set(own.map(({ mac }) => macNumber(mac, 0)));
    const ingress = set.networks.find((network) => network.ingress);
    if (ingress === undefined || front === undefined) return;
    this.#front = this.#services[ingressNode].balancer(ingress.name);
    this.#frontMac = macNumber(macOfIpv4(parseIpv4(front)), 0);
  }

  /**
   * Whether a frame of the capture is one that the overlay doesn't carry itself: one that a load balancer had sent, or one
   * to a balancer's leg at the gateway.
   */
  concerns(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < 2 * MAC_BYTES) return false;
    const to = macNumber(bytes, start);
    const from = macNumber(bytes, start + MAC_BYTES);
    return from === this.#frontMac || to === this.#frontMac || this.#balancerMacs.has(from);
  }

  /** Handles a frame that `concerns` this. Requests must have been translated before the answers to them. */
  take(bytes: Uint8Array, start: number, end: number, now: number): void {
    const front = macNumber(bytes, start) === this.#frontMac ? this.#front : undefined;
    if (front === undefined) {
      this.#answer(bytes, start, end);
      return;
    }
    const copy = this.#copy;
    if (copy.copyIn(bytes, start, end) === NO_SLOT) this.#noMemory++;
    else this.#balance(front, this.#arena.bytes, copy.start[0], copy.end[0], now);
    copy.clear();
    this.forward();
  }

  /** Takes frames for endpoints of a node, of which some are for its load balancers. Call `forward` after the batch. */
  frames(batch: PacketBatch, now: number): void {
    for (let i = 0; i < batch.count; i++) {
      const balancer = this.#balancers[batch.endpoint[i]];
      if (balancer !== undefined) this.#balance(balancer, batch.arena.bytes, batch.start[i], batch.end[i], now);
    }
  }

  /** Sends what the balancers have translated. */
  forward(): void {
    if (this.#isForwarding) return;
    this.#isForwarding = true;
    const queue = this.#queue;
    // Sending may add more to the queue.
    for (let i = 0; i < queue.count; i++) this.#send(this.#arena.bytes, queue.start[i], queue.end[i]);
    queue.clear();
    this.#isForwarding = false;
  }

  /** The result so far. */
  result(): ServiceReplay {
    const dropped: Record<string, number> = {};
    for (const services of this.#services) {
      for (const name of this.#networks) {
        const accounting = services.balancer(name)?.accounting();
        for (const [reason, count] of Object.entries(accounting?.dropped ?? {})) {
          dropped[reason] = (dropped[reason] ?? 0) + count;
        }
      }
    }
    if (this.#noMemory > 0) dropped['NOMEM'] = (dropped['NOMEM'] ?? 0) + this.#noMemory;
    return {
      requests: this.#requests,
      balanced: this.#balanced,
      answers: this.#answers,
      exactAnswers: this.#exactAnswers,
      changedAnswers: this.#changedAnswers,
      ownAnswers: this.#ownAnswers,
      answered: this.#answered,
      dropped,
      nodes: Object.fromEntries(this.#services.map((services, node) => [this.#nodeNames[node], services.counts()])),
    };
  }

  /** Has the task of a recorded answer send it again. */
  #answer(bytes: Uint8Array, start: number, end: number): void {
    const copy = this.#copy;
    const index = copy.copyIn(bytes, start, end);
    if (index === NO_SLOT) {
      this.#noMemory++;
      return;
    }
    const { bytes: memory } = this.#arena;
    if (this.#recorded.undo(memory, copy.start[0], copy.end[0])) {
      this.#answers++;
      this.#expected.add(bytes, start, end);
      this.#send(memory, copy.start[0], copy.end[0]);
    } else {
      this.#ownAnswers++;
    }
    copy.clear();
  }

  #balance(balancer: LoadBalancer, bytes: Uint8Array, start: number, end: number, now: number): void {
    const connection = this.#recorded.noteRequest(bytes, start, end);
    const verdict = balancer.translate(bytes, start, end, now);
    switch (verdict) {
      case BalanceVerdict.ToBackend:
        this.#requests++;
        this.#balanced++;
        if (connection >= 0) this.#recorded.noteTranslated(connection, bytes, balancer.start);
        this.#enqueue(bytes, balancer.start, balancer.end);
        return;
      case BalanceVerdict.ToClient: {
        const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
        const match = this.#expected.match(frame, balancer.start, balancer.end);
        if (match === FrameMatch.Exact) this.#exactAnswers++;
        else this.#changedAnswers++;
        return;
      }
      case BalanceVerdict.Answered:
        this.#requests++;
        this.#answered++;
        return;
      case BalanceVerdict.Fragments:
        this.#requests++;
        this.#fragments(balancer);
        return;
      default:
        this.#requests++;
    }
  }

  #fragments(balancer: LoadBalancer): void {
    const { datagram } = balancer;
    const arena = this.#arena;
    for (;;) {
      const slot = arena.take();
      if (slot === NO_SLOT) {
        this.#noMemory++;
        return;
      }
      const start = arena.frameOffsetOf(slot);
      const length = balancer.nextFragment(arena.bytes, start);
      if (length > 0 && datagram === BalanceVerdict.ToBackend) {
        this.#balanced++;
        this.#enqueue(arena.bytes, start, start + length);
      }
      arena.free(slot);
      if (length === 0) return;
    }
  }

  #enqueue(bytes: Uint8Array, start: number, end: number): void {
    if (this.#queue.full || this.#queue.copyIn(bytes, start, end) === NO_SLOT) this.#noMemory++;
  }
}

/** A MAC as a number. */
function macNumber(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 8) | bytes[at + 1]) * 2 ** 32 + (getWord(bytes, at + 2) >>> 0);
}
