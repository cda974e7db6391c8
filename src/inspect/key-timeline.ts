/** The SPIs of a capture over time: who sends with which SPI, switches, and when sequence numbers run out. */
import type { CaptureBatch } from '../capture/portable.js';
import { UnderlayDecoder, type UnderlayDecoderOptions, type Verdict } from '../dataplane/index.js';
import { Profile, type RingSa, ROTATION_INTERVAL } from '../overlay/index.js';
import type { InboundEsp, SaCreation } from '../ipsec/index.js';
import { AddressTable } from './address-table.js';
import { CaptureClock, wholeNanoseconds } from './capture-clock.js';
import { EspSurvey, provesSequence } from './esp-survey.js';
import type { EspReport, Problem } from './report.js';
import type { RingKeys } from './ring-key.js';
import { SequenceProgress } from './sequence-progress.js';
import { entriesOf, type Silence } from './timeline-entries.js';
import type { KeySwitch, KeyTimelineReport, SpiSpan, TimelineDirection, TimelineEvent } from './timeline-report.js';
import { SpiSuccession, type Turn } from './spi-succession.js';
import { rotationsOf } from './timeline-rotations.js';

/** Maximum number of SPIs tracked. */
const MAX_SPIS = 16_384;
/** Maximum number of silences kept. */
const MAX_SILENCES = 1024;
/** Maximum number of switches back to an earlier SPI that are kept. */
const MAX_RETURNS = 1024;
const SILENCE_SECONDS = 5;
/** A rate measured over less than this can't predict hours. */
const MIN_FORECAST_SECONDS = 1;
const LAST_SEQUENCE = 2 ** 32 - 1;

/** Options of a timeline. */
export interface KeyTimelineOptions extends UnderlayDecoderOptions {
  /**
   * Minimum gap between packets of an SPI to report, in seconds.
   * @default 5
   */
  readonly silence?: number;
  /**
   * Seconds from one rotation to the next.
   * @default 43200 (Swarm's)
   */
  readonly rotation?: number;
  /**
   * Maximum number of SPIs; packets of further ones are only counted.
   * @default 16384
   */
  readonly maxRows?: number;
  /** The ring to match SPIs with. */
  readonly ring?: RingKeys;
  /** The SAs that the ring provided during decryption. */
  readonly ringSas?: readonly RingSa[];
}

/** What is known besides the packets, to merge into the timeline. */
export interface TimelineAdditions {
  /** Creation times of SAs, from dumps. */
  readonly made?: readonly SaCreation[];
  readonly events?: readonly TimelineEvent[];
}

/** State of an SPI in addition to the survey's counts. Times are seconds since the start of the capture, or NaN. */
interface Span {
  readonly direction: Direction;
  first: number;
  last: number;
  /** Whether its SA has 64-bit sequence numbers, as proven by a valid ICV. */
  extended: boolean | undefined;
  readonly progress: SequenceProgress;
}

interface Direction {
  /** Ids of its SPIs, in the order of their first packets. */
  readonly rows: number[];
  readonly all: SpiSuccession;
  /** Only of decrypted packets: others may be forged. */
  readonly opened: SpiSuccession;
}

/** Follows the SPIs of a capture, batch by batch in bounded memory. */
export class KeyTimeline {
  readonly decoder: UnderlayDecoder;
  readonly #esp: EspSurvey;
  readonly #options: KeyTimelineOptions;
  readonly #clock = new CaptureClock();
  readonly #spans: Span[] = [];
  readonly #directions = new Map<string, Direction>();
  readonly #silences: Silence[] = [];
  #unlistedSilences = 0;
  readonly #returns = { all: 0, opened: 0 };
  #packets = 0;
  /** Time of the latest packet so far, and the number of later packets with an older time. */
  #latest = Number.NEGATIVE_INFINITY;
  #backwards = 0;

  /** @throws VtepError `BAD_INDEX` for a limit below 1 */
  constructor(options: KeyTimelineOptions = {}) {
    const rows = options.maxRows ?? MAX_SPIS;
    this.#options = options;
    this.decoder = new UnderlayDecoder(options);
    this.#esp = new EspSurvey(new AddressTable(2 * rows), rows);
  }

  /** Processes every packet of a batch. */
  addBatch(batch: CaptureBatch): void {
    for (let i = 0; i < batch.count; i++) this.#add(batch, i);
  }

