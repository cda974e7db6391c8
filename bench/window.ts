/** Packets in an arena, split into batches: the input of one timed run. They are restored before each run, untimed. */
import { Arena, PacketBatch } from '../src/memory/index.js';
import { NETWORK, type Packets } from './workload.js';

/** Packets per run: enough that reading the clock costs nothing, few enough to stay in a core's caches. */
export const WINDOW = 256;
/** Bytes around a frame for its outer headers and ESP. */
export const OUTER_BYTES = 192;
/** Slots for packets that stages create. */
const SPARE_SLOTS = 16;

/** The batches of a run. */
export class Window {
  readonly arena: Arena;
  readonly batches: readonly PacketBatch[];
  readonly #packets: Packets;
  #next = 0;

  /**
   * @param packets used in turn
   * @param batch packets per batch, 1 to `WINDOW`
   * @param frameBytes size of the largest packet
   * @param spare slots in addition to those of the window
   */
  constructor(packets: Packets, batch: number, frameBytes: number, spare = SPARE_SLOTS) {
    this.#packets = packets;
    this.arena = new Arena({ slots: WINDOW + spare, frameBytes });
    this.batches = Array.from({ length: WINDOW / batch }, () => new PacketBatch(this.arena, batch));
  }

  /** Index of the packet that the next `fill` begins with. */
  get next(): number {
    return this.#next;
  }

  /** Fills the batches with the next packets. */
  fill(): void {
    const { bytes, start, end } = this.#packets;
    for (const batch of this.batches) {
      while (!batch.full) {
        const i = this.#next;
        if (batch.copyIn(bytes, start[i], end[i], NETWORK) < 0) throw new Error('the arena is too small');
        this.#next = i + 1 === start.length ? 0 : i + 1;
      }
    }
  }
}

/** Moves all packets of a batch into another one, which must be empty. */
export function moveAll(from: PacketBatch, to: PacketBatch): void {
  for (let i = 0; i < from.count; i++) {
    const at = to.push(from.slot[i], from.start[i], from.end[i], from.network[i], from.node[i], from.flow[i]);
    to.endpoint[at] = from.endpoint[i];
    to.tos[at] = from.tos[i];
    to.ttl[at] = from.ttl[i];
    to.sender[at] = from.sender[i];
  }
  from.count = 0;
}
