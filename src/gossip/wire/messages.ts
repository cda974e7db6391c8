/**
 * The messages of Swarm's gossip as values: memberlist's own, those of Docker's NetworkDB inside them, and the records
 * of its two tables.
 *
 * Addresses are bytes, 4 or 16 of them. Names are text of at most {@link MAX_NAME_BYTES} bytes of UTF-8. Incarnations,
 * sequence numbers (uint32) and Lamport times (uint64 on the wire) are numbers. A Lamport time above
 * `Number.MAX_SAFE_INTEGER` (2^53 - 1) is refused as `bad-lamport-time`: no cluster counts that far, a clock that
 * witnessed one could not count on, and one forged event would silence a key for good. Encoding one throws.
 */

/** Longest name of a node, network, table or key that is read or written, in bytes. */
export const MAX_NAME_BYTES = 512;

/** First byte of a memberlist message. */
export const MessageType = {
  Ping: 0,
  IndirectPing: 1,
  Ack: 2,
  Suspect: 3,
  Alive: 4,
  Dead: 5,
  PushPull: 6,
  /** Framing: several messages in one packet. */
  Compound: 7,
  User: 8,
  /** Framing: LZW. */
  Compress: 9,
  /** Framing: an encrypted stream. Encrypted packets have no type byte. */
  Encrypt: 10,
  Nack: 11,
  /** Framing: CRC-32 of what follows. */
  Crc: 12,
  Error: 13,
  /** Framing: a label in clear text before everything else. */
  Label: 244,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/** What a member tells about its sender in pings. Left out on the wire where undefined. */
export interface PingSource {
  readonly sourceAddr?: Uint8Array | undefined;
  readonly sourcePort?: number | undefined;
  readonly sourceNode?: string | undefined;
}

/** Asks for an {@link Ack}. */
export interface Ping extends PingSource {
  readonly type: typeof MessageType.Ping;
  readonly seqNo: number;
  /** The intended receiver's name: another one ignores the ping. */
  readonly node: string;
}

/** Asks the receiver to ping a third node, and to pass on the answer. */
export interface IndirectPing extends PingSource {
  readonly type: typeof MessageType.IndirectPing;
  readonly seqNo: number;
  /** Address of the node to ping. */
  readonly target: Uint8Array;
  readonly port: number;
  /** Name of the node to ping. */
  readonly node: string;
  /** Whether the sender understands a {@link Nack}. */
  readonly nack: boolean;
}

/** Answers a ping. */
export interface Ack {
  readonly type: typeof MessageType.Ack;
  readonly seqNo: number;
  /** Undefined is nil on the wire, which is what Docker sends; an empty array is an empty string. */
  readonly payload: Uint8Array | undefined;
}

/** Answers an indirect ping: the third node has not answered in time. */
export interface Nack {
  readonly type: typeof MessageType.Nack;
  readonly seqNo: number;
}

/** Says that a node doesn't answer. */
export interface Suspect {
  readonly type: typeof MessageType.Suspect;
  readonly incarnation: number;
  readonly node: string;
  /** Who suspects it. */
  readonly from: string;
}

/** Says that a node is there, and where. */
export interface Alive {
  readonly type: typeof MessageType.Alive;
  readonly incarnation: number;
  readonly node: string;
  readonly addr: Uint8Array;
  readonly port: number;
  /** Always empty in a swarm: empty as its owner sends it, undefined (nil) as others pass it on. */
  readonly meta: Uint8Array | undefined;
  /** Versions: protocol min, max, current; delegate min, max, current. */
  readonly vsn: Uint8Array;
}

/** Says that a node is gone: it has left if `from` is the node itself. */
export interface Dead {
  readonly type: typeof MessageType.Dead;
  readonly incarnation: number;
  readonly node: string;
  readonly from: string;
}

/** States of a node in a push/pull. */
export const NodeState = { Alive: 0, Suspect: 1, Dead: 2, Left: 3 } as const;
export type NodeState = (typeof NodeState)[keyof typeof NodeState];

/** What a push/pull says about one node. */
export interface PushNodeState {
  readonly name: string;
  readonly addr: Uint8Array;
  readonly port: number;
  /** See {@link Alive.meta}. */
  readonly meta: Uint8Array | undefined;
  readonly incarnation: number;
  readonly state: NodeState;
  /** See {@link Alive.vsn}. */
  readonly vsn: Uint8Array;
}

/** All that a member knows, over a stream; the other side sends the same back. */
export interface PushPull {
  readonly type: typeof MessageType.PushPull;
  readonly join: boolean;
  readonly nodes: readonly PushNodeState[];
  /** An encoded {@link NetworkPushPull} in a swarm. */
  readonly userState: Uint8Array;
}

/** Carries what is above memberlist: in a swarm, an encoded {@link GossipMessage}. */
export interface UserMessage {
  readonly type: typeof MessageType.User;
  readonly body: Uint8Array;
}

/** Says over a stream why a request failed. */
export interface ErrorMessage {
  readonly type: typeof MessageType.Error;
  readonly error: string;
}

/** A message without its framing. Push/pulls and errors travel in streams only. */
export type MemberMessage =
  Ping | IndirectPing | Ack | Nack | Suspect | Alive | Dead | PushPull | UserMessage | ErrorMessage;

/** Type of a NetworkDB message. */
export const GossipType = {
  NetworkEvent: 1,
  TableEvent: 2,
  PushPull: 3,
  BulkSync: 4,
  Compound: 5,
  NodeEvent: 6,
} as const;
export type GossipType = (typeof GossipType)[keyof typeof GossipType];

/** What happened to a node, or between a node and a network. */
export const MembershipEvent = { Join: 1, Leave: 2 } as const;
export type MembershipEvent = (typeof MembershipEvent)[keyof typeof MembershipEvent];

/** What happened to an entry of a table. */
export const EntryEvent = { Create: 1, Update: 2, Delete: 3 } as const;
export type EntryEvent = (typeof EntryEvent)[keyof typeof EntryEvent];

/** NODE_EVENT: a node joins or leaves the cluster. */
export interface NodeEvent {
  readonly type: typeof GossipType.NodeEvent;
  readonly event: MembershipEvent;
  readonly lTime: number;
  readonly nodeName: string;
}

/** NETWORK_EVENT: a node joins or leaves a network. */
export interface NetworkEvent {
  readonly type: typeof GossipType.NetworkEvent;
  readonly event: MembershipEvent;
  readonly lTime: number;
  readonly nodeName: string;
  readonly networkId: string;
}

/** A node on a network, as a push/pull has it. */
export interface NetworkEntry {
  readonly networkId: string;
  readonly lTime: number;
  readonly nodeName: string;
  readonly leaving: boolean;
}

/** PUSH_PULL: the networks of all nodes. */
export interface NetworkPushPull {
  readonly type: typeof GossipType.PushPull;
  readonly lTime: number;
  readonly networks: readonly NetworkEntry[];
  readonly nodeName: string;
}

/** TABLE_EVENT: an entry of a table is created, changed or deleted. */
export interface TableEvent {
  readonly type: typeof GossipType.TableEvent;
  readonly event: EntryEvent;
  readonly lTime: number;
  /** The entry's owner. */
  readonly nodeName: string;
  readonly networkId: string;
  readonly tableName: string;
  readonly key: string;
  readonly value: Uint8Array;
  /** How long a deleted entry is still remembered, in seconds; 0 for others. */
  readonly residualReapTime: number;
}

/** BULK_SYNC: all entries of networks, over a stream. */
export interface BulkSync {
  readonly type: typeof GossipType.BulkSync;
  readonly lTime: number;
  /** Whether the receiver answers with its own. */
  readonly unsolicited: boolean;
  readonly nodeName: string;
  readonly networks: readonly string[];
  /** An encoded {@link GossipCompound}. */
  readonly payload: Uint8Array;
}

/** COMPOUND: several messages in one. */
export interface GossipCompound {
  readonly type: typeof GossipType.Compound;
  /** Each an encoded {@link GossipMessage}. */
  readonly messages: readonly Uint8Array[];
}

/** What a swarm's user messages hold. */
export type GossipMessage = NodeEvent | NetworkEvent | NetworkPushPull | TableEvent | BulkSync | GossipCompound;

/** Names of the tables of a swarm. */
export const TableName = { Peers: 'overlay_peer_table', Endpoints: 'endpoint_table' } as const;
export type TableName = (typeof TableName)[keyof typeof TableName];

/** A value of `overlay_peer_table`: where an endpoint is. Its texts are as its owner wrote them, not checked. */
export interface PeerRecord {
  /** Address and prefix length: `10.0.0.2/24`. */
  readonly endpointIp: string;
  /** `02:42:0a:00:00:02`. */
  readonly endpointMac: string;
  /** The VTEP: `192.168.50.1`. */
  readonly tunnelEndpointIp: string;
}

/** Protocol of a published port. */
export const PortProtocol = { Tcp: 0, Udp: 1, Sctp: 2 } as const;
export type PortProtocol = (typeof PortProtocol)[keyof typeof PortProtocol];

/** A published port of a service, on its records of the ingress network. */
export interface PortConfig {
  readonly name: string;
  readonly protocol: PortProtocol;
  readonly targetPort: number;
  readonly publishedPort: number;
}

/**
 * A value of `endpoint_table`: what an endpoint is called and which service it is a task of. Its texts are as its owner
 * wrote them, not checked.
 */
export interface EndpointRecord {
  readonly name: string;
  /** Empty for a plain container, as are its id and its VIP (or the VIP is `<nil>`). */
  readonly serviceName: string;
  readonly serviceId: string;
  /** `<nil>` or empty: none. */
  readonly virtualIp: string;
  /** Without a prefix length. */
  readonly endpointIp: string;
  readonly ingressPorts: readonly PortConfig[];
  /** Of the service. */
  readonly aliases: readonly string[];
  /** Of this endpoint alone. */
  readonly taskAliases: readonly string[];
  readonly serviceDisabled: boolean;
}
