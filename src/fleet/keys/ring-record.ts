/** The key ring as a record of a store: sealed, together with how often it was rotated, and when. */
import { OverlayError, ClusterKey, KeyRing, Profile } from '../../overlay/index.js';
import { secretBytes } from '../../memory/internal.js';
import { isVtepError } from '../../error.js';
import { StoreError } from '../error.js';
import { decodeRecord, encodeRecord, KEYS } from '../records/records.js';
import { type KeysRecord, RECORD_VERSION } from '../records/schemas.js';
import { type Store } from '../store/store.js';
import { type Kek } from './kek.js';

/** Most keys that a node opens rings with: while the cluster changes to another one, it has two. */
export const MAX_KEKS = 4;

/** A ring and what its record says of it. */
export interface StoredRing {
  /** The keys. Whoever has them wipes them. */
  readonly ring: KeyRing;
  /** How SAs are derived from them. */
  readonly profile: Profile;
  /** How often the ring was rotated since it was made. Of two rings of an overlay, the one with more is newer. */
  readonly rotations: number;
  /** When it was made or last rotated: milliseconds since 1970, by the clock of the node that did it. */
  readonly rotated: number;
}

/** What sealing needs besides the ring. */
export interface SealOptions {
  /** Name of the overlay: the ring opens only there. */
  readonly overlay: string;
  readonly kek: Kek;
  /** Fills an array with cryptographic random bytes. */
  readonly random: (bytes: Uint8Array) => void;
}

const PROFILES: readonly Profile[] = [Profile.Swarm, Profile.Strict];
const HEADER = 2;
/** Tag (8 bytes) and length (1 byte). */
const KEY_HEADER = 9;
const ATTEMPTS = 8;

/** What authenticates the fields of the record that aren't sealed: an old ring under a new number doesn't open. */
function contextOf(overlay: string, rotations: number, rotated: string): string {
  return `overlay ${overlay}, key ring, rotation ${rotations} of ${rotated}`;
}

/**
 * Seals a ring.
 * @throws StoreError as `Kek.seal`; OverlayError `KEY_WIPED`
 */
export function sealRing(stored: StoredRing, { overlay, kek, random }: SealOptions): KeysRecord {
  const { rotations } = stored;
  const rotated = new Date(stored.rotated).toISOString();
  const plain = encodeRing(stored);
  try {
    const sealed = kek.seal(contextOf(overlay, rotations, rotated), plain, random);
    return { version: RECORD_VERSION, rotated, rotations, sealed: Buffer.from(sealed).toString('base64') };
  } finally {
    plain.fill(0);
  }
}

/**
 * Opens a ring with the first key that can.
 * @param overlay name of the overlay that the record is in
 * @throws StoreError `SEALED` if none of the keys can, or if the record was changed or is of another overlay
 */
export function openRing(
  record: KeysRecord,
  overlay: string,
  keks: readonly Kek[],
): StoredRing & { readonly kek: Kek } {
  const sealed = Buffer.from(record.sealed, 'base64');
  const context = contextOf(overlay, record.rotations, record.rotated);
  let failure: unknown = new StoreError('BAD_KEK', 'there is no key to open the key ring with');
  for (const kek of keks.slice(0, MAX_KEKS)) {
    let plain: Uint8Array;
    try {
      plain = kek.open(context, sealed);
    } catch (error) {
      failure = error;
      continue;
    }
    try {
      return { ...decodeRing(plain), rotations: record.rotations, rotated: Date.parse(record.rotated), kek };
    } finally {
      plain.fill(0);
    }
  }
  throw failure;
}

/**
 * Reads the record under `keys/ring`.
 * @throws StoreError `SEALED` if it isn't one that this version reads
 */
export function decodeKeys(value: Uint8Array): KeysRecord {
  const decoded = decodeRecord(KEYS, value);
  if (decoded.kind === 'keys') return decoded.record;
  throw new StoreError('SEALED', `${KEYS}: ${decoded.kind === 'unreadable' ? decoded.fault : 'not a key ring'}`);
}

/** The bytes of the record under `keys/ring`. */
export function encodeKeys(record: KeysRecord): Uint8Array {
  return encodeRecord({ kind: 'keys', record });
}

/**
 * Seals the ring in a store with another key, in place of the one it is sealed with. The ring stays the same. Every
 * node must have both keys before, and may forget the old one afterwards. Whoever had the old key knows the ring that
 * it sealed: after a leak, rotate the ring too, until none of its keys is left.
 * @param options `kek`: the key to seal with
 * @returns the revision of the change; undefined if there is no ring, or `kek` already seals it
 * @throws StoreError `SEALED` if neither key opens the ring, `CONFLICT` if others change it all the time, and as of
 * `Store.put`; after `OUTCOME_UNKNOWN`, call it again
 */
export async function resealRing(store: Store, old: Kek, options: SealOptions): Promise<number | undefined> {
  for (let attempt = 1; ; attempt++) {
    const record = await store.get(KEYS);
    if (record === undefined) return undefined;
    const opened = openRing(decodeKeys(record.value), options.overlay, [options.kek, old]);
    try {
      if (opened.kek === options.kek) return undefined;
      return await store.put(KEYS, encodeKeys(sealRing(opened, options)), { revision: record.revision });
    } catch (error) {
      if (!isVtepError(error) || error.code !== 'CONFLICT' || attempt === ATTEMPTS) throw error;
    } finally {
      opened.ring.wipe();
    }
  }
}

/** | profile (1 byte) | keys (1) | per key: tag (8), length (1), bytes |. Not JSON, as strings can't be wiped. */
function encodeRing({ ring, profile }: StoredRing): Uint8Array {
  const { keys } = ring;
  const length = keys.reduce((sum, key) => sum + KEY_HEADER + key.use((bytes) => bytes.length), HEADER);
  const plain = secretBytes(length);
  const view = new DataView(plain.buffer);
  plain[0] = PROFILES.indexOf(profile);
  plain[1] = keys.length;
  let at = HEADER;
  for (const key of keys) {
    view.setBigUint64(at, BigInt(key.tag));
    key.use((bytes) => {
      plain[at + KEY_HEADER - 1] = bytes.length;
      plain.set(bytes, at + KEY_HEADER);
      at += KEY_HEADER + bytes.length;
    });
  }
  return plain;
}

/** Only who has the key sealed it, but perhaps a later version. */
function decodeRing(plain: Uint8Array): { ring: KeyRing; profile: Profile } {
  const bad = (cause?: unknown): StoreError =>
    new StoreError('SEALED', 'what is sealed as a key ring is none that this vtep reads', { cause });
  if (plain.length < HEADER || plain[0] >= PROFILES.length) throw bad();
  const view = new DataView(plain.buffer, plain.byteOffset, plain.length);
  const keys: ClusterKey[] = [];
  try {
    let at = HEADER;
    for (let left = plain[1]; left > 0; left--) {
      if (at + KEY_HEADER > plain.length || at + KEY_HEADER + plain[at + KEY_HEADER - 1] > plain.length) throw bad();
      const from = at + KEY_HEADER;
      const to = from + plain[from - 1];
      keys.push(new ClusterKey(Number(view.getBigUint64(at)), plain.subarray(from, to)));
      at = to;
    }
    if (at !== plain.length) throw bad();
    return { ring: new KeyRing(keys), profile: PROFILES[plain[0]] };
  } catch (error) {
    for (const key of keys) key.wipe();
    throw error instanceof OverlayError ? bad(error) : error;
  }
}
