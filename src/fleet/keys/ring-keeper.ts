/** The leader's duty for the key ring: makes the first one, rotates it, and puts it back if the store lost it. */
import { isVtepError } from '../../error.js';
import { sameSecret } from '../../memory/internal.js';
import { KeyRing, Profile, ROTATION_INTERVAL, RingOutcome, RotationSchedule } from '../../overlay/index.js';
import { type LeaderDuty, type Leadership } from '../leader/leader.js';
import { KEYS } from '../records/records.js';
import { type KeysRecord } from '../records/schemas.js';
import { type Store, type StoreChange } from '../store/store.js';
import { type Kek } from './kek.js';
import { decodeKeys, encodeKeys, openRing, sealRing } from './ring-record.js';
import { RingReader } from './ring-reader.js';

const SECOND = 1000;

/** What the keeper did. */
export interface RingEvent {
  readonly kind: 'made' | 'rotated' | 'restored';
  readonly rotations: number;
}

export interface RingKeeperOptions {
  /** Name of the overlay. */
  readonly overlay: string;
  /**
   * The keys that open a ring, 1 to 4; the caller wipes them. A ring is sealed with the one that opened it, the first
   * ring with the first key.
   */
  readonly keks: readonly Kek[];
  /** A monotonic clock, in milliseconds. */
  readonly clock: () => number;
  /** The time of day, in milliseconds since 1970. */
  readonly now: () => number;
  /** Fills an array with cryptographic random bytes. */
  readonly random: (bytes: Uint8Array) => void;
  /**
   * Seconds between two rotations.
   * @default 43200 (12 hours)
   */
  readonly interval?: number;
  /**
   * Seconds for which this node has seen a ring before it rotates it.
   * @default 300, or the interval if that is shorter
   */
  readonly settle?: number;
  /**
   * How SAs are derived from the keys of the first ring.
   * @default Profile.Swarm
   */
  readonly profile?: Profile;
  readonly onEvent?: (event: RingEvent) => void;
}

/** The newest ring that this node has seen, as it is in the store. */
interface SeenRing {
  record: KeysRecord;
  bytes: Uint8Array;
  /** When this node first saw it, by its monotonic clock: not before it was written. */
  readonly at: number;
  readonly schedule: RotationSchedule;
}

const SETTLE = 300;

/**
 * Rotates the ring of an overlay while this node leads, by compare-and-set on the ring's revision: of two leaders, one
 * succeeds.
 *
 * Clocks of different hosts differ, so the age of a ring comes from this node's monotonic clock where it saw the ring
 * appear. Otherwise, after a start or an outage, it comes from the time in the record and this host's time of day: at
 * least 0, and at most the time during which this node couldn't see the store. Whatever the clocks say, a node rotates
 * only a ring that it has seen for the settle time, so every connected node has each ring before the next one.
 */
export class RingKeeper implements LeaderDuty {
  readonly name = 'keys';
  readonly #store: Store;
  readonly #options: RingKeeperOptions;
  readonly #interval: number;
  readonly #settle: number;
  readonly #reader: RingReader;
  #seen: SeenRing | undefined;
  /** Since when a ring may have appeared unseen. Undefined: this node would have seen it. */
  #blindSince: number | undefined = -Infinity;

  constructor(store: Store, options: RingKeeperOptions) {
    this.#store = store;
    this.#options = options;
    this.#interval = options.interval ?? ROTATION_INTERVAL;
    this.#settle = options.settle ?? Math.min(SETTLE, this.#interval);
    this.#reader = new RingReader(options.overlay, options.keks);
  }

  observe(change: StoreChange): void {
    if (change.kind === 'lost') this.#blindSince ??= this.#options.clock();
    if (change.kind !== 'put' || change.key !== KEYS) return;
    try {
      this.#see(change.value);
    } catch (error) {
      // A turn reads the record again and reports it, once this node leads.
      if (!isVtepError(error)) throw error;
    }
  }

  /**
   * @throws StoreError `SEALED` if the ring can't be opened: it is then left as it is. `NOT_LEADER`, and as of
   * `Store.put`
   */
  async turn(leadership: Leadership): Promise<void> {
    const record = await this.#store.get(KEYS);
    const stored = record && this.#see(record.value);
    this.#blindSince = undefined;
    const revision = record?.revision ?? 0;
    const seen = this.#seen;
    if (seen === undefined) {
      await this.#make(leadership);
    } else if (stored === undefined || stored.rotations < seen.record.rotations) {
      if (await this.#write(leadership, seen.bytes, revision)) this.#report('restored', seen.record);
    } else if (this.#due(seen)) {
      await this.#rotate(leadership, stored, revision);
    }
  }

  /** When the ring is to be rotated, in milliseconds of the monotonic clock; undefined before the first one. */
  get next(): number | undefined {
    const seen = this.#seen;
    return seen && Math.max(seen.schedule.next * SECOND, seen.at + this.#settle * SECOND);
  }

  #due({ schedule, at }: SeenRing): boolean {
    const now = this.#options.clock();
    return schedule.due(now / SECOND) && now - at >= this.#settle * SECOND;
  }

  #see(bytes: Uint8Array): KeysRecord {
    if (this.#seen && sameSecret(this.#seen.bytes, bytes)) return this.#seen.record;
    const record = decodeKeys(bytes);
    const reading = this.#reader.read(record);
    if (reading.outcome === RingOutcome.Accepted) {
      reading.ring.wipe();
      const at = this.#options.clock();
      const age = Math.min(Math.max(0, this.#options.now() - reading.rotated), at - (this.#blindSince ?? at));
      const start = (at - age) / SECOND;
      const schedule = new RotationSchedule({ start, interval: this.#interval, settle: this.#settle });
      this.#seen = { record, bytes: bytes.slice(), at, schedule };
      this.#blindSince = undefined;
    } else if (reading.outcome === RingOutcome.Same && this.#seen) {
      this.#seen.record = record;
      this.#seen.bytes = bytes.slice();
    }
    return record;
  }

  async #make(leadership: Leadership): Promise<void> {
    const { overlay, keks, now, random, profile = Profile.Swarm } = this.#options;
    const ring = KeyRing.generate({ random });
    try {
      const record = sealRing({ ring, profile, rotations: 0, rotated: now() }, { overlay, kek: keks[0], random });
      if (await this.#write(leadership, encodeKeys(record), 0)) this.#report('made', record);
    } finally {
      ring.wipe();
    }
  }

  async #rotate(leadership: Leadership, stored: KeysRecord, revision: number): Promise<void> {
    const { overlay, keks, now, random } = this.#options;
    const { kek, ring, profile, rotations } = openRing(stored, overlay, keks);
    let next: KeyRing | undefined;
    try {
      next = ring.rotated(random);
      const rotated = { ring: next, profile, rotations: rotations + 1, rotated: now() };
      const record = sealRing(rotated, { overlay, kek, random });
      if (await this.#write(leadership, encodeKeys(record), revision)) this.#report('rotated', record);
    } finally {
      ring.wipe();
      next?.wipe();
    }
  }

  /** @returns false if someone else changed the ring: the next turn sees how */
  async #write(leadership: Leadership, bytes: Uint8Array, revision: number): Promise<boolean> {
    leadership.check();
    try {
      await this.#store.put(KEYS, bytes, { revision });
    } catch (error) {
      if (isVtepError(error) && error.code === 'CONFLICT') return false;
      throw error;
    }
    this.#see(bytes);
    return true;
  }

  #report(kind: RingEvent['kind'], { rotations }: KeysRecord): void {
    this.#options.onEvent?.({ kind, rotations });
  }
}
