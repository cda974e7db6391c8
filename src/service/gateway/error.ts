import { VtepError } from '../../error.js';

/** What can be wrong with the description of a gateway. */
export type GatewayErrorCode =
  /** Invalid options, or an address or MAC that isn't one. */
  | 'BAD_GATEWAY'
  /** Another port has the MAC or the address. */
  | 'PORT_EXISTS'
  /** No port, or no address, is left. */
  | 'GATEWAY_FULL';

/** An error of the gateway: always the caller's mistake, never a packet's. */
export class GatewayError extends VtepError<GatewayErrorCode> {}
