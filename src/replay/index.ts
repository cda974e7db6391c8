/** Captures through the whole data plane and back, compared and measured. */
export { CaptureFrames, type FrameHandler } from './capture-frames.js';
export { CaptureKind, ObservedTopology, type ObservedOptions } from './observed-topology.js';
export { SeededRandom } from './random.js';
export { Replay, type ReplayOptions, type ReplayResult } from './replay.js';
export { FrameMatch, SentFrames } from './sent-frames.js';
export { Underlay, type UnderlayOptions } from './underlay.js';
