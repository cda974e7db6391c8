/**
 * The port of a load balancer, which is code where other endpoints have an interface. Frames sent to it are translated at
 * the next `flush`, and what leaves waits in a queue until the node reads it.
 *
 *     one leg:   clients and backends <-> back        two legs:   clients <-> front | back <-> backends
 */
import { type Arena, BATCH_CAPACITY, NO_SLOT, type PacketBatch } from '../../memory/index.js';
import { WordCopy } from '../../memory/internal.js';
import { BalanceVerdict, type LoadBalancer } from '../../service/index.js';
import type { FramePort, FramePortCounters } from '../port/frame-port.js';
import { Refusals } from '../port/refusals.js';
import { FrameQueue } from './frame-queue.js';

/** Options of a port. */
export interface BalancerPortOptions {
  /** Display name for reports. */
  readonly name: string;
  readonly balancer: LoadBalancer;
  /** Holds the frames: the node's arena, so that they needn't be copied again. */
  readonly arena: Arena;
  /** Monotonic clock in seconds. */
  readonly clock: () => number;
  /**
   * Maximum number of frames that wait for the node; more are refused as `FULL_RING`.
   * @default 1024: a batch from each of four busy ports between two reads
   */
  readonly limit?: number;
}

const DEFAULT_LIMIT = 4 * BATCH_CAPACITY;

/** Reasons for which frames are refused, named as in the kernel. */
const Refusal = { NoSlot: 'NOMEM', QueueFull: 'FULL_RING', TooLong: 'PKT_TOO_BIG', Closed: 'DEV_READY' } as const;

/** A leg of a load balancer. What the balancer itself drops, it counts itself (`LoadBalancer.accounting`). */
export class BalancerPort implements FramePort {
  readonly name: string;
  readonly descriptor = -1;
  readonly failure = undefined;
  readonly #options: BalancerPortOptions;
  readonly #copier: WordCopy;
  readonly #queue: FrameQueue;
  readonly #refusals = new Refusals();
  /** Where translated frames leave: this leg, unless the balancer has two. */
  #clients: BalancerPort = this;
  #backends: BalancerPort = this;
  /** Frames since the last flush. */
  readonly #slot = new Int32Array(BATCH_CAPACITY);
  readonly #start = new Int32Array(BATCH_CAPACITY);
  readonly #end = new Int32Array(BATCH_CAPACITY);
  #held = 0;
  /** A fragment on its way into a slot; made with the first. */
  #scratch: Uint8Array | undefined;
  #received = 0;
  #sent = 0;
  #open = true;

  constructor(options: BalancerPortOptions) {
    this.name = options.name;
    this.#options = options;
    this.#copier = new WordCopy(options.arena.bytes);
    this.#queue = new FrameQueue(options.arena, options.limit ?? DEFAULT_LIMIT);
  }

  /**
   * Adds the leg on the clients' side, for a balancer that was given a `front`. Close it separately.
   * @param name its display name
   */
  addFront(name: string): BalancerPort {
    const front = new BalancerPort({ ...this.#options, name });
    front.#backends = this;
    this.#clients = front;
    return front;
  }

  get counters(): FramePortCounters {
    const { tooLong } = this.#queue;
    const refusedBy = this.#refusals.byName();
    if (tooLong > 0) refusedBy[Refusal.TooLong] = (refusedBy[Refusal.TooLong] ?? 0) + tooLong;
    return { received: this.#received, sent: this.#sent, refused: this.#refusals.total + tooLong, refusedBy };
  }

  get pending(): boolean {
    return this.#queue.count > 0;
  }

  receive(batch: PacketBatch, network: number): number {
    const count = this.#queue.drainInto(batch, network);
    this.#received += count;
    return count;
  }

  /** Copies the frame, since its slot is the caller's. */
  send(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#open) {
      this.#refusals.add(Refusal.Closed);
      return;
    }
    const { arena } = this.#options;
    if (end - start > arena.frameBytes) {
      this.#refusals.add(Refusal.TooLong);
      return;
    }
    if (this.#held === BATCH_CAPACITY) this.flush();
    const slot = arena.take();
    if (slot === NO_SLOT) {
      this.#refusals.add(Refusal.NoSlot);
      return;
    }
    const at = arena.frameOffsetOf(slot);
    this.#copier.copy(bytes, start, end, at);
    this.#slot[this.#held] = slot;
    this.#start[this.#held] = at;
    this.#end[this.#held++] = at + end - start;
  }

  /** Translates the frames sent since the last call, with one timestamp for all. */
  flush(): void {
    const count = this.#held;
    if (count === 0) return;
    this.#held = 0;
    this.#sent += count;
    const { arena, balancer, clock } = this.#options;
    const now = clock();
    if (count > 1) balancer.prefetch(arena.bytes, this.#start, count);
    for (let i = 0; i < count; i++) {
      const slot = this.#slot[i];
      const verdict = balancer.translate(arena.bytes, this.#start[i], this.#end[i], now);
      const leg = this.#legOf(verdict);
      if (leg !== undefined) {
        leg.#queueFrame(slot, balancer.start, balancer.end);
        continue;
      }
      arena.free(slot);
      const way = verdict === BalanceVerdict.Fragments ? this.#legOf(balancer.datagram) : undefined;
      if (way !== undefined) way.#queueFragments();
    }
  }

  /** Drops the frames that wait here. Those sent to it afterwards are refused. */
  close(): void {
    if (!this.#open) return;
    this.flush();
    this.#open = false;
    const dropped = this.#queue.clear();
    if (dropped > 0) this.#refusals.add(Refusal.Closed, dropped);
  }

  /** The leg by which a frame leaves; undefined if none does. */
  #legOf(verdict: BalanceVerdict): BalancerPort | undefined {
    if (verdict === BalanceVerdict.ToBackend) return this.#backends;
    if (verdict === BalanceVerdict.ToClient) return this.#clients;
    return verdict === BalanceVerdict.Answered ? this : undefined;
  }

  #queueFrame(slot: number, start: number, end: number): void {
    if (this.#open && this.#queue.push(slot, start, end)) return;
    this.#options.arena.free(slot);
    this.#refusals.add(this.#open ? Refusal.QueueFull : Refusal.Closed);
  }

  #queueFragments(): void {
    const { arena, balancer } = this.#options;
    this.#scratch ??= new Uint8Array(arena.frameBytes);
    for (;;) {
      const length = balancer.nextFragment(this.#scratch, 0);
      if (length === 0) return;
      const slot = arena.take();
      if (slot === NO_SLOT) {
        this.#refusals.add(Refusal.NoSlot);
        continue;
      }
      const at = arena.frameOffsetOf(slot);
      this.#copier.copy(this.#scratch, 0, length, at);
      this.#queueFrame(slot, at, at + length);
    }
  }
}
