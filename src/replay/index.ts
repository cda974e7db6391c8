/**
 * Replays captures through the whole data plane and back, and compares and measures the result.
 *
 * {@link Replay} sends a capture's frames from node to node on one core. {@link FileReplay} does so on several, each of
 * which reads the capture file itself, and {@link ParallelReplay} on several that are given the frames.
 * {@link ObservedTopology} works out the networks from the capture itself, and {@link Underlay} simulates loss, delay,
 * duplication and corruption from a seed.
 * @module vtep/replay
 */
export { CaptureFrames, type FrameFilter } from './capture-frames.js';
export { FrameClock } from './frame-clock.js';
export { CaptureKind, type ObservedConversation, ObservedTopology, type ObservedOptions } from './observed-topology.js';
export { FileReplay, type FileReplayOptions, type FileReplayResult, type SkippedPackets } from './file-replay.js';
export { type FileReplayShare, serveFileReplay } from './file-replay-worker.js';
export { ParallelReplay, type ParallelReplayOptions, type ParallelReplayResult } from './parallel-replay.js';
export { SeededRandom } from './random.js';
export { Replay, type ReplayOptions } from './replay.js';
export { type ReplayPart, type ReplayResult, sumOfReplays } from './replay-result.js';
export { type ReplayShare, type ReplayWorkerOptions, serveReplay } from './replay-worker.js';
export { type ServiceReplay } from './service-path.js';
export { Underlay, type UnderlayOptions } from './underlay.js';
