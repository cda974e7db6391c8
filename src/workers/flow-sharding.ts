/**
 * Assigns packets to workers such that no two workers need to share state: clear packets by flow, to preserve their
 * order; encrypted ones by SA, so that a single worker has its sequence numbers and replay window.
 */
import { flowHash } from '../dataplane/index.js';
import type { HashKey } from '../memory/index.js';
import { addWord, beginHash, finishHash, flowKey, getWord } from '../memory/internal.js';
import { FloodPolicy, type Topology } from '../overlay/index.js';
import { Layers } from '../wire/index.js';
import { ShardMap } from './shard-map.js';

/** Number of flow buckets: many more than workers, so that each worker gets about the same number. */
const FLOW_BITS = 12;
const FLOWS = 1 << FLOW_BITS;

/**
 * The worker of a flow: each has an equal range of hashes.
 * @param hash 32 bits, uniformly distributed, as from `flowHash`
 */
export function workerOfFlow(hash: number, workers: number): number {
  return Math.floor(((hash >>> 0) / 2 ** 32) * workers);
}

/**
 * The worker of a received ESP packet, by its SA: SPI and destination address. For a receiver, whatever created the
 * SAs.
 * @param family 4 or 6
 * @param bytes holds the destination address, at `offset`
 * @param key hash key, which all threads must share. Default: this thread's.
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

/** Amount of work from one node to another. */
export interface PairLoad {
  /** Indices into the topology's nodes; a destination of -1 means none. */
  readonly source: number;
  readonly destination: number;
  /** In any unit. */
  readonly load: number;
}

/**
 * Assigns a topology's frames to workers.
 *
 * - Frames of clear networks: by flow.
 * - Frames of encrypted networks: by source and destination VTEP. All SAs of one direction, over all key rotations,
 *   belong to one worker, so that packets keep their order across a rotation.
 * - If an encrypted network uses head-end replication or learning, a frame may go to any node, so all SAs that a node
 *   sends with must belong to one worker: frames of encrypted networks are assigned by source VTEP.
 */
export class FlowSharding {
  readonly #encrypted: readonly boolean[];
  /** Whether encrypted frames are assigned by source only. */
  readonly #bySource: boolean;
  readonly #nodes: number;
  readonly #flows: ShardMap;
  readonly #pairs: ShardMap;
  readonly #inner = new Layers();

  /**
   * @param workers number of workers
   * @param loads expected work between nodes in encrypted networks, if known: the heaviest pairs are assigned first
   */
  constructor(topology: Topology, workers: number, loads: Iterable<PairLoad> = []) {
    const encryptedNetworks = topology.networks.filter(({ encrypted }) => encrypted);
    this.#encrypted = topology.networks.map(({ encrypted }) => encrypted);
    this.#bySource = encryptedNetworks.some(({ flood, learning }) => flood === FloodPolicy.Replicate || learning);
    this.#nodes = topology.nodes.length;
    this.#flows = new ShardMap(workers);
    this.#pairs = new ShardMap(workers);
    const totals = new Map<number, number>();
    for (const { source, destination, load } of loads) {
      const pair = this.#pairOf(source, destination);
      totals.set(pair, (totals.get(pair) ?? 0) + load);
    }
    this.#pairs.assignInAdvance(totals);
  }

  /**
   * The worker of a frame.
   * @param network index into the topology's networks
   * @param source index of the sending node
   * @param destination index of the receiving node; -1: none, or more than one
   * @param bytes holds the frame, from `start` to `end`
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
