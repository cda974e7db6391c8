/**
 * Which worker a packet belongs to, so that no two workers need to know of each other: a clear packet goes by its flow, which
 * keeps its order; an encrypted one by its SA, whose sequence numbers and replay window one worker alone counts.
 */
import { flowHash } from '../dataplane/index.js';
import { addWord, beginHash, finishHash, flowKey, type HashKey } from '../memory/hash.js';
import { getWord } from '../memory/word.js';
import { FloodPolicy, type Topology } from '../overlay/index.js';
import { Layers } from '../wire/index.js';
import { Owners } from './owners.js';

/** Flows are told apart so far; more than workers by so much that each worker gets about as many. */
const FLOW_BITS = 12;
const FLOWS = 1 << FLOW_BITS;

/**
 * The worker of a flow: a part of the hashes for each.
 * @param hash 32 bits, all of them as good: `flowHash`'s
 */
export function workerOfFlow(hash: number, workers: number): number {
  return Math.floor(((hash >>> 0) / 2 ** 32) * workers);
}

/**
 * The worker of an ESP packet off a wire, by what names its SA: SPI and destination. For a receiver, whatever made the SAs.
 * @param family 4 or 6
 * @param bytes what the destination address stands in, at `offset`
 * @param key of the hash; default: this thread's. Threads that are to agree must be given the same
 */
export function workerOfSa(
  spi: number,
  family: number,
  bytes: Uint8Array,
  offset: number,
  workers: number,
  key: HashKey = flowKey(),
): number {
  let sum = addWord(key, beginHash(key), 0, spi);
  const words = family === 4 ? 1 : 4;
  for (let i = 0; i < words; i++) sum = addWord(key, sum, 1 + i, getWord(bytes, offset + 4 * i));
  return workerOfFlow(finishHash(key, sum), workers);
}

/** How much work goes from node to node. */
export interface PairLoad {
  /** Places in the topology's nodes; a destination of -1 is none. */
  readonly source: number;
  readonly destination: number;
  /** In any unit. */
  readonly load: number;
}

/**
 * The workers of a topology's frames.
 *
 * - Frames of clear networks go by their flow.
 * - Frames of encrypted networks go by the pair of source and destination VTEP. All SAs of one direction are one worker's,
 *   over all rotations of the keys, so that packets keep their order across a rotation, too.
 * - Where an encrypted network replicates frames at the head end, or learns where MACs are, one frame may go to any node:
 *   all SAs that a node sends with are one worker's then. Frames of encrypted networks go by the source VTEP alone.
 */
export class TopologySpread {
  readonly #encrypted: readonly boolean[];
  /** Whether encrypted frames go by their source alone. */
  readonly #bySource: boolean;
  readonly #nodes: number;
  readonly #flows: Owners;
  readonly #pairs: Owners;
  readonly #inner = new Layers();

  /**
   * @param workers how many there are
   * @param loads what will go from node to node in encrypted networks, if it is known: the heaviest pairs are spread first
   */
  constructor(topology: Topology, workers: number, loads: Iterable<PairLoad> = []) {
    const sealed = topology.networks.filter(({ encrypted }) => encrypted);
    this.#encrypted = topology.networks.map(({ encrypted }) => encrypted);
    this.#bySource = sealed.some(({ flood, learning }) => flood === FloodPolicy.Replicate || learning);
    this.#nodes = topology.nodes.length;
    this.#flows = new Owners(workers);
    this.#pairs = new Owners(workers);
    const sums = new Map<number, number>();
    for (const { source, destination, load } of loads) {
      const pair = this.#pairOf(source, destination);
      sums.set(pair, (sums.get(pair) ?? 0) + load);
    }
    this.#pairs.give(sums);
  }

  /**
   * The worker of a frame.
   * @param network its place in the topology's networks
   * @param source places of the nodes that it goes from and to; a destination of -1 is none, or more than one
   * @param bytes what it stands in, from `start` to `end`
   */
  workerOf(
    network: number,
    source: number,
    destination: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number {
    if (this.#encrypted[network]) return this.#pairs.ownerOf(this.#pairOf(source, destination));
    this.#inner.walkEthernet(bytes, start, end);
    return this.#flows.ownerOf(workerOfFlow(flowHash(bytes, start, this.#inner), FLOWS));
  }

  #pairOf(source: number, destination: number): number {
    return this.#bySource ? source : source * (this.#nodes + 1) + destination + 1;
  }
}
