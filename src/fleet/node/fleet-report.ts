/** What a node that follows a store is doing. */
import type { RecordCounts } from './record-counts.js';
import type { PutLatency } from './store-state.js';

/** What a node that follows a store is doing. */
export interface FleetReport {
  readonly overlay: string;
  readonly connected: boolean;
  /** Seconds since the connection was lost; 0 while it is there. */
  readonly lostSeconds: number;
  readonly losses: number;
  /** Snapshots that were read. */
  readonly snapshots: number;
  /** That of the last change in the tables. */
  readonly revision: number;
  readonly counts: RecordCounts;
  /** The first problems of records. */
  readonly troubles: readonly string[];
  /** Changes from the store that are yet to be applied. */
  readonly waiting: number;
  /** Changes of this node's own that are yet to be written. */
  readonly unwritten: number;
  /** Changes of the tables that were applied. */
  readonly applied: number;
  readonly resynchronised: number;
  /** From puts of this node to the change in its tables. */
  readonly latency: PutLatency;
  /** Whether this node holds its lease, as far as it knows. */
  readonly registered: boolean;
  /** Nodes that this one has withdrawn while it led. */
  readonly withdrawn: number;
  readonly leads: boolean;
  /** The node that leads, as far as this one knows. */
  readonly leader: string | undefined;
  /** Whether it can open key rings. */
  readonly hasKeys: boolean;
  /** How often its key ring was rotated; -1 before the first one. */
  readonly rotations: number;
  /** Networks that this node carries. */
  readonly networks: readonly string[];
}
