/** ESP: SPIs, keys and rotations over time. */
import type {
  EspReport,
  KeyTimelineReport,
  Rotation,
  SpiSpan,
  SurveyReport,
  TimelineEntry,
} from '../../inspect/index.js';
import { byteText, secondsText } from '../../text/quantity.js';
import { dataTable, folded, moreRows } from '../data-table.js';
import { keyChart } from '../key-chart.js';
import { type Markup, markup, NOTHING, type Part } from '../markup.js';
import { counted, grouped, offsetText, utcText } from '../quantities.js';
import { card, type Section } from './section.js';

const MAX_ROTATIONS = 20;
const MAX_EVENTS = 40;

/** An SPI: its counts, and its times if there is a timeline. */
interface SpiRow {
  readonly esp: EspReport;
  readonly span: SpiSpan | undefined;
}

function spiKey({ spi, source, destination }: Pick<EspReport, 'spi' | 'source' | 'destination'>): string {
  return `${spi} ${source} ${destination}`;
}

function rowsOf({ esp }: SurveyReport, timeline: KeyTimelineReport | undefined): SpiRow[] {
  const spans = new Map<string, SpiSpan>();
  for (const { source, destination, spis } of timeline?.directions ?? []) {
    for (const span of spis) spans.set(spiKey({ spi: span.spi, source, destination }), span);
  }
  return esp
    .map((row) => ({ esp: row, span: spans.get(spiKey(row)) }))
    .sort((one, other) => other.esp.packets - one.esp.packets);
}

function failedText(failed: EspReport['failed']): Part {
  return Object.entries(failed).map(([reason, count], i) => `${i > 0 ? ', ' : ''}${grouped(count)} ${reason}`);
}

function keyText({ esp, span }: SpiRow): string {
  if (span !== undefined && span.key !== null) return `${span.key.tag}, ${span.key.role}`;
  return esp.key === null ? '' : String(esp.key.tag);
}

function runsOut({ span }: SpiRow): string {
  if (span === undefined) return '';
  if (span.extended) return 'never: 64 bits';
  return span.runsOut === null ? '' : secondsText(span.runsOut.seconds);
}

function remarks({ inUdp, repeatedSequences, nonceReused, duplicates, key }: EspReport): string {
  const found: string[] = [];
  if (inUdp) found.push('in UDP');
  if (key?.spiForm === 'short') found.push('SPI of 4-byte addresses');
  if (nonceReused > 0) found.push(counted(nonceReused, 'nonce reused', 'nonces reused'));
  if (duplicates > 0) found.push(counted(duplicates, 'duplicate'));
  else if (repeatedSequences > 0) found.push(counted(repeatedSequences, 'number repeated', 'numbers repeated'));
  return found.join(', ');
}

function spiTable(rows: readonly SpiRow[]): Markup {
  const moment = (at: SpiSpan['first'] | undefined): string =>
    at === undefined || at === null ? '' : offsetText(at.offset);
  const count = (value: number): string => (value === 0 ? '' : grouped(value));
  const keyed = rows.some(({ esp }) => esp.opened > 0 || Object.keys(esp.failed).length > 0);
  return dataTable<SpiRow>({
    caption: 'SPIs',
    rest: 'SPIs with fewer packets',
    rows,
    columns: [
      { heading: 'SPI', kind: 'code', cell: ({ esp }) => esp.spi },
      { heading: 'From', kind: 'code', cell: ({ esp }) => esp.source },
      { heading: 'To', kind: 'code', cell: ({ esp }) => esp.destination },
      { heading: 'Packets', kind: 'number', cell: ({ esp }) => esp.packets },
      { heading: 'Bytes', kind: 'number', cell: ({ esp }) => byteText(esp.bytes), value: ({ esp }) => esp.bytes },
      { heading: 'Decrypted', kind: 'number', optional: true, cell: ({ esp }) => (keyed ? grouped(esp.opened) : '') },
      { heading: 'Not decrypted', optional: true, cell: ({ esp }) => failedText(esp.failed) },
      { heading: 'Key', optional: true, cell: keyText },
      {
        heading: 'First',
        kind: 'number',
        optional: true,
        cell: ({ span }) => moment(span?.first),
        value: ({ span }) => span?.first?.offset ?? null,
      },
      {
        heading: 'Last',
        kind: 'number',
        optional: true,
        cell: ({ span }) => moment(span?.last),
        value: ({ span }) => span?.last?.offset ?? null,
      },
      { heading: 'Last sequence number', kind: 'number', cell: ({ esp }) => esp.lastSequence },
      { heading: 'Missing', kind: 'number', optional: true, cell: ({ esp }) => count(esp.missingSequences) },
      {
        heading: 'Numbers run out in',
        kind: 'number',
        optional: true,
        cell: runsOut,
        value: ({ span }) => span?.runsOut?.seconds ?? null,
      },
      { heading: 'Notes', optional: true, cell: ({ esp }) => remarks(esp) },
    ],
  });
}

