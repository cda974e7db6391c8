/** Moves frames between the ports of a gateway network, as its switch says. */
import { type Arena, PacketBatch } from '../../memory/index.js';
import { WordCopy } from '../../memory/internal.js';
import {
  ALL_PORTS,
  type GatewayCounts,
  type GatewayPort,
  GatewayPortKind,
  GatewaySwitch,
  type GatewaySwitchOptions,
  MAX_GATEWAY_PORTS,
  type OpenPort,
} from '../../service/index.js';
import type { FramePort } from '../port/frame-port.js';
import type { LivePart } from '../port/live-part.js';

/** Maximum reads per turn from each port that is ready. */
const ROUNDS = 4;
const NO_NETWORK = -1;

/** Sums of a gateway: `in` + `made` = `out` + all `dropped`, in frames. */
export interface GatewayCounters extends GatewayCounts {
  /** Copies of frames to all ports, beyond the first. */
  readonly made: number;
}

/** The ports of a gateway network, by the index that its switch gives them. */
export class GatewayPorts implements LivePart {
  /** A new list whenever it changes. */
  descriptors: readonly number[] = [];
  readonly #switch: GatewaySwitch;
  readonly #batch: PacketBatch;
  readonly #ports: (FramePort | undefined)[] = [];
  readonly #kinds: GatewayPortKind[] = [];
  /** Ports to read from, those to poll first, and their indices in the switch. */
  #sources: FramePort[] = [];
  #indices: number[] = [];
  /** Ports that have frames to flush. */
  readonly #touched = new Int32Array(MAX_GATEWAY_PORTS);
  readonly #isTouched = new Uint8Array(MAX_GATEWAY_PORTS);
  #touchedCount = 0;
  /** A frame to all ports, since each may overwrite the bytes that it gets. */
  readonly #original: Uint8Array;
  readonly #keep: WordCopy;
  readonly #restore: WordCopy;
  #made = 0;
  /** Frames to all ports when there was no other. */
  #nowhere = 0;

  /** @param arena holds the frames on their way */
  constructor(arena: Arena, options: GatewaySwitchOptions) {
    this.#switch = new GatewaySwitch(options);
    this.#batch = new PacketBatch(arena);
    this.#original = new Uint8Array(arena.frameBytes);
    this.#keep = new WordCopy(this.#original);
    this.#restore = new WordCopy(arena.bytes);
  }

  /** Current sums. */
  get counters(): GatewayCounters {
    const { in: came, out, dropped } = this.#switch.counts;
    const nowhere = this.#nowhere;
    if (nowhere === 0) return { in: came, made: this.#made, out: out + this.#made, dropped };
    const sum = (dropped['NO_TX_TARGET'] ?? 0) + nowhere;
    return { in: came, made: this.#made, out: out + this.#made - nowhere, dropped: { ...dropped, NO_TX_TARGET: sum } };
  }

  get pending(): boolean {
    for (const source of this.#sources) if (source.pending === true) return true;
    return false;
  }

  /**
   * Attaches a port.
   * @returns its index
   * @throws GatewayError as `GatewaySwitch.add`; the port remains the caller's then
   */
  attach(port: FramePort, description: GatewayPort): number {
    const index = this.#switch.add(description);
    this.#ports[index] = port;
    this.#kinds[index] = description.kind;
    this.#arrange();
    return index;
  }

  /** Detaches a port, without closing it. */
  detach(index: number): void {
    this.#switch.remove(index);
    this.#ports[index] = undefined;
    this.#arrange();
  }

  /** Replaces the published ports (`GatewaySwitch.publish`). */
  publish(ports: readonly OpenPort[]): void {
    this.#switch.publish(ports);
  }

  turn(isReady: (index: number) => boolean): number {
    const sources = this.#sources;
    const polled = this.descriptors.length;
    let moved = 0;
    for (let round = 0; round < ROUNDS; round++) {
      let count = 0;
      for (let i = 0; i < sources.length; i++) {
        if (i >= polled || isReady(i) || sources[i].pending === true) count += this.#move(sources[i], this.#indices[i]);
      }
      if (count === 0) break;
      moved += count;
    }
    return moved;
  }

  #move(source: FramePort, from: number): number {
    const batch = this.#batch;
    const count = source.receive(batch, NO_NETWORK, false);
    if (count === 0) return 0;
    const { bytes } = batch.arena;
    for (let i = 0; i < batch.count; i++) {
      const start = batch.start[i];
      const end = batch.end[i];
      const to = this.#switch.forward(bytes, start, end, from);
      if (to >= 0) this.#send(to, bytes, start, end);
      else if (to === ALL_PORTS) this.#sendToAll(from, bytes, start, end);
    }
    // The ports may hold frames back to coalesce them: their slots are free only after this.
    this.#flush();
    batch.clear();
    return count;
  }

  #send(to: number, bytes: Uint8Array, start: number, end: number): void {
    this.#ports[to]?.send(bytes, start, end, 0);
    if (this.#isTouched[to] !== 0) return;
    this.#isTouched[to] = 1;
    this.#touched[this.#touchedCount++] = to;
  }

  /** Sends to one port after the other. */
  #sendToAll(from: number, bytes: Uint8Array, start: number, end: number): void {
    this.#flush();
    this.#keep.copy(bytes, start, end, 0);
    let copies = 0;
    for (let to = 0; to < this.#ports.length; to++) {
      const port = this.#ports[to];
      if (port === undefined || to === from || this.#kinds[to] === GatewayPortKind.Balancer) continue;
      if (copies > 0) this.#restore.copy(this.#original, 0, end - start, start);
      port.send(bytes, start, end, 0);
      port.flush();
      copies++;
    }
    if (copies === 0) this.#nowhere++;
    else this.#made += copies - 1;
  }

  #flush(): void {
    for (let i = 0; i < this.#touchedCount; i++) {
      const to = this.#touched[i];
      this.#isTouched[to] = 0;
      this.#ports[to]?.flush();
    }
    this.#touchedCount = 0;
  }

  #arrange(): void {
    const indices = [...this.#ports.keys()].filter((index) => this.#ports[index] !== undefined);
    const isPolled = (index: number): boolean => (this.#ports[index]?.descriptor ?? -1) >= 0;
    const polled = indices.filter(isPolled);
    this.#indices = [...polled, ...indices.filter((index) => !isPolled(index))];
    this.#sources = this.#indices.flatMap((index) => this.#ports[index] ?? []);
    this.descriptors = this.#sources.slice(0, polled.length).map(({ descriptor }) => descriptor);
  }
}
