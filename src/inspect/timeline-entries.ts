/** The entries of a timeline in chronological order: from packets, from dumps, and from a list of events. */
import { formatSpi, type SaCreation } from '../ipsec/index.js';
import type { CaptureClock } from './capture-clock.js';
import type { EspReport } from './report.js';
import type { Moment, TimelineDirection, TimelineEntry, TimelineEvent } from './timeline-report.js';

/** A period in which an SPI had no packet. */
export interface Silence {
  /** Id of its row. */
  readonly id: number;
  /** Time of the packet before it, in seconds since the capture's beginning. */
  readonly start: number;
  readonly seconds: number;
}

/** What a timeline shows in addition to the SPIs. */
interface TimelineParts {
  /** Whether keys decrypted packets, so that SPIs without decrypted packets are separate. */
  readonly proven: boolean;
  readonly silences: readonly (Omit<Silence, 'id'> & { readonly row: EspReport })[];
  readonly made: readonly SaCreation[];
  readonly events: readonly TimelineEvent[];
}

/**
 * The entries of a timeline; none if the capture has no times. SAs between other addresses than the capture's are only
 * counted.
 */
export function entriesOf(
  clock: CaptureClock,
  directions: readonly TimelineDirection[],
  { proven, silences, made, events }: TimelineParts,
): { entries: TimelineEntry[]; unlistedMade: number } {
  if (!clock.running) return { entries: [], unlistedMade: [...unique(made)].length };
  const entries = directions.flatMap((direction) => ofDirection(direction, proven));
  const at = (offset: number, add: (moment: Moment) => TimelineEntry): void => {
    const moment = clock.moment(offset);
    if (moment !== null) entries.push(add(moment));
  };
  for (const { row, start, seconds } of silences) {
    const { source, destination, spi } = row;
    at(start, (moment) => ({ ...moment, kind: 'silence', source, destination, spi, seconds }));
  }
  const unopened = proven ? directions.flatMap(({ spis }) => spis.filter(({ opened }) => opened === 0)) : [];
  const begin = Math.min(...unopened.flatMap(({ first }) => first?.offset ?? []));
  if (begin < Infinity) {
    const packets = unopened.reduce((sum, span) => sum + span.packets, 0);
    at(begin, (moment) => ({ ...moment, kind: 'unopened', spis: unopened.length, packets }));
  }
  const known = new Set(directions.map(({ source, destination }) => `${source} ${destination}`));
  let unlistedMade = 0;
  for (const { spi, source, destination, text } of unique(made)) {
    if (!known.has(`${source} ${destination}`)) {
      unlistedMade++;
      continue;
    }
    const seconds = Date.parse(`${text.replace(' ', 'T')}Z`) / 1000;
    at(clock.offset(seconds, 0), (moment) => {
      return { ...moment, kind: 'made', source, destination, spi: formatSpi(spi), localTime: text };
    });
  }
  for (const { seconds, nanoseconds, text: words } of events) {
    at(clock.offset(seconds, nanoseconds), (moment) => ({ ...moment, kind: 'event', words }));
  }
  entries.sort((a, b) => a.offset - b.offset);
  return { entries, unlistedMade };
}

function ofDirection({ source, destination, spis, switches }: TimelineDirection, proven: boolean): TimelineEntry[] {
  const entries: TimelineEntry[] = [];
  const add = (kind: 'first' | 'last', spi: string, moment: Moment | null): void => {
    if (moment !== null) entries.push({ ...moment, kind, source, destination, spi });
  };
  const sent = proven ? spis.filter(({ opened }) => opened > 0) : spis;
  for (const { spi, first } of sent.slice(0, 1)) add('first', spi, first);
  for (const { spi, last } of sent.filter(({ current }) => !current)) add('last', spi, last);
  for (const { at, ...rest } of switches) entries.push({ ...at, kind: 'switch', source, destination, ...rest });
  return entries;
}

/** Removes duplicates: the same SA appears in many dumps with the same time. */
function unique(made: readonly SaCreation[]): Iterable<SaCreation> {
  return new Map(made.map((sa) => [`${sa.spi} ${sa.source} ${sa.destination} ${sa.text}`, sa])).values();
}
