/**
 * A node of a Docker swarm that is no Docker engine.
 *
 * {@link JoinedNode} joins with a worker's token, and reports the swarm's keys, networks and managers as they change.
 * It needs Node, and a TCP connection to port 2377 of a manager, but no privileges.
 * @module vtep/join
 */
export type { AttachedNetwork, AttachmentRequest } from './attachment/attached-network.js';
export type { AttachedSubnet, NetworkAddress } from './attachment/network-address.js';
export type { NodeBalancer } from './attachment/node-balancers.js';
export { JoinError, type JoinErrorCode } from './error.js';
export { type JoinEvent, JoinState, type SwarmNode } from './events.js';
export { JoinedNode } from './joined-node.js';
export type { CloseOptions, JoinedNodeOptions } from './joined-node-options.js';
export type { SwarmKeys } from './session/cluster-keys.js';
export type { NodeProfile } from './session/node-profile.js';
export { DEFAULT_TIMES, type JoinTimes } from './times.js';
export { JoinToken } from './token.js';
