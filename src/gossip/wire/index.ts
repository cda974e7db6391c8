/** Swarm's gossip in bytes: memberlist's packets and streams, NetworkDB's messages, the records of its tables. */
export { GOSSIP_FAULTS, type GossipFault, gossipFaultText, isFault } from './fault.js';
export { EncryptionVersion, encryptedLength, GossipKeyring } from './keyring.js';
export { decodeMember, encodeMember } from './member-codec.js';
export {
  type Ack,
  type Alive,
  type BulkSync,
  type Dead,
  type EndpointRecord as EndpointTableRecord,
  EntryEvent,
  type ErrorMessage,
  type GossipCompound,
  type GossipMessage,
  GossipType,
  type IndirectPing,
  MAX_NAME_BYTES,
  type MemberMessage,
  MembershipEvent,
  MessageType,
  type Nack,
  type NetworkEntry,
  type NetworkEvent,
  type NetworkPushPull,
  type NodeEvent,
  NodeState,
  type PeerRecord as PeerTableRecord,
  type Ping,
  type PingSource,
  type PortConfig,
  PortProtocol as GossipPortProtocol,
  type PushNodeState,
  type PushPull,
  type Suspect,
  type TableEvent,
  TableName,
  type UserMessage,
} from './messages.js';
export { decodeGossip, encodeGossip, type Faults, forEachGossip } from './networkdb-codec.js';
export {
  endpointRecordOf,
  isIngressBalancer,
  type PeerEndpoint,
  peerEndpointOf,
  peerRecordOf,
  type RecordPlace,
  serviceRecordOf,
} from './overlay-records.js';
export {
  decodePacket,
  encodePacket,
  type GossipPacket,
  MAX_COMPOUND_PARTS,
  type PacketOptions,
  type ReadPacketOptions,
} from './packet.js';
export { decodeEndpointRecord, decodePeerRecord, encodeEndpointRecord, encodePeerRecord } from './record-codec.js';
export { encodeStream, type ReadStreamOptions, StreamDecoder, type StreamOptions } from './stream.js';
