/** Load balancing as Docker's namespaces do it: IPVS masquerade and netfilter's source NAT as code. */
export { BALANCE_DROPS, BalanceDrop, balanceDropName } from './balance-drop.js';
export { BalanceVerdict } from './balance-verdict.js';
export type { BalancedConnection } from './table/connection-list.js';
export { ConnectionTable } from './table/connection-table.js';
export { BalanceError, type BalanceErrorCode } from './error.js';
export type { QuotedChecksum } from './nat/icmp-error.js';
export type { LegOptions } from './leg.js';
export { LoadBalancer } from './load-balancer.js';
export type { BalanceAccounting, LoadBalancerOptions } from './options.js';
export { BALANCE_HEADROOM } from './own-answers.js';
export { RoundRobin } from './services/round-robin.js';
export { SCTP_TIMEOUTS, SctpState, sctpStateName } from './state/sctp-state.js';
export {
  type BackendCounts,
  type BackendOptions,
  Forwarding,
  type PublishedPort,
  type ServiceAddresses,
  type ServiceCounts,
  type ServiceOptions,
} from './services/service-options.js';
export { nextTcpState, TCP_STATES, TCP_TIMEOUTS, TcpState, tcpStateName, TcpTable } from './state/tcp-state.js';
