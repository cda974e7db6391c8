/**
 * Parses networks and keys from files: vtep's own formats, Docker's and Swarm's.
 *
 * - {@link parseConfig} reads a config, {@link importTopology} the output of a running swarm's tools,
 *   {@link importSwarm} that of Docker's inspect commands, with services. All return a `Topology` for `NodeTables`.
 * - {@link readMeshSettings} reads an HTTP routing mesh from a file of its own.
 * - {@link parseKeys} reads any key file; {@link parseKeyRing} and {@link parseSwarmKeys} only rings.
 * @module vtep/overlay/files
 */
export { type ConfigOptions, parseConfig, parseSwarmPlan, pinnedConfig } from './config.js';
export { dockerMac } from './config-endpoints.js';
export {
  type DockerEndpoint,
  type DockerNetwork,
  parseDockerNetworks,
  type VerboseTask,
} from './import/docker-network.js';
export {
  type ImportedTopology,
  importTopology,
  type NodeImport,
  type NodeOutputs,
} from './import/imported-topology.js';
export { type ImportedSwarm, importSwarm, type SwarmImportOptions } from './import/imported-swarm.js';
export type { DumpFile } from './import/swarm-dump.js';
export type { FormerTask } from './import/swarm-endpoints.js';
export { parseGossipKeys } from './keys/gossip-keys.js';
export { formatKeyRing, isRingAlone, type KeyRingFile, parseKeyRing, parseSwarmKeys } from './keys/key-ring-file.js';
export { KeyText, extractKeys } from './keys/key-text.js';
export { type KeysFile, parseKeys } from './keys/keys-file.js';
export { readMeshSettings } from './mesh-file.js';
