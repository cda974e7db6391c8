/** Follows the key ring of an overlay, never backwards. */
import { hkdfSha256 } from '../../aead/index.js';
import { keyFingerprint, RingOutcome } from '../../overlay/index.js';
import { type KeysRecord } from '../records/schemas.js';
import { type Kek } from './kek.js';
import { openRing, type StoredRing } from './ring-record.js';

/** What became of a record. */
export type RingReading =
  /** A newer ring than all before it. The caller wipes it. */
  | ({ readonly outcome: typeof RingOutcome.Accepted } & StoredRing)
  /** The ring that the reader has, perhaps sealed again. */
  | { readonly outcome: typeof RingOutcome.Same }
  /** An older ring, or another one with the number of the reader's: the store went back, or was made to. Ignored. */
  | { readonly outcome: typeof RingOutcome.Stale; readonly rotations: number };

/** Opens rings and refuses those older than the newest it has seen. It holds no keys of a ring. */
export class RingReader {
  readonly #overlay: string;
  readonly #keks: readonly Kek[];
  #rotations = -1;
  #fingerprint = '';

  /**
   * @param overlay name of the overlay
   * @param keks at most 4; the caller wipes them
   */
  constructor(overlay: string, keks: readonly Kek[]) {
    this.#overlay = overlay;
    this.#keks = keks;
  }

  /** How often the newest ring was rotated; -1 before the first one. */
  get rotations(): number {
    return this.#rotations;
  }

  /** @throws StoreError `SEALED`; the ring that the reader has stays the newest */
  read(record: KeysRecord): RingReading {
    const stored = openRing(record, this.#overlay, this.#keks);
    const { ring, profile, rotations } = stored;
    const fingerprint = `${profile} ${ring.keys.map((key) => `${key.tag} ${keyFingerprint(key, hkdfSha256)}`).join()}`;
    if (rotations > this.#rotations) {
      this.#rotations = rotations;
      this.#fingerprint = fingerprint;
      return { outcome: RingOutcome.Accepted, ring, profile, rotations, rotated: stored.rotated };
    }
    ring.wipe();
    return rotations === this.#rotations && fingerprint === this.#fingerprint
      ? { outcome: RingOutcome.Same }
      : { outcome: RingOutcome.Stale, rotations };
  }
}
