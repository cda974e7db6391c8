import { VtepError } from '../../error.js';

/** What can be wrong with the description of a load balancer. */
export type BalanceErrorCode =
  /** Invalid options, an invalid weight, or a port out of range. */
  | 'BAD_BALANCER'
  /** The address or published port already belongs to a service. */
  | 'SERVICE_EXISTS'
  /** The service already has the backend. */
  | 'BACKEND_EXISTS'
  /** No service or backend has this id or address. */
  | 'UNKNOWN_SERVICE'
  | 'UNKNOWN_BACKEND';

/** An error of the load balancer: always the caller's mistake, never a packet's. */
export class BalanceError extends VtepError<BalanceErrorCode> {}
