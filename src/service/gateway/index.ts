/** The gateway network of a node, docker_gwbridge, as code: a switch and its addresses. */
export { GatewayError, type GatewayErrorCode } from './error.js';
export { GatewayAddresses, sandboxAddress } from './gateway-addresses.js';
export { GATEWAY_DROPS, GatewayDrop, gatewayDropName } from './gateway-drop.js';
export {
  ALL_PORTS,
  type GatewayCounts,
  type GatewayPort,
  GatewayPortKind,
  GatewaySwitch,
  type GatewaySwitchOptions,
  MAX_GATEWAY_PORTS,
  NO_PORT,
} from './gateway-switch.js';
export type { OpenPort } from './published-bits.js';
