/** What captures show: collected in one pass of bounded memory, as evidence for findings. */
export { CaptureExam, type CaptureExamOptions } from './capture-exam.js';
export { type CaptureMatch, carriesFrames, isFarOff, matchCaptures, type MatchedFlow } from './capture-match.js';
export {
  captureName,
  counted,
  durationOf,
  networkText,
  nodeText,
  placesOf,
  secondsDifference,
  shareText,
  shown,
  timeText,
} from './capture-text.js';
export { CaptureTrace, MAX_TRACE_PACKETS, TraceKind } from './capture-trace.js';
export type { WrongChecksums } from './checksum-watch.js';
export type { UnansweredQueries } from './dns-watch.js';
export type { EndpointHome, PairTraffic } from './endpoint-watch.js';
export type { SpiTrace } from './esp-watch.js';
export type { OuterFragments } from './fragment-watch.js';
export type { FloodedFrames, ReservedBits } from './header-watch.js';
export { innerSubject, vtepsOf } from './inner-vteps.js';
export { capturesOf, matchedCaptures, type NodeCapture } from './matched-captures.js';
export { perSubject } from './per-subject.js';
export type { RetransmissionStorm, TcpTrace } from './tcp-watch.js';
export type { TooBig } from './too-big-watch.js';
export type { TunnelFrames, TunnelTraffic } from './tunnel-watch.js';
