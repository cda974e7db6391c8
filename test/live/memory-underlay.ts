/** An in-memory wire between nodes of one process, and endpoints that are lists of frames. */
import type { FramePort, FramePortCounters, UnderlayCounters, UnderlayPort } from '../../src/live/index.js';
import type { PacketBatch } from '../../src/memory/index.js';

/** A packet and its destination. */
export interface Sent {
  readonly to: string;
  readonly bytes: Uint8Array;
}

/** Packets waiting for each node, by VTEP address. */
export class MemoryWire {
  readonly waiting = new Map<string, Uint8Array[]>();
  readonly sent: Sent[] = [];
}

/** One node's end of the wire. */
export class MemoryUnderlay implements UnderlayPort {
  readonly name = 'memory';
  readonly descriptors: readonly number[] = [];
  closed = 0;
  readonly #wire: MemoryWire;
  readonly #here: string;
  #nodes: string[] = [];
  #received = 0;
  #sent = 0;

  constructor(
    wire: MemoryWire,
    vtep: Uint8Array,
    readonly carriesEsp = true,
  ) {
    this.#wire = wire;
    this.#here = vtep.join('.');
  }

  get counters(): UnderlayCounters {
    return { received: this.#received, sent: this.#sent, refused: {}, overrun: 0 };
  }

  setNodes(vteps: readonly (Uint8Array | undefined)[]): void {
    this.#nodes = vteps.map((vtep) => vtep?.join('.') ?? 'nowhere');
  }

  receive(batch: PacketBatch): number {
    const waiting = this.#wire.waiting.get(this.#here) ?? [];
    const packets = waiting.splice(0, batch.capacity - batch.count);
    for (const bytes of packets) batch.copyIn(bytes, 0, bytes.length);
    this.#received += packets.length;
    return packets.length;
  }

  send(batch: PacketBatch): void {
    for (let i = 0; i < batch.count; i++) {
      const to = this.#nodes[batch.node[i]];
      const bytes = batch.arena.bytes.slice(batch.start[i], batch.end[i]);
      this.#wire.sent.push({ to, bytes });
      this.#wire.waiting.set(to, [...(this.#wire.waiting.get(to) ?? []), bytes]);
      this.#sent++;
    }
  }

  close(): void {
    this.closed++;
  }
}

/** An endpoint. */
export class ListPort implements FramePort {
  readonly name = 'list';
  readonly descriptor = -1;
  failure: string | undefined;
  closed = 0;
  /** Frames that it has yet to send, and frames received, in hexadecimal. */
  readonly outgoing: Uint8Array[] = [];
  readonly given: string[] = [];
  /** Its count of refused frames. */
  refusedBy: Readonly<Record<string, number>> = {};
  readonly #held: Uint8Array[] = [];
  #received = 0;

  get counters(): FramePortCounters {
    const { refusedBy } = this;
    const refused = Object.values(refusedBy).reduce((sum, count) => sum + count, 0);
    return { received: this.#received, sent: this.given.length, refused, refusedBy };
  }

  receive(batch: PacketBatch, network: number): number {
    const frames = this.outgoing.splice(0, batch.capacity - batch.count);
    for (const frame of frames) batch.copyIn(frame, 0, frame.length, network);
    this.#received += frames.length;
    return frames.length;
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    this.given.push(Buffer.from(bytes.subarray(start, end)).toString('hex'));
    // Overwrite what precedes the frame, as a port may.
    bytes.fill(0xdd, start - 10, start);
    this.#held.push(bytes.subarray(start, end));
  }

  flush(): void {
    // Up to here a port may modify the frame.
    for (const frame of this.#held.splice(0)) frame.fill(0xdd);
  }

  close(): void {
    this.closed++;
  }
}
