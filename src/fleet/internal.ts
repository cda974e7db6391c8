/** What the command line shows of a node, which is not part of the public API. */
export { storeMetrics } from './node/store-metrics.js';
export { storeSections } from './node/store-section.js';
