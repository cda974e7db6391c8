/** The simulated underlay: packets in flight, some of which are lost, duplicated, corrupted or late. */
import { SeededRandom } from '../replay/index.js';
import { SimulationError } from './error.js';

/** Impairments of the underlay. */
export interface WireOptions {
  /**
   * Probability that a packet is lost, 0 to 1.
   * @default 0
   */
  readonly loss?: number | undefined;
  /**
   * Probability that a packet arrives twice.
   * @default 0
   */
  readonly duplicate?: number | undefined;
  /**
   * Probability that one bit of a packet changes.
   * @default 0
   */
  readonly corrupt?: number | undefined;
  /**
   * Time from node to node in seconds.
   * @default 0
   */
  readonly latencySeconds?: number | undefined;
  /**
   * Maximum additional time of a packet in seconds, drawn evenly: packets overtake one another.
   * @default 0
   */
  readonly jitterSeconds?: number | undefined;
  /**
   * Makes a run reproducible: the same calls with the same seed give the same arrivals.
   * @default 0
   */
  readonly seed?: number | undefined;
  /**
   * Maximum number of packets in flight; further ones are dropped.
   * @default 65536
   */
  readonly maxInFlight?: number | undefined;
}

/** An IP packet in flight. */
export interface PacketInFlight {
  /** VTEP address of its receiver as a map key. */
  readonly to: string;
  readonly bytes: Uint8Array;
  /** When it arrives, in seconds. */
  readonly due: number;
  /** Orders packets that are due at the same time. */
  readonly order: number;
}

function checkProbability(name: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw new SimulationError('BAD_OPTION', `${name} is from 0 to 1, not ${value}`);
}

function checkDuration(name: string, value: number): void {
  if (!(value >= 0 && value < 1e9)) throw new SimulationError('BAD_OPTION', `${name} is in seconds, not ${value}`);
}

/** Packets in flight, the next to arrive first. */
export class Wire {
  /** packets + duplicates = delivered + lost + overflow + those in flight. */
  packets = 0;
  duplicates = 0;
  lost = 0;
  overflow = 0;
  delivered = 0;
  corrupted = 0;
  readonly #options: Readonly<Record<keyof WireOptions, number>>;
  readonly #random: SeededRandom;
  /** A binary heap. */
  readonly #heap: PacketInFlight[] = [];
  #order = 0;

  /** @throws SimulationError `BAD_OPTION` */
  constructor(options: WireOptions) {
    const { loss = 0, duplicate = 0, corrupt = 0, latencySeconds = 0, jitterSeconds = 0, seed = 0 } = options;
    const { maxInFlight = 65_536 } = options;
    for (const [name, value] of Object.entries({ loss, duplicate, corrupt })) checkProbability(name, value);
    for (const [name, value] of Object.entries({ latencySeconds, jitterSeconds })) checkDuration(name, value);
    if (!(maxInFlight >= 1)) throw new SimulationError('BAD_OPTION', `maxInFlight is at least 1, not ${maxInFlight}`);
    this.#options = { loss, duplicate, corrupt, latencySeconds, jitterSeconds, seed, maxInFlight };
    this.#random = new SeededRandom(seed);
  }

  get inFlight(): number {
    return this.#heap.length;
  }

  /** When the next packet arrives, in seconds; infinity if none is in flight. */
  get nextDue(): number {
    return this.#heap.length === 0 ? Number.POSITIVE_INFINITY : this.#heap[0].due;
  }

  /** Takes a packet. @param bytes kept, not copied */
  send(to: string, bytes: Uint8Array, now: number): void {
    const { loss, duplicate } = this.#options;
    const random = this.#random;
    this.packets++;
    const copies = random.chance(duplicate) ? 2 : 1;
    this.duplicates += copies - 1;
    for (let n = 0; n < copies; n++) {
      if (random.chance(loss)) this.lost++;
      else this.#carry(to, n === 0 ? bytes : bytes.slice(), now);
    }
  }

  /** Removes the next packet to arrive; undefined if none is due. */
  take(now: number): PacketInFlight | undefined {
    if (this.nextDue > now) return undefined;
    this.delivered++;
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) this.#sink(last);
    return first;
  }

  #carry(to: string, bytes: Uint8Array, now: number): void {
    const { corrupt, latencySeconds, jitterSeconds, maxInFlight } = this.#options;
    const random = this.#random;
    if (this.#heap.length >= maxInFlight) {
      this.overflow++;
      return;
    }
    if (random.chance(corrupt)) {
      this.corrupted++;
      const bit = random.below(bytes.length * 8);
      bytes[bit >>> 3] ^= 1 << (bit & 7);
    }
    const late = jitterSeconds === 0 ? 0 : (random.word() / 2 ** 32) * jitterSeconds;
    this.#rise({ to, bytes, due: now + latencySeconds + late, order: this.#order++ });
  }

  #rise(packet: PacketInFlight): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(packet);
    while (at > 0) {
      const above = (at - 1) >>> 1;
      if (!isBefore(packet, heap[above])) break;
      heap[at] = heap[above];
      at = above;
    }
    heap[at] = packet;
  }

  #sink(packet: PacketInFlight): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1], heap[below])) below++;
      if (!isBefore(heap[below], packet)) break;
      heap[at] = heap[below];
      at = below;
    }
    heap[at] = packet;
  }
}

function isBefore(one: PacketInFlight, other: PacketInFlight): boolean {
  return one.due < other.due || (one.due === other.due && one.order < other.order);
}
