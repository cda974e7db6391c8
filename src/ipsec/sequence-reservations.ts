/**
 * Ensures that no sequence number is reused under one key and mask: an SA that is recreated (its peer left and came
 * back, the process restarted) continues at its position, under the same mask.
 *
 * Within a process, memory suffices. Across restarts it needs a store, in which numbers are reserved in blocks before
 * they are used: whenever a process dies, the next one begins after every number that was sent. Without a store a
 * restart draws a new mask, as the kernel does; docs/security.md says how likely an overlap is.
 */
import type { Aead } from '../aead/portable.js';
import { IpsecError } from './error.js';
import { IV_MASK_BYTES, OutboundSa, type SequenceReserver } from './outbound-sa.js';
import { formatSpi, type SecurityAssociation } from './security-association.js';
import type { SequenceRecord, SequenceStore } from './sequence-store.js';

const LAST_32 = 0xffffffff;
const WORD = 2 ** 32;
/** At 100,000 packets per second the store is written every second or two. */
const BLOCK = 1 << 18;

/** Options of `SequenceReservations`. */
export interface SequenceReservationsOptions {
  /** Fills an array with cryptographic random bytes, for the IV masks. */
  readonly random: (bytes: Uint8Array) => void;
  /** Where reservations are persisted. Default: none; restarts draw new masks. */
  readonly store?: SequenceStore;
  /**
   * Sequence numbers reserved at a time, 1 to 2^31.
   * @default 262144
   */
  readonly block?: number;
  /** Called with the reason if the store can't be written. Its SAs then send nothing beyond their reservations. */
  readonly onFailure?: (error: unknown) => void;
}

interface OpenSa {
  readonly sa: OutboundSa;
  readonly created: number;
  readonly record: SequenceRecord;
}

/** State of a closed SA. For SAs of another process only the sequence numbers are known. */
interface ClosedSa {
  readonly record: SequenceRecord;
  readonly life?: { readonly created: number; readonly packets: number; readonly bytes: number };
}

function nameOf(
  key: string,
  { spi, source, destination }: { spi: number; source: string; destination: string },
): string {
  return `${key} ${formatSpi(spi)} ${source} ${destination}`;
}

/** The sequence numbers of one node's SAs. */
export class SequenceReservations implements SequenceReserver {
  readonly #random: (bytes: Uint8Array) => void;
  readonly #store: SequenceStore | undefined;
  readonly #block: number;
  readonly #onFailure: ((error: unknown) => void) | undefined;
  readonly #open = new Map<OutboundSa, OpenSa>();
  /** Closed SAs by name, with their positions. */
  readonly #closed = new Map<string, ClosedSa>();
  #failed = false;
  #ended = false;

  /** @throws whatever the store throws if it can't be read */
  constructor(options: SequenceReservationsOptions) {
    const { random, store, block = BLOCK, onFailure } = options;
    if (!Number.isInteger(block) || block < 1 || block > 2 ** 31) {
      throw new IpsecError('BAD_SEQUENCE', `a block must have 1 to 2147483648 sequence numbers, not ${block}`);
    }
    this.#random = random;
    this.#store = store;
    this.#block = block;
    this.#onFailure = onFailure;
    for (const record of store?.load() ?? []) this.#closed.set(nameOf(record.key, record), { record });
  }

