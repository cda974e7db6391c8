/** What other rooms use of overlay beyond its public entry point. */
export {
  fdbRowOf,
  type FdbRowText,
  fdbTextRows,
  neighbourRowOf,
  type NeighbourRowText,
  neighbourTextRows,
} from './import/kernel-rows.js';
export { CaptureKeys } from './keys/capture-keys.js';
export { extractKeys, KeyText } from './keys/key-text.js';
export { isNodeAddress } from './node-address.js';
export { tagsOfSpi } from './keys/spi-tags.js';
export { formatAddress } from './prefix.js';
export { type DriverOptions, readDriverOptions } from './services/driver-options.js';
export { INTERFACE_NAME_RULE, isInterfaceName } from './topology.js';
export { unknownNode } from './unknown-node.js';
