/** The entry point of the DNS server's room. */
export { DnsClient, type DnsClientOptions, type DnsServer } from './client.js';
export { DnsError, type DnsErrorCode } from './error.js';
export { DnsTransport } from './message.js';
export {
  DnsNames,
  type DnsNamesOptions,
  type DnsNetwork,
  type DnsRecord,
  type DnsService,
  NetworkScope,
} from './names.js';
export { DnsProfile } from './profile.js';
export { type Exchange, type Resolution, ResolutionKind, type UpstreamRequest } from './resolution.js';
export { FORWARD, NO_ANSWER, Resolver, type ResolverOptions } from './resolver.js';
export { MAX_TCP_QUERIES, TCP_IDLE_SECONDS, TCP_PREFIX_LEN, tcpFrame, TcpMessages } from './tcp-frame.js';
