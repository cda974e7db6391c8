/** The key ring of the store, as this node uses it. */
import { isVtepError } from '../../error.js';
import { type KeyRing, type Profile, RingOutcome } from '../../overlay/index.js';
import type { Kek } from '../keys/kek.js';
import { RingReader } from '../keys/ring-reader.js';
import { openRing } from '../keys/ring-record.js';
import { KEYS } from '../records/records.js';
import type { KeysRecord } from '../records/schemas.js';
import type { Store } from '../store/store.js';
import { followedRecord } from './followed-record.js';

export interface NodeKeysOptions {
  /** Name of the overlay. */
  readonly overlay: string;
  /** The keys that open rings; the caller wipes them. */
  readonly keks: readonly Kek[];
  /** How this node's SAs are derived, which can't change. */
  readonly profile: Profile;
  /** Takes a newer ring over, which is wiped afterwards. */
  readonly use: (ring: KeyRing) => void;
  readonly tell: (text: string) => void;
}

/**
 * How SAs are derived from a store's ring.
 * @returns undefined if there is no ring that these keys open
 * @throws StoreError as of `Store.get`
 */
export async function profileInStore(
  store: Store,
  { overlay, keks }: Pick<NodeKeysOptions, 'overlay' | 'keks'>,
): Promise<Profile | undefined> {
  const found = await store.get(KEYS);
  const record = found && followedRecord(KEYS, found.value);
  if (record?.kind !== 'keys') return undefined;
  try {
    const { ring, profile } = openRing(record.record, overlay, keks);
    ring.wipe();
    return profile;
  } catch (error) {
    // It is reported when the record is followed.
    if (!isVtepError(error)) throw error;
    return undefined;
  }
}

/** Follows the key ring. */
export class NodeKeys {
  readonly #options: NodeKeysOptions;
  readonly #reader: RingReader;
  #reported: string | undefined;
  #ready = false;

  constructor(options: NodeKeysOptions) {
    this.#options = options;
    this.#reader = new RingReader(options.overlay, options.keks);
  }

  /** Whether this node has had a ring. */
  get ready(): boolean {
    return this.#ready;
  }

  /** How often its ring was rotated; -1 before the first one. */
  get rotations(): number {
    return this.#reader.rotations;
  }

  /** Takes up a record. A ring that can't be used is reported, and the one before stays. */
  read(record: KeysRecord): void {
    const { profile, use } = this.#options;
    try {
      const reading = this.#reader.read(record);
      if (reading.outcome === RingOutcome.Stale) {
        this.#report(`the store's key ring is older than this node's, which is kept`);
        return;
      }
      this.#reported = undefined;
      if (reading.outcome !== RingOutcome.Accepted) return;
      try {
        if (reading.profile !== profile) {
          this.#report(`the store's key ring is for the profile ${reading.profile}, and this node runs ${profile}`);
          return;
        }
        use(reading.ring);
        this.#ready = true;
      } finally {
        reading.ring.wipe();
      }
    } catch (error) {
      if (!isVtepError(error)) throw error;
      this.#report(`the store's key ring can't be used: ${error.message}`);
    }
  }

  #report(text: string): void {
    if (this.#reported === text) return;
    this.#reported = text;
    this.#options.tell(text);
  }
}
