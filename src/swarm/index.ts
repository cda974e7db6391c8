/**
 * A node of a swarm: a VTEP whose peers, endpoints and services come from gossip.
 * @module vtep/swarm
 */
export type { GossipBounds } from './member/gossip-bounds.js';
export { GossipError, type GossipErrorCode } from './member/gossip-error.js';
export type { SwarmGossipSettings } from './member/local-gossip.js';
export { openGossip } from './member/open-gossip.js';
export { startGossipThread } from './member/start-gossip-thread.js';
export { SwarmError, type SwarmErrorCode } from './error.js';
export type { AttachmentInterface, JoinedAttachment } from './joined/joined-attachment.js';
export type { JoinedVtepEvent, KeyTags } from './joined/joined-events.js';
export type { JoinedVtepCloseOptions, JoinedVtepOptions } from './joined/joined-options.js';
export type { JoinedAttachmentReport, JoinedReport } from './joined/joined-report.js';
export { JoinedVtep } from './joined-vtep.js';
export type { KeyAge } from './joined/key-ages.js';
export type { UnderlayAddress } from './joined/underlay-address.js';
export type {
  GossipCounters,
  GossipKeyReport,
  GossipMember,
  GossipNetworkReport,
  GossipReport,
  SwarmGossip,
  SwarmGossipListener,
  SwarmGossipOptions,
} from './member/swarm-gossip.js';
export type { SilentPeer } from './silent-peers.js';
export type { JoinedNetwork, OpenGossip, OwnEndpoint, SwarmVtepOptions } from './swarm-options.js';
export type { OwnEndpointReport, SwarmReport } from './swarm-report.js';
export { SwarmVtep, type SwarmVtepCloseOptions, type SwarmVtepKeys } from './swarm-vtep.js';
