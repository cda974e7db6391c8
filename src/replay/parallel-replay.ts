/**
 * A replay on several cores: each frame goes to the worker that owns its flow or its SA (`FlowSharding`), each worker
 * runs the whole data plane for its share, and the results are summed.
 */
import { NodeTables, type Topology } from '../overlay/index.js';
import {
  type PairLoad,
  type TopologyMessage,
  topologyMessage,
  FlowSharding,
  WorkerGroup,
  type WorkersError,
  wipeMessage,
} from '../workers/index.js';
import { FrameRoute } from './frame-route.js';
import type { ObservedConversation } from './observed-topology.js';
import type { ReplayOptions } from './replay.js';
import { type ReplayPart, type ReplayResult, sumOfReplays } from './replay-result.js';
import { FRAME_FLOATS, FRAME_INTEGERS, FrameColumn, type ReplayShare } from './replay-worker.js';

/** Options of a replay by workers. Each worker's underlay has a seed derived from `seed` and its index. */
export interface ParallelReplayOptions extends Omit<ReplayOptions, 'cipher' | 'rotateEvery' | 'onWire'> {
  /** Number of workers, 1 to 64. */
  readonly workers: number;
  /** Name of the cipher, for encrypted networks. */
  readonly cipher?: string;
  /** Expected traffic, if known (`ObservedTopology.conversations`), to balance the workers' shares. */
  readonly conversations?: Iterable<ObservedConversation>;
}

/** The result of a parallel replay. */
export interface ParallelReplayResult {
  /** The sum of the workers' results. Frames lost with a worker count only in `frames`. */
  readonly result: ReplayResult;
  /** Frames given to workers that ended early, processed or not. */
  readonly lostToWorkers: number;
}

const SOURCE_MAC = 6;
const MIN_RING_BYTES = 1 << 22;
/** The largest record takes a quarter of a ring; with room for sixteen such frames, the sender rarely waits. */
const FRAMES_IN_RING = 16;
/** Cost of a frame, in bytes of payload of the same cost. */
const FRAME_COST = 1000;

/** A replay of one topology by worker threads. */
export class ParallelReplay {
  readonly #group: WorkerGroup;
  readonly #sharding: FlowSharding;
  readonly #route: FrameRoute;
  readonly #messages: readonly TopologyMessage[];
  #unknownSource = 0;
  /** The worker that last had no room. */
  #full = 0;

  private constructor(group: WorkerGroup, sharding: FlowSharding, route: FrameRoute, messages: TopologyMessage[]) {
    this.#group = group;
    this.#sharding = sharding;
    this.#route = route;
    this.#messages = messages;
  }

  /**
   * Starts the workers.
   * @param module the module of each worker, which calls `serveReplay` once
   * @throws WorkersError `BAD_GROUP`, and `WORKER_FAILED` if a worker doesn't start
   */
  static async start(module: URL, topology: Topology, options: ParallelReplayOptions): Promise<ParallelReplay> {
    const { workers, cipher, conversations = [], ...rest } = options;
    const route = new FrameRoute(new NodeTables(topology, topology.nodes[0].name));
    const sharding = new FlowSharding(topology, workers, loadsOf(conversations, route));
    const messages: TopologyMessage[] = [];
    try {
      const group = await WorkerGroup.start(module, {
        workers,
        bytes: Math.max(MIN_RING_BYTES, 2 ** Math.ceil(Math.log2(FRAMES_IN_RING * options.frameBytes))),
        integers: FRAME_INTEGERS,
        floats: FRAME_FLOATS,
        data(): ReplayShare {
          const message = topologyMessage(topology);
          messages.push(message);
          return { topology: message, options: rest, cipher };
        },
      });
      const [failure] = group.failures;
      if ((failure as WorkersError | undefined) !== undefined) {
        await group.close();
        throw failure;
      }
      return new ParallelReplay(group, sharding, route, messages);
    } catch (error) {
      messages.forEach(wipeMessage);
      throw error;
    }
  }

  /** One error for each worker that ended early. */
  get failures(): readonly WorkersError[] {
    return this.#group.failures;
  }

  /**
   * Sends a frame from the node of its source MAC.
   * @param bytes contains it, from `start` to `end`; copied
   * @param vni its VNI, or -1 for the first network with the MAC
   * @param now seconds, nearly monotonic
   * @returns false if there is no room: wait for `room`, and send it again
   * @throws WorkersError `RECORD_TOO_LARGE` for a frame far longer than `frameBytes`
   */
  send(bytes: Uint8Array, start: number, end: number, vni: number, now: number): boolean {
    const route = this.#route;
    if (!route.find(bytes, start, end, vni, now)) {
      this.#unknownSource++;
      return true;
    }
    const { network, source, destination } = route;
    const { integers, floats } = this.#group;
    integers[FrameColumn.Network] = network;
    integers[FrameColumn.Source] = source;
    integers[FrameColumn.Destination] = destination;
    floats[0] = now;
    const worker = this.#sharding.workerOf(network, source, destination, bytes, start, end);
    if (this.#group.push(worker, bytes, start, end)) return true;
    this.#full = worker;
    return false;
  }

  /** Waits until there is room for the frame that `send` refused. */
  async room(): Promise<void> {
    await this.#group.room(this.#full);
  }

  /** Signals the end of the frames, and waits for the result. */
  async finish(): Promise<ParallelReplayResult> {
    const parts = (await this.#group.finish()) as ReplayPart[];
    const { given, lost } = this.#group;
    const sum = sumOfReplays(parts);
    return {
      result: {
        ...sum,
        frames: given + this.#unknownSource,
        unknownSource: this.#unknownSource,
        balanced: sum.balanced && given === sum.frames + lost,
      },
      lostToWorkers: lost,
    };
  }

  /** Terminates the workers and wipes the keys. */
  async close(): Promise<void> {
    await this.#group.close();
    this.#messages.forEach(wipeMessage);
  }
}

/** The load from node to node. */
export function* loadsOf(conversations: Iterable<ObservedConversation>, route: FrameRoute): Generator<PairLoad> {
  const header = new Uint8Array(2 * SOURCE_MAC + 2);
  for (const { vni, source, destination, frames, bytes } of conversations) {
    header.set(destination);
    header.set(source, SOURCE_MAC);
    if (!route.find(header, 0, header.length, vni, 0)) continue;
    yield { source: route.source, destination: route.destination, load: FRAME_COST * frames + bytes };
  }
}
