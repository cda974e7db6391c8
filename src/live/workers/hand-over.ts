/**
 * A worker's ends of the rings to and from the others. A frame that finds a ring full is refused, and its owner counts
 * it; what is in a ring is taken in order.
 */
import { NativeMemory } from '../../foreign/index.js';
import { type Arena, NO_SLOT, PacketBatch } from '../../memory/index.js';
import { TargetKind } from '../../overlay/index.js';
import { RingReader, RingWriter } from '../../workers/index.js';
import type { LiveNode } from '../node/live-node.js';
import type { LivePart } from '../port/live-part.js';
import { linux } from '../system/linux.js';
import { HandedOver, RingColumn, type WorkerMesh } from './worker-mesh.js';

/** Most frames taken from each ring per turn. */
const BURST = 256;
const EVENT_BYTES = 8;

/** The rings of one worker. Its `node` is set before the first turn. */
export class HandOver implements LivePart {
  readonly descriptors: readonly number[];
  /** Frames given to other workers, and taken from them. */
  given = 0;
  taken = 0;
  /** Whether rings may hold more than the last turn took. */
  pending = false;
  /** The node that sends and delivers what other workers hand over. */
  node: LiveNode | undefined;
  readonly #worker: number;
  readonly #mesh: WorkerMesh;
  readonly #writers: readonly (RingWriter | undefined)[];
  readonly #readers: readonly RingReader[];
  /** By worker: whether frames were pushed since `flush`. */
  readonly #unflushed: Uint8Array;
  readonly #outbound: PacketBatch;
  readonly #inbound: PacketBatch;
  readonly #event = new NativeMemory(EVENT_BYTES);
  readonly #one = new NativeMemory(EVENT_BYTES);
  readonly #system = linux();

  constructor(mesh: WorkerMesh, worker: number, arena: Arena) {
    this.#mesh = mesh;
    this.#worker = worker;
    this.descriptors = [mesh.wakers[worker]];
    this.#writers = mesh.rings[worker].map((ring) => ring && new RingWriter(ring));
    this.#readers = mesh.rings.flatMap((rings) => {
      const ring = rings[worker];
      return ring === undefined ? [] : [new RingReader(ring)];
    });
    this.#unflushed = new Uint8Array(this.#writers.length);
    this.#outbound = new PacketBatch(arena);
    this.#inbound = new PacketBatch(arena);
    this.#one.bytes[0] = 1;
  }

  /**
   * Copies a frame to a worker, which sees it after `flush`.
   * @param macHigh the MAC of the endpoint that an inbound frame is for, as `ForwardingTable.findWords` takes it
   * @returns false if there is no room
   */
  push(
    to: number,
    kind: HandedOver,
    vni: number,
    macHigh: number,
    macLow: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const writer = this.#writers[to];
    if (writer === undefined || end - start > writer.largest) return false;
    const { integers } = writer;
    integers[RingColumn.Kind] = kind;
    integers[RingColumn.Vni] = vni;
    integers[RingColumn.MacHigh] = macHigh;
    integers[RingColumn.MacLow] = macLow;
    // A full ring has published what it holds, and its reader must know.
    this.#unflushed[to] = 1;
    if (!writer.push(bytes, start, end)) return false;
    this.given++;
    return true;
  }

  /** Makes what was pushed visible to the other workers, and wakes them. */
  flush(): void {
    for (let to = 0; to < this.#unflushed.length; to++) {
      if (this.#unflushed[to] === 0) continue;
      this.#unflushed[to] = 0;
      this.#writers[to]?.publish();
      this.wake(to);
    }
  }

  /** Wakes a worker that may be waiting for packets. */
  wake(worker: number): void {
    // Once is enough until it looks.
    if (Atomics.exchange(this.#mesh.woken, worker, 1) !== 0) return;
    this.#system.write(this.#mesh.wakers[worker], this.#one.address, EVENT_BYTES);
  }

  turn(isReady: (index: number) => boolean): number {
    const { woken, wakers } = this.#mesh;
    // Another worker may be between its two steps of waking this one.
    if (Atomics.load(woken, this.#worker) !== 0 || isReady(0)) {
      this.#system.read(wakers[this.#worker], this.#event.address, EVENT_BYTES);
      // Before looking: what is pushed later wakes this worker again.
      Atomics.store(woken, this.#worker, 0);
      this.pending = true;
    }
    return this.pending ? this.#takeSome() : 0;
  }

  /** Takes everything that the rings hold. */
  drain(): void {
    do {
      this.#takeSome();
      this.flush();
    } while (this.pending);
  }

  #takeSome(): number {
    this.pending = false;
    const before = this.taken;
    for (let i = 0; i < this.#readers.length; i++) this.#take(this.#readers[i]);
    return this.taken - before;
  }

  #take(reader: RingReader): void {
    const { node } = this;
    if (node === undefined) return;
    let count = 0;
    // A batch holds as many, so that there is always room.
    while (count < BURST && reader.next()) {
      count++;
      const { integers, bytes, start, end } = reader;
      const network = node.tables.networkOf(integers[RingColumn.Vni]);
      if (integers[RingColumn.Kind] === HandedOver.Outbound) this.#takeOutbound(node, network, bytes, start, end);
      else this.#takeInbound(node, network, integers, bytes, start, end);
    }
    this.taken += count;
    if (count === BURST) this.pending = true;
    if (this.#outbound.count > 0) node.sendFrames(this.#outbound);
    if (this.#inbound.count > 0) node.deliverFrames(this.#inbound);
  }

  #takeOutbound(node: LiveNode, network: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#outbound.copyIn(bytes, start, end, network) === NO_SLOT) node.refuseOutbound();
  }

  #takeInbound(
    node: LiveNode,
    network: number,
    integers: Int32Array,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { forwarding } = node.tables;
    const vni = integers[RingColumn.Vni];
    const isHere =
      network >= 0 &&
      // The entry is static, whatever the time.
      forwarding.findWords(vni, integers[RingColumn.MacHigh], integers[RingColumn.MacLow], 0) &&
      forwarding.kind === TargetKind.Local;
    const endpoint = isHere ? forwarding.target : -1;
    const at = endpoint < 0 ? NO_SLOT : this.#inbound.copyIn(bytes, start, end, network);
    if (at === NO_SLOT) node.refuseFrame();
    else this.#inbound.endpoint[at] = endpoint;
  }
}
