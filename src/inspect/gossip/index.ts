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
export { type LearnedOptions, type LearnedTopology, type SeenNetwork } from './learned-topology.js';
export {
  GOSSIP_PORT,
  type GossipNames,
  GossipSurvey,
  type GossipSurveyOptions,
  type GossipTime,
} from './gossip-survey.js';
