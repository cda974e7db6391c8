/** What other rooms use of dataplane beyond its public entry point. */
export { FlowBuckets } from './flow-buckets.js';
export { espDropOf } from './drop-reason.js';
export { isPlainUdp, outerFlow, PLAIN_FRAME, plainFlow, plainFrameEnd, plainPort } from './plain-vxlan.js';
