/** What the command line shows of a node, which is not part of the public API. */
export { gossipMetrics } from './status/gossip-metrics.js';
export { gossipSections } from './status/gossip-sections.js';
export { joinedMetrics } from './status/joined-metrics.js';
export { joinedSections } from './status/joined-sections.js';
