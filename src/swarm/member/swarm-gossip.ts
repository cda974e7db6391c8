/** A running member of a swarm's gossip, as the rest of a node sees it: which thread it runs in doesn't matter. */
import type { GossipEndpoint, TableChange } from '../../gossip/index.js';
import type { KeyRing } from '../../overlay/index.js';

/** How to take part in a swarm's gossip. */
export interface SwarmGossipOptions {
  /**
   * The node's name in gossip. A process that starts again should have a new one, as a Docker engine does.
   * @default 12 random hexadecimal digits
   */
  readonly name?: string;
  /** The address that it listens on, 4 or 16 bytes, and advertises to the others; engines expect port 7946. */
  readonly endpoint: GossipEndpoint;
  /** Members to join, such as the managers; without any, others join this one. */
  readonly seeds?: readonly GossipEndpoint[];
  /** The gossip keys, which are copied; undefined for clear text. */
  readonly keys?: KeyRing | undefined;
}

/** Receives what a member learns. Its methods must not throw. */
export interface SwarmGossipListener {
  /** Entries changed. Changes come together for some milliseconds, in order. */
  changed(changes: readonly TableChange[]): void;
  /** Describes a problem, once. */
  trouble(text: string): void;
  /** The member has ended by itself, such as when a socket failed. */
  ended(error: Error): void;
}

/** A member's state, as an operator sees it. */
export interface GossipReport {
  readonly name: string;
  readonly endpoint: GossipEndpoint;
  /** 0 if all is well, up to 7 when this member itself seems to be slow or cut off (Lifeguard). */
  readonly health: number;
  readonly members: readonly GossipMember[];
  readonly networks: readonly GossipNetworkReport[];
  /** By Lamport time. */
  readonly keys: readonly GossipKeyReport[];
  /** Packets and streams, by direction; those that were dropped, by reason. */
  readonly counters: GossipCounters;
}

/** Another member, or this one. */
export interface GossipMember {
  readonly name: string;
  readonly endpoint: GossipEndpoint;
  readonly state: 'alive' | 'suspect' | 'dead' | 'left';
  /** Seconds since its state changed. */
  readonly seconds: number;
  /** Whether it answers over TCP only: a firewall drops UDP. */
  readonly tcpOnly: boolean;
  /** Whether TCP to or from it fails, though it is alive over UDP: a firewall drops or rejects TCP. */
  readonly udpOnly: boolean;
  /** Whether it answers over UDP only through other members: a firewall drops UDP in between. */
  readonly relayed: boolean;
}

/** A network that this member is on. */
export interface GossipNetworkReport {
  readonly id: string;
  /** Names of its nodes, this one included. */
  readonly nodes: readonly string[];
  /** Number of entries in all its tables. */
  readonly entries: number;
}

/** A key of the ring; never the key itself. */
export interface GossipKeyReport {
  /** Its Lamport time. */
  readonly tag: number;
  /** Whether this member sends with it. */
  readonly transmit: boolean;
  /** Seconds since this member has had it. */
  readonly seconds: number;
  /** Packets and streams that it decrypted. */
  readonly received: number;
}

/** What a member has sent, received and dropped. */
export interface GossipCounters {
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly streamsOpened: number;
  readonly streamsAccepted: number;
  readonly streamsFailed: number;
  /** What arrived and was dropped, by reason: a fault of decoding (`no-key-fits`), `rate`, `too-many-streams`. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** A running member. */
export interface SwarmGossip {
  readonly name: string;
  readonly endpoint: GossipEndpoint;
  /** Replaces the keys, which are copied. */
  setKeys(keys: KeyRing | undefined): void;
  /** Replaces the members to join, at once and whenever none of them is a member. */
  setSeeds(seeds: readonly GossipEndpoint[]): void;
  /** Joins a network, whose entries then arrive; without effect on one that it is on. */
  joinNetwork(id: string): void;
  /** Leaves a network, and withdraws this node's entries there. */
  leaveNetwork(id: string): void;
  /** Creates or replaces an entry of this node. */
  setEntry(networkId: string, tableName: string, key: string, value: Uint8Array): void;
  /** Withdraws an entry of this node. Unknown ones are ignored. */
  removeEntry(networkId: string, tableName: string, key: string): void;
  /**
   * What it is doing.
   * @throws GossipError `CLOSED`
   */
  report(): Promise<GossipReport>;
  /**
   * Leaves: tells the others, and closes the sockets.
   * @param tell whether to tell the others; without, they find out within seconds. Default: true
   */
  close(tell?: boolean): Promise<void>;
}
