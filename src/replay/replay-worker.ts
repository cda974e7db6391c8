/** A worker's share of a parallel replay: the whole data plane for the frames that are its own. */
import type { Aead } from '../aead/aead.js';
import type { HkdfSha256 } from '../overlay/index.js';
import { type PacketService, servePackets, type TopologyMessage, topologyOfMessage } from '../workers/index.js';
import { SeededRandom } from './random.js';
import { Replay, type ReplayOptions } from './replay.js';

/** How a worker replays its share: what can be copied from thread to thread. */
export interface ReplayShare {
  readonly topology: TopologyMessage;
  readonly options: Omit<ReplayOptions, 'cipher' | 'rotateEvery' | 'onWire'>;
  /** Name of the cipher, or undefined where nothing is encrypted. */
  readonly cipher: string | undefined;
}

/** What a worker has of its own. */
export interface ReplayWorkerOptions {
  /** Makes the cipher of a name, for this thread. */
  readonly aead: (name: string) => Aead;
  readonly hkdf: HkdfSha256;
  /** Fills an array with cryptographic random bytes. */
  readonly random: (bytes: Uint8Array) => void;
}

/** The integers beside each frame, by place: the network, and the nodes that it goes from and to. */
export const FrameColumn = { Network: 0, Source: 1, Destination: 2 } as const;
export const FRAME_INTEGERS = 3;
/** The float beside each frame is its time in seconds. */
export const FRAME_FLOATS = 1;

/** The seed of a worker's underlay: another one for each worker, the same at each run. */
export function seedOfWorker(seed: number, worker: number): number {
  const random = new SeededRandom(seed);
  let drawn = random.word();
  for (let i = 0; i < worker; i++) drawn = random.word();
  return drawn;
}

/**
 * Serves a worker of `ParallelReplay`: the only call of its module.
 * @throws WorkersError `NOT_A_WORKER` in a thread that no group started
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
    const way = { network: 0, source: 0, destination: 0 };
    return {
      packet(bytes, start, end, integers, floats) {
        way.network = integers[FrameColumn.Network];
        way.source = integers[FrameColumn.Source];
        way.destination = integers[FrameColumn.Destination];
        replay.sendAlong(bytes, start, end, way, floats[0]);
      },
      finish() {
        replay.flush();
        replay.close();
        return replay.result();
      },
    };
  });
}
