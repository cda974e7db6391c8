/** What a host and the store's server send each other, by what it is for. */
import { LEADER, LEASES, NODES } from '../../../src/fleet/index.js';
import { type NatsCost } from './nats-cost.js';

/** What a message is for. */
export const TrafficKind = {
  /** Leases that are taken and renewed, and the answers. */
  Lease: 0,
  /** The leader's lease, taken and renewed, and the answers. */
  LeaderLease: 1,
  /** Renewals that the leader sees. */
  LeaseSeen: 2,
  /** Renewals of the leader's lease that a node sees. */
  LeaderSeen: 3,
  /** Records of nodes that come, change or go. */
  NodeSeen: 4,
  /** The same for all other records: networks, endpoints, services, keys. */
  RecordSeen: 5,
  /** Snapshots. */
  Snapshot: 6,
  /** What watches ask while nothing changes, when they begin, and when they are back. */
  Watch: 7,
  /** All other writes and reads. */
  Other: 8,
} as const;
export type TrafficKind = (typeof TrafficKind)[keyof typeof TrafficKind];

const KINDS = Object.keys(TrafficKind).length;
const FIELDS = 5;

/** Messages and bytes, as the server of NATS counts them, and records, each of which is a change that is written or seen. */
export interface Counted extends NatsCost {
  readonly records: number;
}

/** Which kind the delivery of a change is. */
export function seenKind(key: string): TrafficKind {
  if (key === LEADER) return TrafficKind.LeaderSeen;
  if (key.startsWith(LEASES)) return TrafficKind.LeaseSeen;
  return key.startsWith(NODES) ? TrafficKind.NodeSeen : TrafficKind.RecordSeen;
}

/** Which kind a write is. */
export function writtenKind(key: string): TrafficKind {
  if (key === LEADER) return TrafficKind.LeaderLease;
  return key.startsWith(LEASES) ? TrafficKind.Lease : TrafficKind.Other;
}

/** Counts of one host, or of several. */
export class Traffic {
  readonly #counts = new Float64Array(KINDS * FIELDS);

  add(kind: TrafficKind, cost: NatsCost, bytesIn: number, bytesOut: number, records: number): void {
    const at = kind * FIELDS;
    this.#counts[at] += cost.messagesIn;
    this.#counts[at + 1] += cost.bytesIn + bytesIn;
    this.#counts[at + 2] += cost.messagesOut;
    this.#counts[at + 3] += cost.bytesOut + bytesOut;
    this.#counts[at + 4] += records;
  }

  /** Adds all that others counted, or takes it off. */
  addAll(other: Traffic, sign: 1 | -1 = 1): void {
    for (let i = 0; i < this.#counts.length; i++) this.#counts[i] += sign * other.#counts[i];
  }

  of(kind: TrafficKind): Counted {
    const [messagesIn, bytesIn, messagesOut, bytesOut, records] = this.#counts.subarray(kind * FIELDS);
    return { messagesIn, bytesIn, messagesOut, bytesOut, records };
  }

  total(): Counted {
    const sums = Array.from({ length: FIELDS }, (_, field) =>
      Object.values(TrafficKind).reduce<number>((sum, kind) => sum + this.#counts[kind * FIELDS + field], 0),
    );
    const [messagesIn, bytesIn, messagesOut, bytesOut, records] = sums;
    return { messagesIn, bytesIn, messagesOut, bytesOut, records };
  }
}
