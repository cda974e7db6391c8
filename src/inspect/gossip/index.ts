/** Gossip in captures. */
export type {
  GossipBulkSync,
  GossipCounts,
  GossipEntry,
  GossipEvent,
  GossipMember,
  GossipNetwork,
  GossipReport,
} from './gossip-report.js';
export { GossipLearner } from './gossip-learner.js';
export { type LearnedOptions, type LearnedTopology } from './learned-topology.js';
export { GOSSIP_PORT, GossipSurvey, type GossipSurveyOptions } from './gossip-survey.js';
