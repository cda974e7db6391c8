/**
 * A replay of a capture file on several cores, without handing packets over: each worker reads the whole file, which the
 * page cache holds once, finds the owner of each frame by the same rule (`FrameOwner`), and runs the whole data plane for
 * its own frames only. The results are summed.
 */
import type { SharedFile } from '../capture/index.js';
import { NodeTables, type Topology } from '../overlay/index.js';
import { TaskGroup, type TopologyMessage, topologyMessage, wipeMessage, WorkersError } from '../workers/index.js';
import type { FileReplayPart, FileReplayShare } from './file-replay-worker.js';
import { FrameRoute } from './frame-route.js';
import type { CaptureKind } from './observed-topology.js';
import { loadsOf, type ParallelReplayOptions } from './parallel-replay.js';
import { type ReplayResult, sumOfReplays } from './replay-result.js';

/** Options of a file's replay by workers. */
export interface FileReplayOptions extends ParallelReplayOptions {
  /** What the capture holds. ESP in it isn't decrypted. */
  readonly kind: CaptureKind;
  /**
   * How many times to replay it.
   * @default 1
   */
  readonly loops?: number;
}

/** Packets of a capture that weren't replayed. */
export interface SkippedPackets {
  /** As in `CaptureFrames`. */
  readonly withoutFrame: number;
  readonly truncated: number;
  readonly tooLong: number;
}

/** The result of a file's replay. */
export interface FileReplayResult extends SkippedPackets {
  /** The sum of the workers' results: that of one worker, unless the underlay is impaired, by a seed for each worker. */
  readonly result: ReplayResult;
  /** Packets of the capture, or as far as it was read. */
  readonly packets: number;
  /** Why the capture ended early; undefined if it didn't. */
  readonly damage: string | undefined;
}

/**
 * Adds up the results of all workers.
 * @param stopped whether they were stopped, and may have read different parts of the capture
 * @throws WorkersError `INPUT_CHANGED`
 */
export function sumOfShares(parts: readonly FileReplayPart[], stopped = false): FileReplayResult {
  const result = sumOfReplays(parts.map(({ part }) => part));
  // All of them count this, and the same.
  const [{ frames, withoutFrame, truncated, tooLong, packets, damage }] = parts;
  const same = parts.every((part) => part.frames === frames && part.packets === packets) && result.frames === frames;
  if (!same && !stopped) {
    throw new WorkersError('INPUT_CHANGED', 'the capture was changed while it was replayed');
  }
  return { result, withoutFrame, truncated, tooLong, packets, damage };
}

/** A replay of one topology by worker threads that read the capture themselves. */
export class FileReplay {
  readonly #task: TaskGroup;
  readonly #messages: readonly TopologyMessage[];
  #stopped = false;

  /**
   * Starts the workers.
   * @param module the module of each worker, which calls `serveFileReplay`
   * @param file stays open until `close`
   * @throws WorkersError `BAD_GROUP`
   */
  constructor(module: URL, file: SharedFile, topology: Topology, options: FileReplayOptions) {
    const { workers, cipher, conversations = [], kind, loops = 1, ...rest } = options;
    const route = new FrameRoute(new NodeTables(topology, topology.nodes[0].name));
    const loads = [...loadsOf(conversations, route)];
    const messages: TopologyMessage[] = [];
    this.#messages = messages;
    try {
      this.#task = new TaskGroup(module, {
        workers,
        data(): FileReplayShare {
          const message = topologyMessage(topology);
          messages.push(message);
          return { file, kind, loops, topology: message, options: rest, loads, cipher };
        },
      });
    } catch (error) {
      messages.forEach(wipeMessage);
      throw error;
    }
  }

  /** Bytes of the current pass that the slowest worker has read. */
  get position(): number {
    return this.#task.progress;
  }

  /** Ends the reading early. The workers may then have read different parts of the capture. */
  stop(): void {
    this.#stopped = true;
    this.#task.stop();
  }

  /**
   * Waits for the result.
   * @throws WorkersError `WORKER_FAILED`; `INPUT_CHANGED` if the workers didn't read the same packets
   */
  async finish(): Promise<FileReplayResult> {
    return sumOfShares((await this.#task.finish()) as FileReplayPart[], this.#stopped);
  }

  /** Terminates the workers and wipes the keys. */
  async close(): Promise<void> {
    await this.#task.close();
    this.#messages.forEach(wipeMessage);
  }
}