function rotationItem({ start, seconds, nodes, directions }: Rotation): Markup {
  const [first, ...others] = nodes;
  const last = others.at(-1);
  const rest =
    last === undefined
      ? 'no other node in these captures'
      : `${others.length === 1 ? '' : `${others.length} others follow, the last is `}${last.address} ${secondsText(last.at.offset - start.offset)} later`;
  return markup`<li><strong>${offsetText(start.offset)}</strong> ${first.address} switches first, ${rest}: ${counted(directions, 'direction')} within ${secondsText(seconds)}</li>
`;
}

function rotationList(rotations: readonly Rotation[]): Markup {
  if (rotations.length === 0)
    return markup`<p>No node switches to another SPI.</p>
`;
  return markup`<h3>${counted(rotations.length, 'rotation')}</h3>
<ol>${rotations.slice(0, MAX_ROTATIONS).map(rotationItem)}</ol>
${moreRows(rotations.length - MAX_ROTATIONS, 'more rotations')}`;
}

function eventText(entry: TimelineEntry): Part {
  if (entry.kind === 'event') return entry.words;
  if (entry.kind === 'unopened')
    return `${counted(entry.packets, 'packet')} of ${counted(entry.spis, 'SPI')} that no key decrypts`;
  const way = markup`<code>${entry.source}</code> → <code>${entry.destination}</code>`;
  switch (entry.kind) {
    case 'first':
      return markup`${way}: first packet, SPI ${entry.spi}`;
    case 'last':
      return markup`${way}: last packet of SPI ${entry.spi}`;
    case 'made':
      return markup`${way}: SA ${entry.spi} created, according to a dump (local time)`;
    case 'silence':
      return markup`${way}: silent on SPI ${entry.spi} for ${secondsText(entry.seconds)}`;
    case 'switch': {
      const { from, to, overlap, gapSeconds } = entry;
      const gap = gapSeconds ?? 0;
      const edge =
        overlap === null
          ? `${secondsText(Math.abs(gap))} ${gap < 0 ? 'before' : 'after'} the last packet of the old one`
          : `${counted(overlap.packets, 'packet')} of the old one still arrive, for ${secondsText(overlap.seconds)}`;
      return markup`${way}: switches from ${from} to ${to}, ${edge}`;
    }
  }
}

function eventTable(entries: readonly TimelineEntry[]): Markup {
  return dataTable<TimelineEntry>({
    caption: 'Events',
    rest: 'later events',
    sortable: false,
    most: MAX_EVENTS,
    rows: entries,
    columns: [
      { heading: 'Time', kind: 'number', cell: ({ offset }) => offsetText(offset) },
      { heading: 'Event', cell: eventText },
    ],
  });
}

/** Keys and rotations; undefined for captures without ESP. */
export function keysSection(survey: SurveyReport, timeline: KeyTimelineReport | undefined): Section | undefined {
  if (survey.esp.length === 0) return undefined;
  const chart = timeline === undefined ? undefined : keyChart(timeline);
  const from = timeline?.summary.firstTime ?? null;
  const legend =
    from === null
      ? NOTHING
      : markup`<figcaption>Each bar is an SPI in use; a new one starts in the other lane. Dashed lines mark rotations. Times count from ${utcText(from)}.</figcaption>`;
  const cipher =
    survey.cipher === null
      ? NOTHING
      : markup`<p>Decrypted by ${survey.cipher.name}.</p>
`;
  return {
    id: 'keys',
    title: 'Keys and rotations',
    short: 'Keys',
    content: card(
      chart === undefined
        ? NOTHING
        : markup`<figure>${chart}${legend}</figure>
`,
      timeline === undefined ? NOTHING : rotationList(timeline.summary.rotations),
      cipher,
      folded(counted(survey.esp.length, 'SPI'), spiTable(rowsOf(survey, timeline))),
      timeline === undefined
        ? NOTHING
        : folded(counted(timeline.entries.length, 'event'), eventTable(timeline.entries)),
    ),
  };
}