  /**
   * Creates an outbound SA that continues where one with its key, SPI and addresses left off: in its sequence numbers
   * and, within this process, against its limits.
   * @param key a name for its key: a fingerprint, never the key
   * @param created seconds of the packets' clock
   * @throws IpsecError as `checkSecurityAssociation`; AeadError `BAD_KEY_LENGTH`
   */
  open(association: SecurityAssociation, key: string, aead: Aead, created: number): OutboundSa {
    const { spi, source, destination } = association;
    const name = nameOf(key, association);
    const closed = this.#closed.get(name);
    const before = closed?.record;
    const began = closed?.life?.created ?? created;
    const mask = new Uint8Array(IV_MASK_BYTES);
    const words = new DataView(mask.buffer);
    if (before === undefined) {
      this.#random(mask);
    } else {
      words.setUint32(0, before.ivMask.high);
      words.setUint32(4, before.ivMask.low);
    }
    const sequence = before?.sequence ?? { high: 0, low: 0 };
    const sa = new OutboundSa(association, aead, {
      ivMask: mask,
      created: began,
      sequence,
      ...(this.#store === undefined ? {} : { reserver: this }),
    });
    sa.lifetime.packets = closed?.life?.packets ?? 0;
    sa.lifetime.bytes = closed?.life?.bytes ?? 0;
    this.#closed.delete(name);
    const ivMask = { high: words.getUint32(0), low: words.getUint32(4) };
    const record = { key, spi, source, destination, ivMask, sequence };
    this.#open.set(sa, { sa, created: began, record });
    return sa;
  }

  /** Closes an SA and remembers its position. */
  close(sa: OutboundSa): void {
    const entry = this.#open.get(sa);
    sa.close();
    if (entry === undefined) return;
    this.#open.delete(sa);
    const record = { ...entry.record, sequence: { high: sa.sequenceHigh, low: sa.sequenceLow } };
    const { packets, bytes } = sa.lifetime;
    this.#closed.set(nameOf(record.key, record), { record, life: { created: entry.created, packets, bytes } });
  }

  /**
   * Forgets closed SAs.
   * @param isGone whether a key, by its name, will never be used again
   */
  forget(isGone: (key: string) => boolean): void {
    for (const [name, { record }] of this.#closed) if (isGone(record.key)) this.#closed.delete(name);
  }

  /** Raises the ceiling of an SA, and of all that will soon need it, in one write. */
  extend(sa: OutboundSa): boolean {
    // After a failure, don't retry for each packet.
    if (this.#failed) return false;
    return this.#reserve(sa);
  }

  /**
   * Reserves numbers for the SAs that have less than half a block left. Call it periodically, so that packets never
   * wait for it.
   * @returns whether all have numbers; false if the store could not be written
   */
  topUp(): boolean {
    if (this.#store === undefined) return true;
    this.#failed = false;
    for (const { sa } of this.#open.values()) if (this.#isLow(sa)) return this.#reserve(sa);
    return true;
  }

  /** Persists each SA's exact position for a clean shutdown, and closes the SAs. */
  closeAll(): void {
    for (const sa of [...this.#open.keys()]) this.close(sa);
    // Save only once: by a second call the store may belong to another process.
    if (this.#store !== undefined && !this.#ended) this.#save(this.#closedRecords());
    this.#ended = true;
  }

  #isLow(sa: OutboundSa): boolean {
    const left = (sa.ceilingHigh - sa.sequenceHigh) * WORD + (sa.ceilingLow - sa.sequenceLow);
    const atEnd = sa.ceilingLow === LAST_32 && (!sa.esn || sa.ceilingHigh === LAST_32);
    return left < this.#block / 2 && !atEnd;
  }

  #reserve(wanted: OutboundSa): boolean {
    const raised: OutboundSa[] = [];
    const records = this.#closedRecords();
    for (const { sa, record } of this.#open.values()) {
      const raise = sa === wanted || this.#isLow(sa);
      if (raise) raised.push(sa);
      const sequence = raise ? ceilingAfter(sa, this.#block) : { high: sa.ceilingHigh, low: sa.ceilingLow };
      records.push({ ...record, sequence });
    }
    if (!this.#save(records)) return false;
    for (const sa of raised) {
      const { high, low } = ceilingAfter(sa, this.#block);
      sa.ceilingHigh = high;
      sa.ceilingLow = low;
    }
    return true;
  }

  #closedRecords(): SequenceRecord[] {
    return Array.from(this.#closed.values(), ({ record }) => record);
  }

  #save(records: readonly SequenceRecord[]): boolean {
    try {
      this.#store?.save(records);
      return true;
    } catch (error) {
      this.#failed = true;
      this.#onFailure?.(error);
      return false;
    }
  }
}

/** The ceiling of an SA `block` numbers after its position. */
function ceilingAfter(sa: OutboundSa, block: number): { high: number; low: number } {
  const low = sa.sequenceLow + block;
  if (low <= LAST_32) return { high: sa.sequenceHigh, low };
  if (!sa.esn || sa.sequenceHigh === LAST_32) return { high: sa.sequenceHigh, low: LAST_32 };
  return { high: sa.sequenceHigh + 1, low: low - WORD };
}
