/** A worker of a file's replay: reads the whole capture, and runs its share of the frames through the data plane. */
import { readShared, type SharedFile } from '../capture/index.js';
import {
  type PairLoad,
  serveTask,
  type TaskContext,
  type TopologyMessage,
  topologyOfMessage,
} from '../workers/index.js';
import { CaptureFrames, type FrameFilter } from './capture-frames.js';
import { FrameClock } from './frame-clock.js';
import { FrameOwner } from './frame-owner.js';
import { CaptureKind } from './observed-topology.js';
import { Replay, type ReplayOptions } from './replay.js';
import type { ReplayPart } from './replay-result.js';
import { type ReplayWorkerOptions, seedOfWorker } from './replay-worker.js';

/** A worker's share, as structured-clonable data. */
export interface FileReplayShare {
  readonly file: SharedFile;
  readonly kind: CaptureKind;
  /** How many times to replay it. */
  readonly loops: number;
  readonly topology: TopologyMessage;
  readonly options: Omit<ReplayOptions, 'cipher' | 'rotateEvery' | 'onWire'>;
  readonly loads: readonly PairLoad[];
  /** Name of the cipher; undefined if nothing is encrypted. */
  readonly cipher: string | undefined;
}

/** A worker's result. What isn't said to be its own is about the whole capture, and the same for all workers. */
export interface FileReplayPart {
  /** Its own frames. */
  readonly part: ReplayPart;
  /** Frames of the capture, over all passes. */
  readonly frames: number;
  readonly withoutFrame: number;
  readonly truncated: number;
  readonly tooLong: number;
  readonly packets: number;
  /** Why the capture ended early, if it did. */
  readonly damage: string | undefined;
}

/** Reads a capture, and sends the frames that belong to one worker. */
class Share implements FrameFilter {
  frames = 0;
  withoutFrame = 0;
  truncated = 0;
  tooLong = 0;
  packets = 0;
  damage: string | undefined;
  readonly #share: FileReplayShare;
  readonly #context: TaskContext;
  readonly #worker: number;
  readonly #replay: Replay;
  readonly #owner: FrameOwner;
  readonly #clock = new FrameClock();

  constructor(share: FileReplayShare, context: TaskContext, replay: Replay, owner: FrameOwner) {
    this.#share = share;
    this.#context = context;
    this.#worker = context.worker;
    this.#replay = replay;
    this.#owner = owner;
  }

  skips(bytes: Uint8Array, start: number, end: number, seconds: number, nanoseconds: number): boolean {
    if (this.#owner.ofPlain(bytes, start, end) === this.#worker) return false;
    this.frames++;
    this.#clock.atTime(seconds, nanoseconds);
    return true;
  }

  /** Reads the capture once. */
  async pass(): Promise<void> {
    const { file, kind, options } = this.#share;
    const frames = new CaptureFrames(kind, undefined, options.frameBytes);
    this.#clock.restart();
    const source = await readShared(file);
    this.packets = 0;
    const filter = this.#owner.early ? this : undefined;
    while (!this.#context.stopped) {
      const batch = await source.next();
      if (batch === undefined) break;
      this.packets += batch.count;
      frames.begin(batch);
      while (frames.next(filter)) this.#send(frames);
      this.#context.report(source.position);
    }
    await source.close();
    this.withoutFrame += frames.withoutFrame;
    this.truncated += frames.truncated;
    this.tooLong += frames.tooLong;
    this.damage = source.damage?.message;
  }

  #send(frames: CaptureFrames): void {
    const { bytes, start, end, vni } = frames;
    this.frames++;
    const now = this.#clock.at(frames);
    if (this.#owner.of(bytes, start, end, vni, frames.flow, now) !== this.#worker) return;
    this.#replay.send(bytes, start, end, vni, now);
  }
}

/**
 * Replays one worker's share of a capture.
 * @throws CaptureError if it can't be read
 */
export async function replayShare(
  share: FileReplayShare,
  context: TaskContext,
  { aead, hkdf, random }: ReplayWorkerOptions,
): Promise<FileReplayPart> {
  const { cipher, options, kind, loads, loops } = share;
  const topology = topologyOfMessage(share.topology);
  const replay = new Replay(topology, {
    ...options,
    seed: seedOfWorker(options.seed ?? 0, context.worker),
    ...(cipher === undefined ? {} : { cipher: { aead: aead(cipher), hkdf, random } }),
  });
  topology.ring?.wipe();
  try {
    const owner = new FrameOwner(topology, context.workers, kind === CaptureKind.Wire, loads);
    const own = new Share(share, context, replay, owner);
    for (let loop = 0; loop < loops && !context.stopped; loop++) await own.pass();
    replay.flush();
    const { frames, withoutFrame, truncated, tooLong, packets, damage } = own;
    return { part: replay.result(), frames, withoutFrame, truncated, tooLong, packets, damage };
  } finally {
    replay.close();
  }
}

/**
 * Runs a worker of `FileReplay`. Its module calls only this, once `isTask` says that it is one.
 * @throws WorkersError `NOT_A_WORKER` in a thread that wasn't started by a task group
 */
export async function serveFileReplay(options: ReplayWorkerOptions): Promise<void> {
  await serveTask((data, context) => replayShare(data as FileReplayShare, context, options));
}
