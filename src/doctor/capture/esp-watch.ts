/** ESP by SPI and direction: when, with which sequence numbers, and what didn't open. */
import { DropReason, dropReasonName, type UnderlayDecoder, Verdict } from '../../dataplane/index.js';
import type { EspReport } from '../../inspect/index.js';
import { NonceVerdict } from '../../inspect/internal.js';
import { formatSpi } from '../../ipsec/index.js';
import type { Occurrence, TunnelOccurrence } from '../evidence/capture.js';
import type { AddressPairs } from './address-pairs.js';
import { EventTable } from './event-table.js';
import type { PacketStamp } from './packet-stamp.js';

/** Smallest replay window of receivers, in packets (RFC 4303 section 3.4.3). */
const SMALLEST_WINDOW = 32;
/** A number this far below the highest isn't late: the SA was made anew, if more follow. */
const RESTART = 4096;
/** How far apart numbers of a restarted SA may be. */
const RESTART_STEP = 64;

/** Kinds of events by SPI. */
const Event = { Gap: 0, Late: 1, Repeated: 2, SamePacket: 3, NonceReused: 4, Restart: 5 } as const;

/** An SPI in one direction; `count` is that of its packets. */
export interface SpiTrace extends TunnelOccurrence {
  readonly spi: number;
  readonly inUdp: boolean;
  readonly firstSequence: number;
  readonly highestSequence: number;
  /** Times of the first and last packet of this SPI are those of the occurrence. Packets that opened; 0 without keys. */
  readonly opened: number;
  /** Packets that didn't, by drop reason. */
  readonly failures: readonly (Occurrence & { readonly reason: string })[];
  /** Sequence numbers that are missing. */
  readonly missing: number;
  /** Places at which numbers were skipped. */
  readonly gaps: Occurrence;
  /** Packets at least 32 below the highest number, which a window of 32 doesn't take; and how far below at most. */
  readonly late: Occurrence;
  readonly mostLate: number;
  /** Packets with the number of another one, and those of them that are the same to the last byte. */
  readonly repeated: Occurrence;
  readonly samePackets: Occurrence;
  /** Packets that reuse a nonce, if the sizes allow AES-GCM. */
  readonly nonceReused: Occurrence;
  /** Starts over of the sequence numbers. */
  readonly restarts: Occurrence;
  /** The key of the ring that explains the SPI, and how the addresses were hashed. */
  readonly key: EspReport['key'];
}

/** SPIs that are followed. */
export const MAX_SPIS = 1 << 14;

/** Follows SPIs, in bounded memory. */
export class EspWatch {
  readonly #pairs: AddressPairs;
  readonly #spis = new EventTable(MAX_SPIS);
  readonly #events = new EventTable(MAX_SPIS);
  readonly #failures = new EventTable();
  readonly #first: number[] = [];
  readonly #highest: number[] = [];
  readonly #mostLate: number[] = [];
  /** The last number that was too low to be late; -1 for none. */
  readonly #restart: number[] = [];

  /** @param pairs ids of the directions */
  constructor(pairs: AddressPairs) {
    this.#pairs = pairs;
  }

  get unlisted(): number {
    return this.#spis.unlisted + this.#events.unlisted + this.#failures.unlisted;
  }

  /**
   * Counts an ESP packet.
   * @param nonce what the survey says of its IV
   */
  add(stamp: PacketStamp, tunnel: number, decoder: UnderlayDecoder, verdict: Verdict, nonce: NonceVerdict): void {
    const { spi, sequence } = decoder;
    const row = this.#spis.add(stamp, spi, tunnel, decoder.espInUdp ? 1 : 0);
    if (row < 0) return;
    if (row === this.#first.length) {
      this.#first.push(sequence);
      this.#highest.push(sequence - 1);
      this.#mostLate.push(0);
      this.#restart.push(-1);
    }
    if (verdict === Verdict.Dropped && !decoder.opened) {
      this.#failures.add(stamp, row, decoder.reason);
      if (decoder.reason === DropReason.EspReplayed) this.#events.add(stamp, row, Event.Repeated);
      // Others may be forged: with keys, only what opens says where the sender is.
      if (decoder.reason !== DropReason.EspNoSa) return;
    }
    if (nonce === NonceVerdict.SamePacket) this.#events.add(stamp, row, Event.SamePacket);
    else if (nonce === NonceVerdict.Reused) this.#events.add(stamp, row, Event.NonceReused);
    const ahead = sequence - this.#highest[row];
    if (ahead > 0) {
      if (ahead > 1) this.#events.add(stamp, row, Event.Gap);
      this.#highest[row] = sequence;
      this.#restart[row] = -1;
    } else this.#behind(stamp, row, sequence, -ahead, nonce);
  }

  /** @param rows what the survey counted by SPI */
  report(rows: readonly EspReport[]): SpiTrace[] {
    const byName = new Map(rows.map((row) => [nameOf(row.spi, row.source, row.destination, row.inUdp), row]));
    const failures = new Map<number, (Occurrence & { readonly reason: string })[]>();
    for (let at = 0; at < this.#failures.size; at++) {
      const reason = dropReasonName(this.#failures.word(at, 1));
      const of = failures.get(this.#failures.word(at, 0)) ?? [];
      of.push({ ...this.#failures.occurrence(at), reason });
      failures.set(this.#failures.word(at, 0), of);
    }
    return this.#spis.map((row) => {
      const tunnel = this.#spis.word(row, 1);
      const spi = this.#spis.word(row, 0) >>> 0;
      const inUdp = this.#spis.word(row, 2) === 1;
      const [source, destination] = [this.#pairs.source(tunnel), this.#pairs.destination(tunnel)];
      const counts = byName.get(nameOf(formatSpi(spi), source, destination, inUdp));
      const of = (event: number): Occurrence => this.#events.of(row, event);
      const nonces = of(Event.NonceReused);
      return {
        ...this.#spis.occurrence(row),
        source,
        destination,
        vni: -1,
        spi,
        inUdp,
        firstSequence: this.#first[row],
        highestSequence: this.#highest[row],
        opened: counts?.opened ?? 0,
        failures: failures.get(row) ?? [],
        missing: counts?.missingSequences ?? 0,
        gaps: of(Event.Gap),
        late: of(Event.Late),
        mostLate: this.#mostLate[row],
        repeated: of(Event.Repeated),
        samePackets: of(Event.SamePacket),
        // The survey knows whether the cipher can be a counter mode at all.
        nonceReused: { ...nonces, count: Math.min(nonces.count, counts?.nonceReused ?? 0) },
        restarts: of(Event.Restart),
        key: counts?.key ?? null,
      };
    });
  }

  #behind(stamp: PacketStamp, row: number, sequence: number, distance: number, nonce: NonceVerdict): void {
    if (distance === 0 || nonce === NonceVerdict.SamePacket) {
      this.#events.add(stamp, row, Event.Repeated);
      return;
    }
    if (distance >= RESTART) {
      const step = sequence - this.#restart[row];
      if (this.#restart[row] >= 0 && step > 0 && step <= RESTART_STEP) {
        this.#events.add(stamp, row, Event.Restart);
        this.#highest[row] = sequence;
        this.#restart[row] = -1;
      } else this.#restart[row] = sequence;
      return;
    }
    if (distance < SMALLEST_WINDOW) return;
    this.#events.add(stamp, row, Event.Late);
    if (distance > this.#mostLate[row]) this.#mostLate[row] = distance;
  }
}

function nameOf(spi: string, source: string, destination: string, inUdp: boolean): string {
  return `${spi} ${source} ${destination} ${String(inUdp)}`;
}