  /**
   * Processes a packet that another decoder has just decoded, such as that of a `Survey`. All packets must come this way.
   * @param decoder whose options are those of the timeline
   * @param verdict its verdict
   * @param esp what it decrypts ESP with. Default: `esp` of the options
   */
  addDecoded(
    batch: CaptureBatch,
    index: number,
    decoder: UnderlayDecoder,
    verdict: Verdict,
    esp: InboundEsp | undefined = this.#options.esp,
  ): void {
    const time = this.#time(batch, index);
    if (decoder.encrypted) this.#addEsp(decoder, verdict, esp, time);
  }

  /** Returns the timeline, merged with the additional information. */
  report({ made = [], events = [] }: TimelineAdditions = {}): KeyTimelineReport {
    const rows = this.#esp.report();
    // If the keys decrypt any packet, SPIs that they don't decrypt are not counted as in use: they may be forged.
    const proven = rows.some(({ opened }) => opened > 0);
    const directions = [...this.#directions.values()].map((direction) => this.#direction(direction, rows, proven));
    const { entries, unlistedMade } = entriesOf(this.#clock, directions, {
      proven,
      silences: this.#silences
        .map(({ id, ...silence }) => ({ ...silence, row: rows[id] }))
        .filter(({ row }) => !proven || row.opened > 0),
      made,
      events,
    });
    return {
      directions,
      entries,
      summary: {
        packets: this.#packets,
        spis: rows.length,
        firstTime: this.#clock.firstTime,
        durationSeconds: wholeNanoseconds(this.#clock.span),
        rotations: rotationsOf(directions, this.#options.rotation ?? ROTATION_INTERVAL),
        unlisted: {
          packets: this.#esp.spis.unlisted,
          silences: this.#unlistedSilences,
          returns: Math.max(0, this.#returns[proven ? 'opened' : 'all'] - MAX_RETURNS),
          made: unlistedMade,
        },
        problems: this.#problems(directions),
      },
    };
  }

  #add(batch: CaptureBatch, index: number): void {
    const { decoder } = this;
    const offset = batch.offset[index];
    const end = offset + batch.capturedLength[index];
    const limit = offset + batch.originalLength[index];
    const time = this.#time(batch, index);
    const verdict = decoder.receive(batch.linkType[index], batch.bytes, offset, end, limit, batch.seconds[index]);
    if (decoder.encrypted) this.#addEsp(decoder, verdict, this.#options.esp, time);
  }

  /** The packet's time in seconds since the start of the capture, or NaN. */
  #time(batch: CaptureBatch, index: number): number {
    if (batch.noTimestamp[index] !== 0) return Number.NaN;
    const time = this.#clock.take(batch.seconds[index], batch.nanoseconds[index]);
    if (time < this.#latest) this.#backwards++;
    else this.#latest = time;
    return time;
  }

  #addEsp(decoder: UnderlayDecoder, verdict: Verdict, esp: InboundEsp | undefined, time: number): void {
    this.#packets++;
    const id = this.#esp.add(decoder, verdict);
    if (id < 0) return;
    if (id === this.#spans.length) this.#begin(id, time);
    else this.#continue(id, time);
    const span = this.#spans[id];
    this.#follow('all', id, time);
    if (decoder.opened) this.#follow('opened', id, time);
    if (provesSequence(verdict, decoder)) span.progress.add(decoder.sequence, time);
    // The SA is known only for decrypted packets.
    if (decoder.opened) span.extended = esp?.sa?.esn;
  }

  #follow(which: 'all' | 'opened', id: number, time: number): void {
    const returns = this.#returns;
    if (this.#spans[id].direction[which].add(id, time, returns[which] < MAX_RETURNS)) returns[which]++;
  }

  #begin(id: number, time: number): void {
    const name = `${this.#esp.source} ${this.#esp.destination}`;
    const direction = this.#directions.get(name) ?? { rows: [], all: new SpiSuccession(), opened: new SpiSuccession() };
    this.#directions.set(name, direction);
    direction.rows.push(id);
    const progress = new SequenceProgress();
    this.#spans.push({ direction, first: time, last: time, extended: undefined, progress });
  }

  #continue(id: number, time: number): void {
    const span = this.#spans[id];
    if (Number.isNaN(time)) return;
    const seconds = time - span.last;
    if (seconds > (this.#options.silence ?? SILENCE_SECONDS)) {
      if (this.#silences.length < MAX_SILENCES)
        this.#silences.push({ id, start: span.last, seconds: wholeNanoseconds(seconds) });
      else this.#unlistedSilences++;
    }
    if (!(time >= span.first)) span.first = time;
    // If the clock was set back, or the capture is out of order, the span doesn't end earlier.
    if (!(time <= span.last)) span.last = time;
  }

  #direction({ rows: ids, all, opened }: Direction, rows: readonly EspReport[], proven: boolean): TimelineDirection {
    const { source, destination } = rows[ids[0]];
    const turns = this.#byTime((proven ? opened : all).end());
    const switches: KeySwitch[] = [];
    for (let i = 1; i < turns.length; i++) {
      const found = this.#switch(turns[i - 1], turns[i], rows);
      if (found !== undefined) switches.push(found);
    }
    const current = turns.at(-1)?.id;
    const spis = ids.map((id) => this.#span(this.#spans[id], rows[id], id === current));
    if (this.#backwards > 0) spis.sort((a, b) => (a.first?.offset ?? 0) - (b.first?.offset ?? 0));
    return { source, destination, spis, switches };
  }

  /** Turns sorted by time, which isn't the file's order if captures were merged or the clock was set back. */
  #byTime(turns: readonly Turn[]): readonly Turn[] {
    if (this.#backwards === 0 || turns.some(({ first }) => Number.isNaN(first))) return turns;
    return [...turns].sort((a, b) => a.first - b.first);
  }

  #switch(before: Turn, next: Turn, rows: readonly EspReport[]): KeySwitch | undefined {
    const at = this.#clock.moment(next.first);
    // After sorting, two turns of one SPI may be adjacent.
    if (at === null || before.id === next.id || Number.isNaN(before.last)) return undefined;
    // Negative if the old SPI has newer packets, though none follows the new SPI's first one.
    const apart = wholeNanoseconds(next.first - before.last);
    return {
      at,
      from: rows[before.id].spi,
      to: rows[next.id].spi,
      gapSeconds: before.late > 0 ? null : apart,
      overlap: before.late > 0 ? { packets: before.late, seconds: Math.max(0, -apart) } : null,
    };
  }

  #span(span: Span, row: EspReport, current: boolean): SpiSpan {
    const { ring } = this.#options;
    const key = ring?.explain(Number(row.spi), row.source, row.destination) ?? null;
    const { progress } = span;
    const extended = span.extended ?? (key === null ? progress.wrapped : ring?.profile === Profile.Strict);
    const { seconds } = progress;
    const rate = seconds > 0 ? progress.advance / seconds : null;
    return {
      spi: row.spi,
      inUdp: row.inUdp,
      packets: row.packets,
      bytes: row.bytes,
      first: this.#clock.moment(span.first),
      last: this.#clock.moment(span.last),
      current,
      firstSequence: row.firstSequence,
      lastSequence: row.lastSequence,
      highestSequence: row.highestSequence,
      missingSequences: row.missingSequences,
      sequenceRestarts: progress.restarts,
      sequenceRate: rate,
      extended,
      runsOut: extended || seconds < MIN_FORECAST_SECONDS ? null : this.#runsOut(progress.furthest, rate),
      opened: row.opened,
      failed: row.failed,
      key,
    };
  }

  #runsOut(furthest: number, rate: number | null): SpiSpan['runsOut'] {
    if (rate === null || rate <= 0) return null;
    const seconds = (LAST_SEQUENCE - furthest) / rate;
    // The capture doesn't say how old an SA is, but its sequence numbers do: they start at 1.
    const age = furthest / rate;
    return { seconds, beforeRotation: age + seconds < (this.#options.rotation ?? ROTATION_INTERVAL) };
  }

  #problems(directions: readonly TimelineDirection[]): Problem[] {
    const problems = this.#esp.problems(this.#options.ringSas);
    const warning = (code: string, count: number, message: string): void => {
      if (count > 0) problems.push({ code, severity: 'warning', count, message });
    };
    const spans = directions.flatMap(({ spis }) => spis);
    warning(
      'ESP_NOT_OPENED',
      spans.reduce((sum, { failed }) => Object.values(failed).reduce((of, count) => of + count, sum), 0),
      'ESP packets that the keys did not decrypt',
    );
    warning(
      'SEQUENCE_RUNS_OUT',
      // Only an SPI that is still in use can run out.
      spans.filter(({ current, runsOut }) => current && runsOut?.beforeRotation === true).length,
      'SPIs in use whose 32-bit sequence numbers run out before the next rotation: the SA then stops sending',
    );
    warning(
      'SEQUENCE_RESTART',
      spans.reduce((sum, { sequenceRestarts }) => sum + sequenceRestarts, 0),
      'restarts of sequence numbers under one SPI: an SA recreated with the same key may reuse nonces',
    );
    if (this.#backwards > 0) {
      problems.push({
        code: 'TIME_BACKWARDS',
        severity: 'note',
        count: this.#backwards,
        message: 'packets older than an earlier one: the timeline is ordered by time, not by position in the file',
      });
    }
    warning('TABLE_FULL', this.#esp.spis.unlisted, 'packets of SPIs that are not listed because the table is full');
    return problems;
  }
}
