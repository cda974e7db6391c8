/** How tables are kept and spread. All times are in milliseconds. */
export interface NetworkDbParameters {
  /** @default 200 */
  readonly gossipInterval: number;
  /** Nodes of a network that each round of its gossip goes to. @default 3 */
  readonly gossipNodes: number;
  /** Time between full exchanges of tables with a node picked at random. @default 30000 */
  readonly bulkSyncInterval: number;
  /** How long the other half of an exchange is waited for. @default 30000 */
  readonly bulkSyncTimeout: number;
  /** Nodes that tables are exchanged with on joining a network, one after another. Docker asks all. @default Infinity */
  readonly joinSyncs: number;
  /** Time between attempts to reach a failed node again. @default 1000 */
  readonly reconnectInterval: number;
  /** Time between checks that one of the nodes given to `join` is there, and else joining them again. @default 60000 */
  readonly rejoinInterval: number;
  /** How long deleted entries are remembered. @default 1800000 */
  readonly reapEntryTime: number;
  /** How long a network that a node left is remembered; longer than entries. @default 1825000 */
  readonly reapNetworkTime: number;
  /** Time between reaping. @default 5000 */
  readonly reapInterval: number;
  /** How long nodes that failed or left are remembered. @default 86400000 */
  readonly reapNodeTime: number;
  /** Time between reaping nodes. @default 7200000 */
  readonly reapNodeInterval: number;
  /** How often each event is passed on, times the power of ten of nodes. @default 4 */
  readonly retransmitMult: number;
  /** Longest packet before encryption, in bytes. @default 1400 */
  readonly packetBytes: number;
  /** What encryption and framing add, in bytes. @default 35 */
  readonly packetOverhead: number;
  /** Events queued above which those learned by bulk sync are not passed on. @default 500 */
  readonly maxQueuedOnSync: number;
  /**
   * What happens to the entries of a failed node. They are always reported as deleted.
   *
   * - `forget` (Docker up to 28): they are deleted.
   * - `detach` (Docker 29.0 to 29.7.2): also, the networks that the node is on are forgotten, so that its entries are
   *   refused until they are learned again (moby issue 53141).
   * - `hide`: they are kept, followed, and reported as created when the node is back. The same on the wire.
   *
   * @default 'hide'
   */
  readonly failedOwner: 'forget' | 'detach' | 'hide';
  /** Whether a gossiped deletion of an entry that isn't known is kept (Docker 29) or dropped. @default true */
  readonly keepUnknownDeletes: boolean;
  /** Whether events of other nodes wait until there is room besides this node's own (Docker 29). @default true */
  readonly ownEventsFirst: boolean;
  /**
   * Whether a node contradicts what others say about its own entries: it deletes those that it no longer has, and
   * repeats those that others have in a newer version than itself. No release of Docker does (moby issue 47728), so
   * entries of a node that came back under its old name can stay wrong for ever. The messages are ordinary ones.
   *
   * @default true
   */
  readonly refuteOwnEntries: boolean;
  /**
   * Whether a node makes up for what comes in the wrong order, as while many nodes start at once: it keeps events for
   * some seconds until it knows the node that they are from, keeps its own until there is a node to send them to, and
   * exchanges tables with a node of a network that it joined as the first one it knew of. Docker leaves all this to the
   * next periodic exchange, up to half a minute later. The messages are ordinary ones.
   *
   * @default true
   */
  readonly catchUp: boolean;
  /** Nodes remembered; others are refused and counted. @default 16384 */
  readonly maxNodes: number;
  /** Networks known, also those that only others are on. @default 4096 */
  readonly maxNetworks: number;
  /** Nodes on networks, over all networks. @default 262144 */
  readonly maxAttachments: number;
  /** Entries of all tables, deleted ones included. @default 1048576 */
  readonly maxEntries: number;
  /** Bytes of the values of all entries; those that don't fit are refused and counted. @default 268435456 */
  readonly maxValueBytes: number;
  /** Events queued, per queue. @default 32768 */
  readonly maxBroadcasts: number;
}

/** Docker's settings, and the behaviour that converges best. */
export const DEFAULT_NETWORK_DB_PARAMETERS: NetworkDbParameters = {
  gossipInterval: 200,
  gossipNodes: 3,
  bulkSyncInterval: 30_000,
  bulkSyncTimeout: 30_000,
  joinSyncs: Infinity,
  reconnectInterval: 1000,
  rejoinInterval: 60_000,
  reapEntryTime: 1_800_000,
  reapNetworkTime: 1_825_000,
  reapInterval: 5000,
  reapNodeTime: 86_400_000,
  reapNodeInterval: 7_200_000,
  retransmitMult: 4,
  packetBytes: 1400,
  packetOverhead: 35,
  maxQueuedOnSync: 500,
  failedOwner: 'hide',
  keepUnknownDeletes: true,
  ownEventsFirst: true,
  refuteOwnEntries: true,
  catchUp: true,
  maxNodes: 16_384,
  maxNetworks: 4096,
  maxAttachments: 262_144,
  maxEntries: 1_048_576,
  maxValueBytes: 268_435_456,
  maxBroadcasts: 32_768,
};
