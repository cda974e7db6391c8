/** What other rooms use of live beyond its public entry point. */
export { hostAndPort } from './metrics/metrics-server.js';
export { MAX_LIVE_WORKERS } from './workers/open-workers.js';
export { PrometheusText } from './metrics/prometheus-text.js';
export { EventLoopPart, eventLoopDescriptor } from './system/event-loop.js';
export { applyDifferences, ChangePieces, type RunningTables, runningTables } from './node/running-tables.js';
