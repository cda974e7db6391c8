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
export { addressOf, lastOf, numberOf } from './ipam/ipv4-number.js';
export { NetworkAllocation } from './ipam/network-allocation.js';
export { SubnetPools } from './ipam/subnet-pools.js';
export { VniPool } from './ipam/vni-pool.js';
export { isNodeAddress } from './node-address.js';
export { tagsOfSpi } from './keys/spi-tags.js';
export { formatAddress } from './prefix.js';
export { type DriverOptions, readDriverOptions } from './services/driver-options.js';
export type { Differences } from './tables/differences.js';
export { PendingChanges } from './tables/pending-changes.js';
export { serviceDifferences, topologyDifferences } from './tables/state-differences.js';
export { PortTable } from './services/port-table.js';
export { expandTemplate } from './services/task-template.js';
export { INTERFACE_NAME_RULE, isInterfaceName } from './topology.js';
export { unknownNode } from './unknown-node.js';
