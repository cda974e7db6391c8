/** Conversations and traffic over time. */
export { type Conversation, type ConversationProtocol, type ConversationSide, tcpFlagLetters } from './conversation.js';
export type { FlowAccounting } from './flow-accounting.js';
export { FlowTable, type FlowTableOptions, MAX_CONVERSATIONS } from './flow-table.js';
export { type FlowSurvey, surveyFlows, type SurveyFlowsOptions } from './survey-flows.js';
export type { ConversationReport, FlowReport, TimeSeriesReport } from './flow-report.js';
export {
  type EspSeries,
  type NetworkSeries,
  SERIES_INTERVALS,
  TrafficSeries,
  type TrafficSeriesReport,
} from './traffic-series.js';
