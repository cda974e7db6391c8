/** The results of `inspect` on gossip as plain data: the `gossip` of its `--json`. */

/** What became of packets or streams of gossip. total = decrypted + clear + the sum of failed (+ incomplete streams). */
export interface GossipCounts {
  readonly total: number;
  readonly decrypted: number;
  /** In clear text: a swarm's never are. */
  readonly clear: number;
  /** Not decoded, by reason; `no-key-fits` is what the keys don't decrypt. */
  readonly failed: Readonly<Record<string, number>>;
}

/** What gossip says about a node. */
export interface GossipMember {
  /** Its name in gossip. */
  readonly name: string;
  /** The node's name, as the description of the swarm has it; null without one. */
  readonly host: string | null;
  readonly address: string | null;
  readonly port: number;
  /** What was last said: `alive`, `suspect`, `dead` or `left`. */
  readonly state: string;
  readonly incarnation: number;
}

/** A network with the nodes that are on it. */
export interface GossipNetwork {
  /** Docker's id of it. */
  readonly id: string;
  /** Its name, as the description of the swarm has it; null without one. */
  readonly name: string | null;
  /** Whether it is the ingress network, which the records of its load balancers show. */
  readonly ingress: boolean;
  /** Names of the nodes on it. */
  readonly nodes: readonly string[];
  /** Names of the nodes that left it, or the cluster. */
  readonly left: readonly string[];
  /** Entries of `overlay_peer_table` and `endpoint_table` that exist, of nodes that are in the cluster. */
  readonly peers: number;
  readonly endpoints: number;
}

/** An entry of a table, as it was last seen. */
export interface GossipEntry {
  readonly table: string;
  readonly network: string;
  readonly key: string;
  /** Name of the node that wrote it. */
  readonly owner: string;
  readonly lTime: number;
  readonly deleted: boolean;
  /** The record's fields; null if it isn't one that is known. */
  readonly record: Readonly<Record<string, unknown>> | null;
}

/** Something that gossip said for the first time. */
export interface GossipEvent {
  /** UTC in ISO 8601; null if the capture has no times. */
  readonly time: string | null;
  /** Seconds since the capture's first packet. */
  readonly offset: number | null;
  /**
   * `alive`, `suspect`, `dead`, `left`: of a member; `join-cluster`, `leave-cluster`; `join-network`, `leave-network`;
   * `create`, `update`, `delete`: of a table's entry.
   */
  readonly event: string;
  /** The node; the owner of an entry. */
  readonly node: string;
  readonly network: string | null;
  readonly table: string | null;
  readonly key: string | null;
  /** How the capture shows it: a gossiped event, a bulk sync or a push/pull. */
  readonly via: 'gossip' | 'bulk sync' | 'push/pull';
  readonly lTime: number | null;
  /** What it is about, for people: addresses and names. */
  readonly text: string;
}

/** All entries of some networks, sent over a stream. */
export interface GossipBulkSync {
  readonly time: string | null;
  readonly offset: number | null;
  readonly from: string;
  readonly to: string;
  /** Ids of the networks; at most 64. */
  readonly networks: readonly string[];
  readonly entries: number;
  /** Whether it asks for the other side's entries. */
  readonly unsolicited: boolean;
}

/** Gossip in a capture. */
export interface GossipReport {
  readonly packets: GossipCounts;
  readonly streams: GossipCounts & { readonly incomplete: number };
  /** Messages that are invalid inside packets and streams that aren't, by reason. */
  readonly invalid: Readonly<Record<string, number>>;
  /** The keys, by tag, with what each decrypted. */
  readonly keys: readonly {
    readonly tag: number;
    readonly packets: number;
    readonly streams: number;
    readonly firstTime: string | null;
    readonly lastTime: string | null;
  }[];
  /** Who sent what no key decrypts, most first. */
  readonly undecryptable: readonly { readonly address: string; readonly count: number }[];
  /** Messages by kind. */
  readonly messages: Readonly<Record<string, number>>;
  readonly members: readonly GossipMember[];
  readonly networks: readonly GossipNetwork[];
  readonly entries: readonly GossipEntry[];
  readonly events: readonly GossipEvent[];
  readonly bulkSyncs: readonly GossipBulkSync[];
  /** Events, entries and the like that aren't listed because a table is full. */
  readonly unlisted: number;
}
