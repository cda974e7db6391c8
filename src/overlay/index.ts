/**
 * What the overlay is: networks, nodes, endpoints and keys, and what follows from them.
 *
 * - {@link Topology} describes the networks; {@link NodeTables} is a topology as one node sees it, with its forwarding
 *   and neighbour tables, and changes while packets flow.
 * - {@link KeyRing} holds the cluster's keys, {@link RotationSchedule} and {@link RingRotation} change them, and
 *   {@link NodeSas} keeps a node's SAs in step. {@link RingResolver} finds the keys of a capture's SPIs.
 * - {@link mtuOf} does the arithmetic of headers.
 *
 * Files are parsed by vtep/overlay/files, which is separate because its YAML parser and schema validator take longer
 * to load than everything else.
 * @module vtep/overlay
 */
export type { Path } from './locations.js';
export { type FilePosition, OverlayError, type OverlayErrorCode } from './error.js';
export { keyFingerprint } from './keys/key-fingerprint.js';
export { ClusterKey, type GeneratedKeys, KeyRing } from './keys/key-ring.js';
export { deriveSa, type HkdfSha256, type PairKey, Profile } from './profile.js';
export { RingResolver, type RingResolverOptions, type RingSa } from './keys/ring-resolver.js';
export {
  LeaderChange,
  ROTATION_INTERVAL,
  RotationSchedule,
  type RotationScheduleOptions,
} from './keys/rotation-schedule.js';
export { deriveSpi, SpiForm } from './keys/spi.js';
export { type ForwardingEntry, TargetKind } from './tables/forwarding-entry.js';
export { ForwardingTable, type ForwardingTableOptions, FullPolicy, LearnOutcome } from './tables/forwarding-table.js';
export {
  DOCKER_DRIVER_MTU,
  dockerMtu,
  type EspOverhead,
  type MtuResult,
  type MtuOptions,
  type MtuStep,
  mtuOf,
  outerLength,
  type PathOptions,
} from './mtu.js';
export { AddressPool } from './ipam/address-pool.js';
export { type Capacity } from './ipam/capacity.js';
export {
  type AllocatedAddress,
  type AllocatedSubnet,
  AddressUse,
  type NetworkAllocation,
} from './ipam/network-allocation.js';
export { SubnetOrder, SubnetPools, type SubnetPoolsOptions } from './ipam/subnet-pools.js';
export { type ServiceRequest, SwarmAllocator } from './ipam/swarm-allocator.js';
export {
  type Located,
  type PlannedNetwork,
  type PlannedService,
  planSwarm,
  type SwarmPlan,
  type Waiting,
} from './ipam/swarm-plan.js';
export { type Membership, type NetworkMembership } from './membership.js';
export { NeighbourTable } from './tables/neighbour-table.js';
export { NodeSas, type NodeSasOptions, RingOutcome, type RingUpdateOptions } from './keys/node-sas.js';
export { type RotationStep, StepKind } from './keys/peer-sas.js';
export { RingRotation, type RingRotationOptions } from './keys/ring-rotation.js';
export { type SaEvent, SaEventKind } from './keys/sa-event.js';
export type { ChangePlan, PlannedEndpoint, PlannedTables } from './tables/change-plan.js';
export type { NetworkColumns } from './tables/network-columns.js';
export { NodeTables, type ReadonlyNodeTables, type TablesWatcher } from './tables/node-tables.js';
export { type TakenChanges, type TakenState } from './tables/pending-changes.js';
export { espOverheadOf, PathMtu, type PathMtuOptions } from './tables/path-mtu.js';
export {
  formatAddress,
  formatPrefix,
  parseIp,
  parsePrefix,
  type Prefix,
  prefixContains,
  prefixesOverlap,
} from './prefix.js';
export {
  type Endpoint,
  EndpointKind,
  FloodPolicy,
  type IndexedTopology,
  type Network,
  type Node,
  type Topology,
} from './topology.js';
export { ChangeKind, endpointId, type EndpointRecord, type TopologyChange } from './tables/topology-change.js';
export * from './services/index.js';
export { diffTopology } from './tables/topology-diff.js';
export {
  type KernelFdbEntry,
  type KernelNeighbour,
  parseBridgeFdb,
  parseIpNeighbours,
} from './import/kernel-tables.js';
