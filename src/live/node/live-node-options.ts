/** What a running node is made of, and what it counts. */
import type { Aead } from '../../aead/portable.js';
import type { SequenceReservations } from '../../ipsec/index.js';
import type { Arena } from '../../memory/index.js';
import type { HkdfSha256, SaEvent, Topology, TopologyChange } from '../../overlay/index.js';
import type { LivePart } from '../port/live-part.js';
import type { UnderlayPort } from '../port/underlay-port.js';
import type { WorkerShare } from '../port/worker-share.js';
import type { NodeCounters, SendingOptions } from './node-chains.js';

/** Required for encrypted networks. */
export interface NodeCipher {
  readonly aead: Aead;
  readonly hkdf: HkdfSha256;
  /** Fills an array with cryptographic random bytes. */
  readonly random: (bytes: Uint8Array) => void;
  /**
   * Persists sequence numbers across restarts.
   * @default none: each start draws new masks
   */
  readonly reservations?: SequenceReservations;
}

/** Options of a node. */
export interface LiveNodeOptions extends SendingOptions {
  readonly topology: Topology;
  /** The node's name in the topology. */
  readonly node: string;
  readonly underlay: UnderlayPort;
  /** Holds all packets; shared with the underlay. */
  readonly arena: Arena;
  readonly cipher?: NodeCipher;
  /** Monotonic clock in seconds, for timeouts and lifetimes. */
  readonly clock: () => number;
  /** Receives events about its SAs, such as an approaching limit. */
  readonly onSaEvent?: (event: SaEvent) => void;
  /**
   * Seconds for which a turn keeps polling after a packet before it returns, up to 0.001: the next packet then needn't
   * wake this thread. Takes that much of a core's time after each burst.
   * @default 0
   */
  readonly busyPoll?: number;
  /**
   * Parts with packets of their own, which get their turns with the node's. `addPart` adds others later.
   * @default none
   */
  readonly parts?: readonly LivePart[];
  /**
   * Which part of the work is this node's, if a VTEP has several workers.
   * @default all of it
   */
  readonly share?: WorkerShare;
  /**
   * Called with changes that have been applied, for the other workers.
   * @param isWhole whether they come from a whole topology
   */
  readonly onApplied?: (changes: readonly TopologyChange[], isWhole: boolean) => void;
}

/** Counters of a node. */
export interface LiveNodeCounters extends NodeCounters {
  /** Frames for endpoints without a port. */
  readonly noPort: number;
}
