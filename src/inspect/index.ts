/**
 * Analyses captures of an overlay, in bounded memory.
 *
 * - {@link Survey} counts everything in one pass: networks, VTEPs, endpoints, SPIs, sizes, checksums, problems.
 * - {@link surveyFlows} returns the conversations of a capture ({@link Conversation}).
 * - {@link packetLine} is one line of text per packet, {@link matchKeys} says which keys fit which SPIs, and
 *   {@link KeyTimeline} how keys rotated.
 * - {@link AddressNames} names addresses by a description of the network, and lets a survey show the load of services.
 * @module vtep/inspect
 */
export { formatTime } from './capture-clock.js';
export { CHECKSUM_NAMES, type ChecksumRow } from './checksum-table.js';
export {
  type Conversation,
  type ConversationProtocol,
  type ConversationReport,
  type ConversationSide,
  type FlowAccounting,
  type FlowReport,
  type FlowSurvey,
  FlowTable,
  type FlowTableOptions,
  MAX_CONVERSATIONS,
  type EspSeries,
  type NetworkSeries,
  SERIES_INTERVALS,
  surveyFlows,
  type SurveyFlowsOptions,
  tcpFlagLetters,
  type TimeSeriesReport,
  TrafficSeries,
  type TrafficSeriesReport,
} from './flows/index.js';
export {
  type GossipBulkSync,
  type GossipCounts,
  type GossipEntry,
  type GossipEvent,
  GossipLearner,
  type GossipMember,
  type GossipNetwork,
  type GossipReport,
  type GossipNames,
  GossipSurvey,
  type GossipSurveyOptions,
  type GossipTime,
  type LearnedOptions,
  type LearnedTopology,
  type SeenNetwork,
} from './gossip/index.js';
export { type KeyMatch, type KeyMatchReport, matchKeys, type TransmitKey } from './key-match.js';
export { KeyTimeline, type KeyTimelineOptions, type TimelineAdditions } from './key-timeline.js';
export { type PacketLineContext, packetLine } from './packet-line.js';
export type { CipherReport, EspReport, Problem, SizeReport, SurveyReport } from './report.js';
export type { SourceSummary } from './source-summary.js';
export { type RingKeyReport, RingKeys, type SpiKeyReport } from './ring-key.js';
export {
  type AddressName,
  AddressNames,
  type BackendReport,
  NameKind,
  type ServiceReport,
  type ServiceTraffic,
} from './services/index.js';
export { Survey } from './survey.js';
export type { SurveyOptions } from './survey-options.js';
export type {
  DirectedEntry,
  KeySwitch,
  KeyTimelineReport,
  Moment,
  Rotation,
  SpiSpan,
  TimelineDirection,
  TimelineEntry,
  TimelineEvent,
} from './timeline-report.js';
