/**
 * Parses networks and keys from files: vtep's own formats, Docker's and Swarm's.
 *
 * - {@link parseConfig} reads a config, {@link importTopology} the output of a running swarm's tools. Both return a
 *   `Topology` for `NodeTables`.
 * - {@link parseKeys} reads any key file; {@link parseKeyRing} and {@link parseSwarmKeys} only rings.
 * @module vtep/overlay/files
 */
export { type ConfigOptions, parseConfig, parseSwarmPlan, pinnedConfig } from './config.js';
export { dockerMac } from './config-endpoints.js';
export { type DockerEndpoint, type DockerNetwork, parseDockerNetworks } from './import/docker-network.js';
export {
  type ImportedTopology,
  importTopology,
  type NodeImport,
  type NodeOutputs,
} from './import/imported-topology.js';
export { formatKeyRing, isRingAlone, type KeyRingFile, parseKeyRing, parseSwarmKeys } from './keys/key-ring-file.js';
export { KeyText, extractKeys } from './keys/key-text.js';
export { type KeysFile, parseKeys } from './keys/keys-file.js';
