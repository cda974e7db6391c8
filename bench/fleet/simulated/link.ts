/** A host's connection to the store: it counts all that passes, takes time, and can be lost. */
import {
  type PutOptions,
  type Store,
  type StoreChange,
  StoreError,
  type StoreRecord,
  type StoreSnapshot,
  type WatchOptions,
} from '../../../src/fleet/index.js';
import {
  BATCH_RECORDS,
  GET,
  headersLength,
  type NatsCost,
  PUT,
  QUESTION,
  QUESTION_CHANGES,
  QUESTION_MS,
  SNAPSHOT,
  SNAPSHOT_BATCH,
  WATCH,
} from './nats-cost.js';
import { type SimulatedServer } from './server.js';
import { seenKind, Traffic, TrafficKind, writtenKind } from './traffic.js';

/** Shortest and longest way of a request, in milliseconds. */
const LATENCY_MS = [0.2, 1] as const;

const NOTHING: NatsCost = { messagesIn: 0, bytesIn: 0, messagesOut: 0, bytesOut: 0 };
const DELIVERY: NatsCost = { ...NOTHING, messagesOut: 1 };

/** A watch that is open: when it last asked for changes, and how many it got since. */
interface OpenWatch {
  since: number;
  changes: number;
}

/** A connection. What is on its way when it is lost fails as on NATS; what is on its way when its host dies, never ends. */
export class SimulatedLink implements Store {
  readonly traffic = new Traffic();
  readonly #server: SimulatedServer;
  readonly #watches = new Set<OpenWatch>();
  #connected = true;
  #closed = false;
  /** Aborted when the connection is lost. */
  #connection = new AbortController();
  #reconnected: (() => void)[] = [];

  constructor(server: SimulatedServer) {
    this.#server = server;
  }

  get connected(): boolean {
    return this.#connected && !this.#closed;
  }

  async get(key: string): Promise<StoreRecord | undefined> {
    await this.#send('UNAVAILABLE');
    const record = await this.#server.store.get(key);
    const read = record === undefined ? 0 : base64(record.value.length) + base64(this.#server.headersOf(key));
    this.#count(TrafficKind.Other, GET, 0, read, 0);
    return record;
  }

  async put(key: string, value: Uint8Array, options: PutOptions = {}): Promise<number> {
    await this.#send('OUTCOME_UNKNOWN');
    this.#count(writtenKind(key), PUT, value.length + headersLength(key, options.revision), 0, 0);
    const revision = await this.#server.put(key, value, options);
    this.traffic.add(writtenKind(key), NOTHING, 0, 0, 1);
    return revision;
  }

  async delete(key: string, revision: number): Promise<void> {
    await this.#send('OUTCOME_UNKNOWN');
    this.#count(writtenKind(key), PUT, headersLength(key, revision, true), 0, 0);
    await this.#server.delete(key, revision);
    this.traffic.add(writtenKind(key), NOTHING, 0, 0, 1);
  }

  async snapshot(prefix: string): Promise<StoreSnapshot> {
    await this.#send('UNAVAILABLE');
    const { snapshot, bytes } = await this.#server.snapshot(prefix);
    const { length } = snapshot.records;
    this.#count(TrafficKind.Snapshot, SNAPSHOT, 0, 0, 0);
    for (let i = 0; i < length; i += BATCH_RECORDS) this.#count(TrafficKind.Snapshot, SNAPSHOT_BATCH, 0, 0, 0);
    this.#count(TrafficKind.Snapshot, { ...DELIVERY, messagesOut: length }, 0, bytes, length);
    return snapshot;
  }

  async *watch(prefix: string, revision: number, { signal }: WatchOptions = {}): AsyncGenerator<StoreChange> {
    let seen = revision;
    let lost = false;
    while (!this.#closed && signal?.aborted !== true) {
      if (!this.#connected) {
        if (!lost) yield { kind: 'lost' };
        lost = true;
        await new Promise<void>((resolve) => this.#reconnected.push(resolve));
        continue;
      }
      const { signal: connection } = this.#connection;
      const ending = signal === undefined ? connection : AbortSignal.any([signal, connection]);
      const open: OpenWatch = { since: this.#server.time.clock(), changes: 0 };
      this.#watches.add(open);
      this.#count(TrafficKind.Watch, WATCH, 0, 0, 0);
      try {
        if (lost) yield { kind: 'resumed' };
        lost = false;
        for await (const change of this.#server.store.watch(prefix, seen, { signal: ending })) {
          if (!('key' in change)) continue;
          seen = change.revision;
          this.#see(open, change.key, change.kind === 'put' ? change.value.length : 0);
          yield change;
        }
      } finally {
        this.#askedUntilNow(open);
        this.#watches.delete(open);
      }
      // The connection is lost, and all that was written until then has been seen.
      seen = this.#server.revision;
    }
  }

  async compact(revision: number): Promise<void> {
    await this.#send('UNAVAILABLE');
    await this.#server.store.compact(revision);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#connection.abort();
    this.#resume();
    return Promise.resolve();
  }

  lose(): void {
    this.#connected = false;
    this.#connection.abort();
  }

  reconnect(): void {
    this.#connected = true;
    this.#connection = new AbortController();
    this.#resume();
  }

  #resume(): void {
    const waiting = this.#reconnected;
    this.#reconnected = [];
    for (const resume of waiting) resume();
  }

  /** Counts what open watches have asked so far. */
  settle(): void {
    for (const open of this.#watches) this.#askedUntilNow(open);
  }

  /** The way of a request. */
  async #send(code: 'UNAVAILABLE' | 'OUTCOME_UNKNOWN'): Promise<void> {
    this.#checkOpen();
    if (!this.#connected) throw new StoreError('UNAVAILABLE', 'there is no connection to the server');
    const connection = this.#connection;
    const { time } = this.#server;
    await time.sleep(LATENCY_MS[0] + time.random() * (LATENCY_MS[1] - LATENCY_MS[0]));
    this.#checkOpen();
    if (connection.signal.aborted) throw new StoreError(code, 'the connection was lost before the answer');
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreError('CLOSED', 'the store is closed');
  }

  #see(open: OpenWatch, key: string, length: number): void {
    this.#askedUntilNow(open);
    this.#count(seenKind(key), DELIVERY, 0, length + this.#server.headersOf(key), 1);
    if (++open.changes < QUESTION_CHANGES) return;
    this.#count(TrafficKind.Watch, QUESTION, 0, 0, 0);
    open.changes = 0;
    open.since = this.#server.time.clock();
  }

  #askedUntilNow(open: OpenWatch): void {
    const now = this.#server.time.clock();
    for (; now - open.since >= QUESTION_MS; open.since += QUESTION_MS) {
      this.#count(TrafficKind.Watch, QUESTION, 0, 0, 0);
      open.changes = 0;
    }
  }

  #count(kind: TrafficKind, cost: NatsCost, bytesIn: number, bytesOut: number, records: number): void {
    this.traffic.add(kind, cost, bytesIn, bytesOut, records);
    this.#server.sent(cost.bytesOut + bytesOut);
  }
}

function base64(bytes: number): number {
  return 4 * Math.ceil(bytes / 3);
}
