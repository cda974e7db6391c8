/** How many records there are, and what became of the endpoints. */
import type { FollowedRecord } from './followed-record.js';

/** What a record is. */
export type RecordKind = FollowedRecord['kind'];

/** What became of an endpoint's record. */
export const EndpointState = {
  /** It is in the tables. */
  Placed: 'placed',
  /** Its network or its node isn't known. */
  Waiting: 'waiting',
  /** Another record has its MAC or address, or it can't be true. */
  Refused: 'refused',
  /** This node isn't on its network. */
  Elsewhere: 'elsewhere',
} as const;
export type EndpointState = (typeof EndpointState)[keyof typeof EndpointState];

/** Counts of a `RecordsTable`. */
export interface RecordCounts {
  readonly records: Readonly<Record<RecordKind, number>>;
  readonly endpoints: Readonly<Record<EndpointState, number>>;
  /** Records that have a problem. */
  readonly troubles: number;
}

/** Counts that go up and down. */
export class Counts<K extends string> {
  readonly #counts: Record<K, number>;

  constructor(kinds: readonly K[]) {
    this.#counts = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<K, number>;
  }

  get all(): Readonly<Record<K, number>> {
    return { ...this.#counts };
  }

  change(from: K | undefined, to: K | undefined): void {
    if (from !== undefined) this.#counts[from]--;
    if (to !== undefined) this.#counts[to]++;
  }
}

export const RECORD_KINDS = [
  'node',
  'network',
  'endpoint',
  'service',
  'keys',
  'unreadable',
] as const satisfies readonly RecordKind[];
