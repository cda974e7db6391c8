/** Nodes of one store on a fake clock, with links that delay and lose what they carry. Every run repeats by its seed. */
import { setImmediate } from 'node:timers/promises';
import { VtepError } from '../../../src/error.js';
import {
  decodeKeys,
  Kek,
  KEYS,
  Leader,
  LEADER,
  MemoryStore,
  openRing,
  type PutOptions,
  RingKeeper,
  RingReader,
  type Store,
  type StoreChange,
  StoreError,
  type StoreRecord,
  type StoreSnapshot,
} from '../../../src/fleet/index.js';
import { RingOutcome } from '../../../src/overlay/index.js';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const LEASE = 15 * MINUTE;
export const SETTLE = 5 * MINUTE;
export const INTERVAL = 12 * HOUR;
/** The NATS adapter gives an answer this long. */
const TIMEOUT = 5 * SECOND;
const TURN = 4 * MINUTE;
/** A watch is at most this late. */
export const LATE = MINUTE;
/** A write that nobody waits for any more is at most this late. */
const ADRIFT = 20 * MINUTE;
const START = Date.UTC(2026, 0, 1);
const KEK = 'c0ffee'.repeat(10) + 'beef';
const OVERLAY = 'red';

/** Numbers in [0, 1): xorshift32. */
function numbers(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

interface Event {
  readonly time: number;
  readonly run: () => void;
}

export interface FleetOptions {
  readonly seed: number;
  readonly nodes: number;
  /** Most milliseconds that a host's time of day is off, in either direction. */
  readonly skew: number;
  /** Most that a monotonic clock is fast or slow. */
  readonly drift: number;
}

/** A ring in the store. */
export interface Rotation {
  readonly rotations: number;
  readonly time: number;
  /** The number of the ring that each node had, for those connected for at least the settle time. */
  readonly had: readonly number[];
}

export class SimulatedFleet {
  time = 0;
  readonly inner = new MemoryStore();
  readonly random: () => number;
  readonly options: FleetOptions;
  readonly rotations: Rotation[] = [];
  readonly nodes: SimulatedNode[];
  /** Most nodes that led at one time. */
  mostLeaders = 0;
  /** Writes that were made after their writer had given up on them. */
  adrift = 0;
  readonly failures = new Map<string, number>();
  readonly #events: Event[] = [];

  constructor(options: FleetOptions) {
    this.options = options;
    this.random = numbers(options.seed);
    this.nodes = Array.from({ length: options.nodes }, (_, i) => new SimulatedNode(this, `node-${i}`));
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.random() * end);
  }

  at(time: number, run: () => void): void {
    let index = this.#events.length;
    while (index > 0 && this.#events[index - 1].time <= time) index--;
    this.#events.splice(index, 0, { time, run });
  }

  sleep(milliseconds: number): Promise<void> {
    return new Promise((done) => this.at(this.time + milliseconds, done));
  }

  async run(until: number): Promise<void> {
    for (;;) {
      const event = this.#events.pop();
      if (event === undefined || event.time > until) return;
      this.time = event.time;
      event.run();
      await setImmediate();
      this.mostLeaders = Math.max(this.mostLeaders, this.nodes.filter(({ leads }) => leads).length);
    }
  }

  /** What the store has after a write, to those who watch it. */
  async wrote(key: string): Promise<void> {
    const record = await this.inner.get(key);
    const revision = record?.revision ?? (await this.inner.snapshot('')).revision;
    if (key === KEYS && record !== undefined) {
      const { ring, rotations } = openRing(decodeKeys(record.value), OVERLAY, [kek]);
      ring.wipe();
      const settled = this.nodes.filter(({ since }) => since !== undefined && this.time - since >= SETTLE);
      this.rotations.push({ rotations, time: this.time, had: settled.map(({ reader }) => reader.rotations) });
    }
    for (const node of this.nodes)
      node.deliver(record ? { kind: 'put', ...record } : { kind: 'delete', key, revision });
  }
}

const kek = Kek.fromText(KEK, 'the key');

/** A host: its clocks, its process, and its link to the store. */
export class SimulatedNode {
  readonly #fleet: SimulatedFleet;
  readonly name: string;
  reader = new RingReader(OVERLAY, [kek]);
  /** Since when it is up and connected. */
  since: number | undefined;
  #leader: Leader | undefined;
  #skew = 0;
  #rate = 1;
  #began = 0;
  #seen = 0;
  #delivered = 0;

  constructor(fleet: SimulatedFleet, name: string) {
    this.#fleet = fleet;
    this.name = name;
    fleet.at(fleet.below(TURN), () => this.start());
  }

  get leads(): boolean {
    return this.#leader?.leads ?? false;
  }

  /** Starts a process, whose host may have got another time of day. */
  start(): void {
    const fleet = this.#fleet;
    const { skew, drift } = fleet.options;
    this.#skew = (2 * fleet.random() - 1) * skew;
    this.#rate = 1 + (2 * fleet.random() - 1) * drift;
    this.#began = fleet.time - fleet.below(1e9);
    this.reader = new RingReader(OVERLAY, [kek]);
    const clock = (): number => (fleet.time - this.#began) * this.#rate;
    const random = (bytes: Uint8Array): void => bytes.forEach((_, i) => (bytes[i] = fleet.below(256)));
    const store: FaultyStore = new FaultyStore(
      fleet,
      (): boolean => this.since !== undefined && this.#leader === leader,
    );
    const ring = {
      overlay: OVERLAY,
      keks: [kek],
      clock,
      now: () => START + fleet.time + this.#skew,
      random,
      interval: INTERVAL / SECOND,
      settle: SETTLE / SECOND,
    };
    const token = new Uint8Array(16);
    random(token);
    const leader: Leader = new Leader(store, {
      node: this.name,
      token,
      duration: LEASE,
      clock,
      duties: [new RingKeeper(store, ring)],
      onEvent: (event) => {
        const what = event.kind === 'failed' ? event.error.code : event.kind;
        fleet.failures.set(what, (fleet.failures.get(what) ?? 0) + 1);
      },
    });
    this.#leader = leader;
    this.#seen = 0;
    this.since = fleet.time;
    void this.#catchUp();
    const turn = (): void => {
      if (this.#leader !== leader) return;
      void leader.turn();
      fleet.at(fleet.time + TURN / 2 + fleet.below(TURN), turn);
    };
    turn();
  }

  /** Ends the process as kill -9 does. What it sent is still on its way. */
  kill(): void {
    this.#leader = undefined;
    this.since = undefined;
  }

  cut(): void {
    if (this.since === undefined) return;
    this.since = undefined;
    this.#leader?.observe({ kind: 'lost' });
  }

  heal(): void {
    if (this.since !== undefined || this.#leader === undefined) return;
    this.since = this.#fleet.time;
    this.#leader.observe({ kind: 'resumed' });
    void this.#catchUp();
  }

  /** Stops cleanly, so that another node can lead at once. */
  release(): void {
    void this.#leader?.release().catch(() => undefined);
    this.kill();
  }

  deliver(change: Extract<StoreChange, { key: string }>): void {
    const fleet = this.#fleet;
    const leader = this.#leader;
    this.#delivered = Math.max(this.#delivered, fleet.time + (fleet.random() < 0.9 ? 1 : fleet.below(LATE)));
    fleet.at(this.#delivered, () => {
      if (this.since !== undefined && this.#leader === leader) this.#observe(change);
    });
  }

  /** What changed while it saw nothing. */
  async #catchUp(): Promise<void> {
    const { records } = await this.#fleet.inner.snapshot('');
    for (const record of records) {
      if (record.revision > this.#seen) this.#observe({ kind: 'put', ...record });
    }
    if (!records.some(({ key }) => key === LEADER)) {
      const { revision } = await this.#fleet.inner.snapshot('');
      if (revision > this.#seen) this.#observe({ kind: 'delete', key: LEADER, revision });
    }
  }

  #observe(change: Extract<StoreChange, { key: string }>): void {
    if (change.revision <= this.#seen) return;
    this.#seen = change.revision;
    this.#leader?.observe(change);
    if (change.kind !== 'put' || change.key !== KEYS) return;
    const reading = this.reader.read(decodeKeys(change.value));
    if (reading.outcome === RingOutcome.Accepted) reading.ring.wipe();
    else if (reading.outcome === RingOutcome.Stale) throw new VtepError('STALE', 'the ring in the store went back');
  }
}

/** One process's way to the store: requests and answers are late, lost, or arrive when nobody waits for them. */
class FaultyStore implements Store {
  readonly #fleet: SimulatedFleet;
  readonly #linked: () => boolean;

  constructor(fleet: SimulatedFleet, linked: () => boolean) {
    this.#fleet = fleet;
    this.#linked = linked;
  }

  get connected(): boolean {
    return this.#linked();
  }

  get(key: string): Promise<StoreRecord | undefined> {
    return this.#carry(undefined, () => this.#fleet.inner.get(key));
  }

  put(key: string, value: Uint8Array, options?: PutOptions): Promise<number> {
    return this.#carry(key, () => this.#fleet.inner.put(key, value, options));
  }

  delete(key: string, revision: number): Promise<void> {
    return this.#carry(key, () => this.#fleet.inner.delete(key, revision));
  }

  snapshot(prefix: string): Promise<StoreSnapshot> {
    return this.#carry(undefined, () => this.#fleet.inner.snapshot(prefix));
  }

  watch(): AsyncIterable<StoreChange> {
    throw new Error('the fleet delivers changes');
  }

  compact(revision: number): Promise<void> {
    return this.#carry(undefined, () => this.#fleet.inner.compact(revision));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** @param key of a write */
  async #carry<T>(key: string | undefined, work: () => Promise<T>): Promise<T> {
    const fleet = this.#fleet;
    if (!this.#linked()) throw new StoreError('UNAVAILABLE', 'no connection');
    const perform = async (): Promise<T> => {
      const result = await work();
      if (key !== undefined) await fleet.wrote(key);
      return result;
    };
    const gone = new StoreError(key === undefined ? 'UNAVAILABLE' : 'OUTCOME_UNKNOWN', 'no answer');
    const luck = fleet.random();
    if (luck < 0.02) {
      // The request is lost, or arrives when nobody waits for it any more.
      if (luck < 0.01 && key !== undefined) {
        fleet.at(fleet.time + fleet.below(ADRIFT), () => {
          perform().then(
            () => fleet.adrift++,
            () => undefined,
          );
        });
      }
      await fleet.sleep(TIMEOUT);
      throw gone;
    }
    if (luck < 0.3) await fleet.sleep(fleet.below(TIMEOUT));
    if (!this.#linked() && luck < 0.2) throw gone;
    const result = await perform();
    if (luck < 0.3) await fleet.sleep(fleet.below(TIMEOUT));
    // The answer is lost.
    if (luck > 0.98 || !this.#linked()) throw gone;
    return result;
  }
}
