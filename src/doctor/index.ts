/**
 * Says what is wrong with an overlay, why, and what to do about it, from whatever an operator has: captures, dumps of the
 * kernel's tables, Docker's own view.
 *
 * - {@link readInputs} reads texts, whose kind it recognises, and {@link CaptureExam} captures.
 * - {@link diagnose} finds what is wrong in them; {@link doctorReport} is the result as plain data.
 * - {@link FINDINGS} lists everything that can be found.
 * @module vtep/doctor
 */
export {
  CaptureExam,
  type CaptureExamOptions,
  type EndpointHome,
  type FloodedFrames,
  type OuterFragments,
  type PairTraffic,
  type RetransmissionStorm,
  type ReservedBits,
  type SpiTrace,
  type TcpTrace,
  type TooBig,
  type TunnelFrames,
  type TunnelTraffic,
  type UnansweredQueries,
  type WrongChecksums,
} from './capture/index.js';
export { FINDINGS } from './catalogue.js';
export { diagnose, type Consequence, type DoctorResult, type Found, MAX_DIAGNOSES } from './diagnose.js';
export { type DoctorReport, doctorReport, type FindingReport } from './doctor-report.js';
export type { CaptureEvidence, ExaminedFile, Occurrence } from './evidence/capture.js';
export type { EngineView, LogLine, NetworkView, ServiceView } from './evidence/docker.js';
export { type Evidence, InputKind, type InputSummary, type NodeEvidence } from './evidence/evidence.js';
export type { FirewallRule, IpvsTimeouts, TrackedConnection, VirtualServer } from './evidence/firewall.js';
export type { FdbRow, Link, NeighbourRow, OffloadFeature, XfrmCounter, XfrmPolicy, XfrmSa } from './evidence/kernel.js';
export type { Place, Placed } from './evidence/place.js';
export type { StoreStream } from './evidence/store.js';
export { DoctorError, type DoctorErrorCode } from './error.js';
export { Certainty, type Diagnosis, type Exhibit, type Finding, Severity, type Subject } from './finding.js';
export {
  type CollectOptions,
  collectScript,
  identify,
  IDENTIFY_BYTES,
  type IdentifiedInput,
  InputForm,
  type InputFile,
  inputText,
  MAX_INPUT,
  readInputs,
  type ReadInputs,
} from './inputs/index.js';
export { type CaptureFile, type ExaminedCapture, examinedCapture, withCaptures } from './with-captures.js';
