/**
 * What Docker puts in separate namespaces, as code: the embedded DNS server.
 * @module vtep/service
 */
export * from './dns/index.js';
