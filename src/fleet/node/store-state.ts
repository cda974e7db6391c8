/** How a node is connected to its store, and how long changes take. */

/** Writes of this node whose application is waited for; of more, the oldest are forgotten. */
const MAX_WRITES = 4096;

/** Latencies from a put of this node to the change in its tables, in seconds. */
export interface PutLatency {
  readonly count: number;
  readonly sum: number;
  readonly max: number;
}

/** The state of the connection. */
export class StoreState {
  readonly #clock: () => number;
  /** When the connection was lost; undefined while it is there. */
  #lostAt: number | undefined;
  #losses = 0;
  #snapshots = 0;
  /** When writes were sent, by revision. */
  readonly #writes = new Map<number, number>();
  #applied = 0;
  readonly #latency = { count: 0, sum: 0, max: 0 };

  /** @param clock monotonic, in milliseconds */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  get connected(): boolean {
    return this.#lostAt === undefined;
  }

  /** Seconds since the connection was lost; 0 while it is there. */
  get lostSeconds(): number {
    return this.#lostAt === undefined ? 0 : (this.#clock() - this.#lostAt) / 1000;
  }

  /** How often it was lost. */
  get losses(): number {
    return this.#losses;
  }

  /** Snapshots that were read: one, unless the store lost writes or forgot deletions. */
  get snapshots(): number {
    return this.#snapshots;
  }

  /** That of the last change in the tables. */
  get revision(): number {
    return this.#applied;
  }

  get latency(): PutLatency {
    return { ...this.#latency };
  }

  /** @returns whether that is news */
  lose(): boolean {
    if (this.#lostAt !== undefined) return false;
    this.#lostAt = this.#clock();
    this.#losses++;
    return true;
  }

  /** @returns for how many seconds it was lost; undefined if it wasn't */
  resume(): number | undefined {
    if (this.#lostAt === undefined) return undefined;
    const seconds = this.lostSeconds;
    this.#lostAt = undefined;
    return seconds;
  }

  /** A new snapshot replaces what is known: its revisions may be lower. */
  begin(): void {
    this.#snapshots++;
    this.#writes.clear();
    this.#applied = 0;
  }

  /** This node wrote a record. @param sent when, on the same clock */
  wrote(revision: number, sent: number): void {
    if (revision <= this.#applied) this.#count(sent);
    else this.#writes.set(revision, sent);
    if (this.#writes.size <= MAX_WRITES) return;
    for (const [oldest] of this.#writes) {
      this.#writes.delete(oldest);
      break;
    }
  }

  /** All that was heard is in the tables; its highest revision. */
  apply(revision: number): void {
    this.#applied = Math.max(this.#applied, revision);
    for (const [at, sent] of this.#writes) {
      if (at > this.#applied) continue;
      this.#writes.delete(at);
      this.#count(sent);
    }
  }

  #count(sent: number): void {
    const seconds = (this.#clock() - sent) / 1000;
    this.#latency.count++;
    this.#latency.sum += seconds;
    this.#latency.max = Math.max(this.#latency.max, seconds);
  }
}
