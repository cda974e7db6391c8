/**
 * Swarm's services as code, which Docker puts in separate namespaces: load balancing of virtual IPs and published ports,
 * the embedded DNS server, and the gateway network.
 * @module vtep/service
 */
export * from './balance/index.js';
export * from './dns/index.js';
export * from './node/index.js';
export * from './ports/index.js';
export * from './gateway/index.js';
