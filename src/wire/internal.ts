/** What other rooms use of wire beyond its public entry point. */
export { MAX_RANGES, RangeSums } from './range-sums.js';
