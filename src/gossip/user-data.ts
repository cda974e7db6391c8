import {
  type GossipType,
  type NetworkEvent,
  type NetworkPushPull,
  type NodeEvent,
  type TableEvent,
} from './wire/messages.js';

/** Table events in one user message: COMPOUND, decoded. */
export interface TableEvents {
  readonly type: typeof GossipType.Compound;
  readonly events: readonly TableEvent[];
}

/** BULK_SYNC with its payload decoded: all entries of networks, and tombstones. */
export interface BulkSyncEntries {
  readonly type: typeof GossipType.BulkSync;
  readonly lTime: number;
  /** Whether the receiver answers with its own. */
  readonly unsolicited: boolean;
  readonly nodeName: string;
  readonly networks: readonly string[];
  readonly events: readonly TableEvent[];
}

/** What memberlist carries for NetworkDB in user messages, decoded: the state machines never see bytes. */
export type UserData = NodeEvent | NetworkEvent | TableEvent | TableEvents | BulkSyncEntries;

/** What memberlist carries for NetworkDB in a push/pull, decoded. */
export type UserState = NetworkPushPull;
