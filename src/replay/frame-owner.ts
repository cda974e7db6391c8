/**
 * Which worker replays a frame of a capture that every worker reads.
 *
 * - If no network is encrypted, by the outer flow of the packet, as its sender derived it from the inner flow.
 * - If all are, by the source and destination of the frame: `FlowSharding` assigns the pair of nodes that they stand for,
 *   and the owners of recent pairs of MACs are remembered.
 * - Frames of other captures: as `FlowSharding` assigns them.
 */
import { FlowBuckets, plainFlow, PLAIN_FRAME } from '../dataplane/internal.js';
import { getWord } from '../memory/internal.js';
import { NodeTables, type Topology } from '../overlay/index.js';
import { FlowSharding, type PairLoad } from '../workers/index.js';
import { FrameRoute } from './frame-route.js';

/** Slots for the pairs of recent frames, a power of two. */
const RECENT = 1 << 10;
const PAIR_WORDS = 4;
const MACS = 12;
const FACTOR = 0x9e3779b1;

/** Finds the owners of frames: the same in every worker, as each asks for all frames in the same order. */
export class FrameOwner {
  /** Whether a plain packet's owner is known without decoding it. */
  readonly early: boolean;
  readonly #flows: FlowBuckets;
  readonly #byFlow: boolean;
  readonly #route: FrameRoute;
  readonly #sharding: FlowSharding;
  /** The words of recent pairs, and their owners. */
  readonly #recent = new Int32Array(RECENT * PAIR_WORDS);
  readonly #recentOwners = new Int32Array(RECENT).fill(-1);

  /**
   * @param carried whether the frames are in VXLAN, rather than captured as they are
   * @param loads expected work between nodes in encrypted networks
   */
  constructor(topology: Topology, workers: number, carried: boolean, loads: readonly PairLoad[]) {
    const { networks, nodes } = topology;
    const encrypted = networks.filter((network) => network.encrypted).length;
    this.#flows = new FlowBuckets(workers);
    this.#byFlow = carried && encrypted === 0;
    this.early = carried && (encrypted === 0 || encrypted === networks.length);
    this.#route = new FrameRoute(new NodeTables(topology, nodes[0].name));
    this.#sharding = new FlowSharding(topology, workers, loads);
  }

  /** The owner of the frame in a plain packet at `start`. Only if `early`. */
  ofPlain(bytes: Uint8Array, start: number, end: number): number {
    if (this.#byFlow) return this.#flows.ownerOf(plainFlow(bytes, start));
    const frame = start + PLAIN_FRAME;
    return this.#ofPair(bytes, frame, end, getWord(bytes, frame - 4) >>> 8);
  }

  /**
   * The owner of any frame.
   * @param vni its VNI, or -1 for one captured as it is
   * @param flow hash of its packet's outer flow
   * @param now seconds
   */
  of(bytes: Uint8Array, start: number, end: number, vni: number, flow: number, now: number): number {
    if (this.#byFlow) return this.#flows.ownerOf(flow);
    return this.early ? this.#ofPair(bytes, start, end, vni) : this.#ofRoute(bytes, start, end, vni, now);
  }

  #ofPair(bytes: Uint8Array, start: number, end: number, vni: number): number {
    const first = getWord(bytes, start);
    const middle = getWord(bytes, start + 4);
    const last = getWord(bytes, start + MACS - 4);
    const hash = Math.imul(first ^ Math.imul(middle, FACTOR) ^ Math.imul(last ^ vni, FACTOR + 2), FACTOR);
    const slot = (hash >>> 16) & (RECENT - 1);
    const recent = this.#recent;
    const at = slot * PAIR_WORDS;
    const isRecent =
      recent[at] === first && recent[at + 1] === middle && recent[at + 2] === last && recent[at + 3] === vni;
    if (isRecent && this.#recentOwners[slot] >= 0) return this.#recentOwners[slot];
    recent[at] = first;
    recent[at + 1] = middle;
    recent[at + 2] = last;
    recent[at + 3] = vni;
    const owner = this.#ofRoute(bytes, start, end, vni, 0);
    this.#recentOwners[slot] = owner;
    return owner;
  }

  /** Frames of unknown endpoints, which nobody replays, are counted by the first worker. */
  #ofRoute(bytes: Uint8Array, start: number, end: number, vni: number, now: number): number {
    const route = this.#route;
    if (!route.find(bytes, start, end, vni, now)) return 0;
    return this.#sharding.workerOf(route.network, route.source, route.destination, bytes, start, end);
  }
}
