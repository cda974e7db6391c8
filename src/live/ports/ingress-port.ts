/** The port of a task's interface on the ingress network: another port, with the task's published ports around it. */
import { PacketBatch } from '../../memory/index.js';
import { PortVerdict, TaskPorts, type TaskPortsOptions } from '../../service/index.js';
import { ETHERNET_HEADER_LEN } from '../../wire/index.js';
import { LiveError } from '../error.js';
import type { FramePort, FramePortCounters } from '../port/frame-port.js';

const DEFAULT_MTU = 1450;
/** Bytes before a frame that its port may overwrite. */
const FRAME_ROOM = 16;

/**
 * Translates and filters the frames between a node and a task's interface, as `TaskPorts` says. Frames that it drops
 * count as refused.
 */
export class IngressPort implements FramePort {
  /** The rules and their connections. */
  readonly rules: TaskPorts;
  readonly #inner: FramePort;
  readonly #clock: () => number;
  readonly #mtu: number;
  /** Fragments to the task, one at a time. */
  readonly #fragment: Uint8Array;
  #received = 0;
  /** Frames that were read from the interface and not handled yet. */
  #waiting: PacketBatch | undefined;
  #next = 0;
  /** Whether fragments of a datagram from the task are left. */
  #isFragmenting = false;
  /** Time of the frames sent since the last `flush`. */
  #now = Number.NaN;

  /**
   * @param inner the interface, which is closed with this port
   * @param options the task's address and published ports, and the interface's MTU
   * @param clock monotonic, in seconds
   * @throws BalanceError for invalid ports, see `TaskPorts`
   */
  constructor(inner: FramePort, options: TaskPortsOptions, clock: () => number) {
    this.#inner = inner;
    this.#clock = clock;
    this.#mtu = options.mtu ?? DEFAULT_MTU;
    this.rules = new TaskPorts({ ...options, mtu: this.#mtu });
    this.#fragment = new Uint8Array(FRAME_ROOM + ETHERNET_HEADER_LEN + this.#mtu);
  }

  get name(): string {
    return this.#inner.name;
  }

  get descriptor(): number {
    return this.#inner.descriptor;
  }

  get failure(): string | undefined {
    return this.#inner.failure;
  }

  get pending(): boolean {
    const left = this.#isFragmenting || (this.#waiting !== undefined && this.#next < this.#waiting.count);
    return left || this.#inner.pending === true;
  }

  get counters(): FramePortCounters {
    const { sent, refused, refusedBy = refused > 0 ? { unknown: refused } : {} } = this.#inner.counters;
    const reasons: Record<string, number> = { ...refusedBy };
    let total = refused;
    for (const [reason, count] of Object.entries(this.rules.accounting().dropped)) {
      reasons[reason] = (reasons[reason] ?? 0) + count;
      total += count;
    }
    return { received: this.#received, sent, refused: total, refusedBy: reasons };
  }

  receive(batch: PacketBatch, network: number): number {
    const before = batch.count;
    const waiting = this.#waitingFor(batch);
    const { bytes } = batch.arena;
    const now = this.#clock();
    let hasRead = false;
    while (!batch.full) {
      if (this.#isFragmenting) {
        if (!this.#putFragment(batch, network)) break;
      } else if (this.#next < waiting.count) {
        this.#handle(batch, waiting, bytes, network, now);
      } else {
        waiting.count = 0;
        this.#next = 0;
        if (hasRead || this.#inner.receive(waiting, network, false) === 0) break;
        hasRead = true;
      }
    }
    this.#received += batch.count - before;
    return batch.count - before;
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    if (Number.isNaN(this.#now)) this.#now = this.#clock();
    const verdict = this.rules.toTask(bytes, start, end, this.#now);
    if (verdict === PortVerdict.Passed) {
      this.#inner.send(bytes, start, end, 0);
    } else if (verdict === PortVerdict.Fragments) {
      const fragment = this.#fragment;
      for (;;) {
        const size = this.rules.nextFragment(fragment, FRAME_ROOM);
        if (size === 0) break;
        this.#inner.send(fragment, FRAME_ROOM, FRAME_ROOM + size, 0);
        // The next one overwrites it.
        this.#inner.flush();
      }
    }
  }

  flush(): void {
    this.#now = Number.NaN;
    this.#inner.flush();
  }

  close(): void {
    this.#release();
    this.#inner.close();
  }

  /** Frees the slots of frames that haven't been handled. */
  #release(): void {
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      for (; this.#next < waiting.count; this.#next++) waiting.arena.free(waiting.slot[this.#next]);
      waiting.count = 0;
    }
    this.#next = 0;
    this.#isFragmenting = false;
  }

  /** The batch for the interface's frames, in the arena of the caller's. */
  #waitingFor({ arena, capacity }: PacketBatch): PacketBatch {
    if (this.#waiting?.arena === arena) return this.#waiting;
    if (this.#mtu + ETHERNET_HEADER_LEN > arena.frameBytes) {
      throw new LiveError('BAD_NODE', `frames of ${this.#mtu} bytes don't fit into slots of ${arena.frameBytes}`);
    }
    this.#release();
    this.#waiting = new PacketBatch(arena, capacity);
    return this.#waiting;
  }

  /** Moves the next waiting frame to the batch, unless it is dropped or held. */
  #handle(batch: PacketBatch, waiting: PacketBatch, bytes: Uint8Array, network: number, now: number): void {
    const i = this.#next++;
    const slot = waiting.slot[i];
    const start = waiting.start[i];
    const end = waiting.end[i];
    const verdict = this.rules.fromTask(bytes, start, end, now);
    if (verdict === PortVerdict.Passed) {
      batch.push(slot, start, end, network);
    } else {
      batch.arena.free(slot);
      this.#isFragmenting = verdict === PortVerdict.Fragments;
    }
  }

  /** Puts the next fragment of a datagram into the batch. False if the arena is full. */
  #putFragment(batch: PacketBatch, network: number): boolean {
    const { arena } = batch;
    const slot = arena.take();
    if (slot < 0) return false;
    const start = arena.frameOffsetOf(slot);
    const size = this.rules.nextFragment(arena.bytes, start);
    if (size === 0) {
      arena.free(slot);
      this.#isFragmenting = false;
    } else {
      batch.push(slot, start, start + size, network);
    }
    return true;
  }
}
