/** The services of one node: records in, names and load balancers out. */
export { NodeServices, type NodeServicesOptions } from './node-services.js';
export { type BalancedCounts, type NetworkCounts, type TaskCounts } from './service-counts.js';
