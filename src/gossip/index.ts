/**
 * The gossip of a Docker swarm, without sockets or clocks: HashiCorp's memberlist, and Docker's NetworkDB on top of it.
 *
 * - {@link decodePacket} and {@link StreamDecoder} read what arrives on port 7946 by UDP and TCP; {@link encodePacket}
 *   and {@link encodeStream} write it. {@link GossipKeyring} holds the keys.
 * - {@link forEachGossip} reads NetworkDB's messages in it, {@link decodePeerRecord} and {@link decodeEndpointRecord} the
 *   records of its tables.
 * - {@link SwarmMember} is a member of it: packets, streams and the time go in; packets, streams and events come out.
 * @module vtep/gossip
 */
export * from './wire/index.js';
export { type BulkSyncEntries, type TableEvents, type UserData, type UserState } from './user-data.js';
export { type Random } from './random.js';
export { type DecodedParts, decodeParts, encodeParts, fromStream, toStream } from './user-codec.js';
export { type GossipEndpoint, sameEndpoint } from './member/endpoint.js';
export { Member } from './member/member.js';
export { type StreamDone } from './member/streams.js';
export { type Suspicion } from './member/suspicion.js';
export { type MemberIdentity, type MemberPorts, SWARM_VERSIONS } from './member/context.js';
export { MemberCounts } from './member/counts.js';
export { type MemberEvent, type MemberOutput, type MemberUser } from './member/output.js';
export { type PacketPart, type StateExchange, type StreamMessage, type UserPart } from './member/packet.js';
export { DEFAULT_MEMBER_PARAMETERS, type MemberParameters, PLAIN_SWIM } from './member/parameters.js';
export { Peer } from './member/peer.js';
export { NetworkDb } from './networkdb/network-db.js';
export { type Cluster } from './networkdb/cluster.js';
export { type NetworkDbPorts } from './networkdb/context.js';
export { NetworkDbError, type NetworkDbErrorCode } from './networkdb/error.js';
export { NetworkDbCounts } from './networkdb/counts.js';
export { DEFAULT_NETWORK_DB_PARAMETERS, type NetworkDbParameters } from './networkdb/parameters.js';
export { type TableChange, type TableEntry } from './networkdb/table-change.js';
export {
  SwarmMember,
  type SwarmMemberOutput,
  type SwarmMemberParameters,
  type SwarmMemberPorts,
} from './networkdb/swarm-member.js';
export { DOCKER_PROFILES, type DockerProfile } from './profiles.js';
export { type LearnedChanges, type LearnedNetwork, type LearnedState } from './learned/learned-network.js';
export { type LearnedTablesOptions } from './learned/learned-options.js';
export { LearnedTables } from './learned/learned-tables.js';
export { type LearnedCounts, LearnedRefusal } from './learned/learned-counts.js';
export { kindAndName, learnedEndpointId } from './learned/learned-endpoint.js';
export {
  type AnnouncedEntry,
  announcedBalancer,
  announcedEndpoint,
  type LocalEndpoint,
} from './learned/local-endpoint.js';
