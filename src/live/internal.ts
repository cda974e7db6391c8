/** What other rooms use of live beyond its public entry point. */
export { hostAndPort } from './metrics/metrics-server.js';
export { PrometheusText } from './metrics/prometheus-text.js';
