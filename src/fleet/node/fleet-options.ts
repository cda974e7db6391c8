/** Options of a node that follows a store. */
import type { LiveVtepOptions } from '../../live/index.js';
import type { Node } from '../../overlay/index.js';
import type { Kek } from '../keys/kek.js';
import type { LeaderDuty } from '../leader/leader.js';
import type { Store } from '../store/store.js';

/** Options of `FleetVtep`. */
export interface FleetVtepOptions extends Omit<LiveVtepOptions, 'topology' | 'node'> {
  /** The store, which is closed with the node. */
  readonly store: Store;
  /** Name of the overlay, as in the store's address. */
  readonly overlay: string;
  /** This node; its record says it to the others. */
  readonly here: Node;
  /**
   * VXLAN UDP port.
   * @default 4789
   */
  readonly port?: number;
  /**
   * Milliseconds after which the others take this node for gone if it doesn't renew its lease: 100 to 86,400,000.
   * @default 10000
   */
  readonly lease?: number;
  /**
   * Keys that open the store's key ring, which encrypted networks need; the caller wipes them after `close`.
   * @default none: encrypted networks aren't carried
   */
  readonly keks?: readonly Kek[];
  /** What this node does besides while it leads. @default nothing */
  readonly duties?: readonly LeaderDuty[];
  /** Ends the opening, which may wait for the lease of an earlier run. */
  readonly signal?: AbortSignal;
}

/** Default of `lease`, in milliseconds. */
export const DEFAULT_LEASE = 10_000;
