/**
 * Some flows at a time whose frames are coalesced, so that interleaved flows still are (as the kernel's GRO keeps lists of
 * flows, net/core/gro.c). Each flow's frames keep their order; different flows may overtake each other.
 */
import { viewOf } from '../memory/internal.js';
import type { Layers } from '../wire/index.js';
import type { Coalescer } from './coalescer.js';

/** Maximum number of flows with pending frames (GRO_HASH_BUCKETS of the kernel is 8, too). */
export const MAX_FLOWS = 8;

const MULTIPLIER = 0x9e3779b1;

/** A hash of a packet's addresses and ports. Equal for all packets of a flow, and seldom for those of two. */
export function flowKey(bytes: Uint8Array, { addressOffset, family, transportOffset }: Layers): number {
  const view = viewOf(bytes);
  let key = view.getInt32(transportOffset);
  const end = addressOffset + (family === 4 ? 8 : 32);
  for (let at = addressOffset; at < end; at += 4) {
    key = Math.imul(key, MULTIPLIER) ^ view.getInt32(at);
    key ^= key >>> 15;
  }
  return key;
}

/** The flows of one protocol. */
export class CoalescedFlows<T extends Coalescer> {
  readonly #flows: T[];
  readonly #keys: Int32Array;
  /** Where to look for the oldest flow. */
  #next = 0;
  #used = 0;

  /** @param create creates a coalescer without frames */
  constructor(create: () => T) {
    // One more, for a new flow while the oldest one is still pending.
    this.#flows = Array.from({ length: MAX_FLOWS + 1 }, create);
    this.#keys = new Int32Array(MAX_FLOWS + 1);
  }

  /** Number of flows with pending frames. */
  get used(): number {
    return this.#used;
  }

  /** The flow with pending frames and a key; undefined if there is none. */
  find(key: number): T | undefined {
    const keys = this.#keys;
    const flows = this.#flows;
    if (this.#used === 0) return undefined;
    for (let i = 0; i < keys.length; i++) if (keys[i] === key && flows[i].count > 0) return flows[i];
    return undefined;
  }

  /**
   * Begins a flow with a frame.
   * @returns the flow; undefined if the frame can't begin one
   */
  begin(bytes: Uint8Array, layers: Layers, start: number, end: number, key: number): T | undefined {
    const flows = this.#flows;
    let i = this.#next;
    while (flows[i].count > 0) i = i + 1 === flows.length ? 0 : i + 1;
    const flow = flows[i];
    if (!flow.add(bytes, layers, start, end)) return undefined;
    this.#keys[i] = key;
    this.#used++;
    this.#next = i + 1 === flows.length ? 0 : i + 1;
    return flow;
  }

  /** The flow to send next because too many are pending; undefined if there is room. */
  get surplus(): T | undefined {
    if (this.#used <= MAX_FLOWS) return undefined;
    // All are in use: the one after the latest is the oldest.
    return this.#flows[this.#next];
  }

  /** Any flow with pending frames; undefined if there is none. */
  get pending(): T | undefined {
    if (this.#used === 0) return undefined;
    const flows = this.#flows;
    let i = this.#next;
    while (flows[i].count === 0) i = i + 1 === flows.length ? 0 : i + 1;
    return flows[i];
  }

  /** Forgets the frames of a flow, after they were sent. */
  clear(flow: T): void {
    flow.clear();
    this.#used--;
  }
}
