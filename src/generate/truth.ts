/** The ground truth: which packets show which fault, and between which nodes. */
import { formatAddress } from '../overlay/index.js';
import type { Lane } from './lane.js';

/** Packet numbers that are listed by fault, at most; `count` goes on. */
export const MAX_NUMBERS = 10_000;

/** What a fault did. */
export interface FaultTruth {
  /** Its name: that of doctor's finding, or the kind of impairment. */
  readonly fault: string;
  /** Whether it was asked for by name; otherwise by a probability. */
  readonly named: boolean;
  /** Packets that show it. */
  readonly count: number;
  /**
   * Their numbers in the capture from 1, at most 10,000. Of packets that are missing, those of the packets that come next.
   */
  readonly packets: readonly number[];
  /** Names of the nodes between which they are, in the order in which they appear; of impairments at most 100. */
  readonly nodes: readonly string[];
  /** Addresses of their VTEPs. */
  readonly vteps: readonly string[];
  /** VNIs of their networks. */
  readonly vnis: readonly number[];
}

const MAX_NODES = 100;

/** Collects it. */
export class TruthRecord {
  count = 0;
  readonly #packets: number[] = [];
  readonly #nodes = new Map<string, string>();
  readonly #vnis = new Set<number>();

  constructor(
    readonly fault: string,
    readonly named: boolean,
  ) {}

  /** Adds a packet. */
  add(packet: number, { source, destination, vni }: Lane): void {
    this.count++;
    if (this.#packets.length < MAX_NUMBERS) this.#packets.push(packet);
    for (const { name, vtep } of [source, destination]) {
      if (this.#nodes.size < MAX_NODES && !this.#nodes.has(name)) this.#nodes.set(name, formatAddress(vtep));
    }
    if (this.#vnis.size < MAX_NODES) this.#vnis.add(vni);
  }

  /** What was collected. */
  get truth(): FaultTruth {
    return {
      fault: this.fault,
      named: this.named,
      count: this.count,
      packets: [...this.#packets].sort((a, b) => a - b),
      nodes: [...this.#nodes.keys()],
      vteps: [...this.#nodes.values()],
      vnis: [...this.#vnis],
    };
  }
}
