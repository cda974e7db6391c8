/** A worker of a parallel replay: runs the whole data plane for its share of the frames. */
import type { Aead } from '../aead/portable.js';
import type { HkdfSha256 } from '../overlay/index.js';
import { type PacketService, servePackets, type TopologyMessage, topologyOfMessage } from '../workers/index.js';
import { SeededRandom } from './random.js';
import { Replay, type ReplayOptions } from './replay.js';

/** A worker's share, as structured-clonable data. */
export interface ReplayShare {
  readonly topology: TopologyMessage;
  readonly options: Omit<ReplayOptions, 'cipher' | 'rotateEvery' | 'onWire'>;
  /** Name of the cipher; undefined if nothing is encrypted. */
  readonly cipher: string | undefined;
}

/** What each worker creates in its thread. */
export interface ReplayWorkerOptions {
  /** Creates a cipher by name, for this thread. */
  readonly aead: (name: string) => Aead;
  readonly hkdf: HkdfSha256;
  /** Fills an array with cryptographic random bytes. */
  readonly random: (bytes: Uint8Array) => void;
}

/** Indices of the integers sent with each frame: its network, and its source and destination node. */
export const FrameColumn = { Network: 0, Source: 1, Destination: 2 } as const;
export const FRAME_INTEGERS = 3;
/** One float is sent with each frame: its time in seconds. */
export const FRAME_FLOATS = 1;

/** The seed of a worker's underlay: different for each worker, the same in each run. */
export function seedOfWorker(seed: number, worker: number): number {
  const random = new SeededRandom(seed);
  let drawn = random.word();
  for (let i = 0; i < worker; i++) drawn = random.word();
  return drawn;
}

/**
 * Runs a worker of `ParallelReplay`. Its module calls only this.
 * @throws WorkersError `NOT_A_WORKER` in a thread that wasn't started by a group
 */
export function serveReplay({ aead, hkdf, random }: ReplayWorkerOptions): void {
  servePackets((data, worker): PacketService => {
    const { topology: message, options, cipher } = data as ReplayShare;
    const topology = topologyOfMessage(message);
    const replay = new Replay(topology, {
      ...options,
      seed: seedOfWorker(options.seed ?? 0, worker),
      ...(cipher === undefined ? {} : { cipher: { aead: aead(cipher), hkdf, random } }),
    });
    topology.ring?.wipe();
    const route = { network: 0, source: 0, destination: 0 };
    return {
      packet(bytes, start, end, integers, floats) {
        route.network = integers[FrameColumn.Network];
        route.source = integers[FrameColumn.Source];
        route.destination = integers[FrameColumn.Destination];
        replay.sendAlong(bytes, start, end, route, floats[0]);
      },
      finish() {
        replay.flush();
        replay.close();
        return replay.result();
      },
    };
  });
}
