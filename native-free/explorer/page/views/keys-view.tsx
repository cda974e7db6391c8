/** Keys over time: which SPI each node sent with, when it changed, and what the keys opened. */
import { useMemo, useRef, useState } from 'preact/hooks';
import type { KeyTimelineReport, TimelineEntry } from '../../../../src/inspect/index.js';
import { byteText, secondsText } from '../../../../src/text/quantity.js';
import { counted } from '../parts/counted.js';
import { type Column, DataTable } from '../parts/data-table.js';
import { useWidth } from '../parts/use-width.js';
import { SavePicture } from '../picture/save-buttons.js';
import { pixelOf, TimeAxis, type TimeScale } from '../picture/time-axis.js';
import { withTerm } from '../state/terms.js';
import type { ViewProps } from '../view-props.js';
import { awaitedText } from './awaited.js';
import { drawnBars, FIRST_DIRECTIONS, type KeyBar, type KeyRow, keyRows, MAX_BARS, STATE_TEXT } from './key-bars.js';

const ROW = 30;
const BAR = 16;
const AXIS = 26;
/** Narrower pictures have the name of a direction above its bars. */
const WIDE = 640;
const NAMES = 250;
/** Entries of the list; a capture of a large swarm has thousands. */
const MAX_ENTRIES = 500;

export function KeysView(props: ViewProps) {
  const { index, reports, isReading, selection } = props;
  if (reports === undefined) return <p class="empty">{awaitedText('Keys', isReading)}</p>;
  const { timeline } = reports;
  if (timeline.directions.length === 0) {
    return (
      <p class="empty">
        No ESP: nothing in this capture is encrypted. A network made with <code>--opt encrypted</code> would show its
        SPIs and rotations here.
      </p>
    );
  }
  const { summary } = timeline;
  const sas = index.tables.sas.length;
  const selected = selection?.totals.saPackets.filter((packets) => packets > 0).length;
  return (
    <section aria-labelledby="keys-title">
      <h2 id="keys-title">
        Keys over time{' '}
        <span class="faint">
          {counted(summary.spis, 'SPI')}, {counted(summary.packets, 'ESP packet')}
          {selected !== undefined && selected < sas && `; ${selected} of ${sas} SAs selected`}
        </span>
      </h2>
      <Rotations timeline={timeline} />
      <KeyPicture {...props} timeline={timeline} />
      <SpiTable {...props} timeline={timeline} />
      <Entries timeline={timeline} go={props.go} />
    </section>
  );
}

interface TimelineProps extends ViewProps {
  readonly timeline: KeyTimelineReport;
}

/** The filter of a bar. */
function termOf({ span, direction }: KeyBar): string {
  return `esp.spi == ${span.spi} and outer.src == ${direction.source}`;
}

function Rotations({ timeline }: { readonly timeline: KeyTimelineReport }) {
  const { rotations, durationSeconds } = timeline.summary;
  if (rotations.length === 0) {
    return (
      <p>
        No rotation in {secondsText(durationSeconds)}. <span class="faint">Docker rotates every 12 hours.</span>
      </p>
    );
  }
  return (
    <ul class="rotations">
      {rotations.slice(0, 20).map(({ start, seconds, nodes, directions }) => (
        <li key={start.offset}>
          Rotation at {secondsText(start.offset)}: {counted(nodes.length, 'node')} in {secondsText(seconds)},{' '}
          {counted(directions, 'direction')}
        </li>
      ))}
    </ul>
  );
}

function KeyPicture({ timeline, state, go }: TimelineProps) {
  const picture = useRef<SVGSVGElement>(null);
  const [host, width] = useWidth();
  const [isLong, setLong] = useState(false);
  const { rows: all, more } = useMemo(() => keyRows(timeline), [timeline]);
  const rows = isLong ? all : all.slice(0, FIRST_DIRECTIONS);
  const hidden = more + all.length - rows.length;
  const isWide = width >= WIDE;
  const names = isWide ? NAMES : 8;
  const rowHeight = isWide ? ROW : ROW + 16;
  const scale: TimeScale = { from: 0, to: timeline.summary.durationSeconds, left: names, right: width - 12 };
  const bottom = rows.length * rowHeight + 4;
  return (
    <figure class="picture">
      <div class="heading">
        <figcaption class="faint">
          A bar is an SPI, from its first packet to its last. Choose one to see its packets.
          {rows.some(({ bars }) => bars.length > MAX_BARS) &&
            ` Of each direction, the ${MAX_BARS} SPIs with the most packets are drawn.`}
        </figcaption>
        <SavePicture name="keys" picture={picture} />
      </div>
      <div ref={host}>
        <svg ref={picture} width={width} height={bottom + AXIS} role="group" aria-label="SPIs over time">
          <TimeAxis scale={scale} top={0} bottom={bottom} />
          {timeline.summary.rotations.map(({ start, seconds }) => {
            const x = pixelOf(scale, start.offset);
            return (
              <rect
                key={start.offset}
                class="rotation"
                x={x - 1}
                y={0}
                width={Math.max(2, pixelOf(scale, start.offset + seconds) - x)}
                height={bottom}
              />
            );
          })}
          {rows.map((row, i) => (
            <Row
              key={`${row.direction.source} ${row.direction.destination}`}
              row={row}
              y={i * rowHeight}
              isWide={isWide}
              scale={scale}
            >
              {(bar, add) => go({ filter: add ? withTerm(state.filter, termOf(bar)) : termOf(bar) })}
            </Row>
          ))}
        </svg>
      </div>
      {hidden > 0 && (
        <p class="faint">
          and {counted(hidden, 'direction')} with fewer packets{' '}
          {!isLong && <button onClick={() => setLong(true)}>Show {all.length} directions</button>}
        </p>
      )}
    </figure>
  );
}

interface RowProps {
  readonly row: KeyRow;
  readonly y: number;
  readonly isWide: boolean;
  readonly scale: TimeScale;
  readonly children: (bar: KeyBar, add: boolean) => void;
}

function Row({ row, y, isWide, scale, children: onPick }: RowProps) {
  const { source, destination } = row.direction;
  const top = isWide ? y + (ROW - BAR) / 2 : y + 20;
  return (
    <g>
      <text
        x={isWide ? scale.left - 12 : scale.left}
        y={isWide ? y + ROW / 2 + 4 : y + 13}
        text-anchor={isWide ? 'end' : 'start'}
      >
        {source} → {destination}
      </text>
      {drawnBars(row).map((bar) => {
        const x = pixelOf(scale, bar.from);
        const width = Math.max(4, pixelOf(scale, bar.to) - x);
        const { spi, packets, bytes } = bar.span;
        const text = `${spi}, ${source} to ${destination}: ${counted(packets, 'packet')}, ${byteText(bytes)}, ${STATE_TEXT[bar.state]}`;
        return (
          <g
            key={spi}
            class={`bar ${bar.state}`}
            role="button"
            tabindex={0}
            aria-label={text}
            onClick={({ shiftKey, ctrlKey }) => onPick(bar, shiftKey || ctrlKey)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' && event.key !== ' ') return;
              event.preventDefault();
              onPick(bar, event.shiftKey);
            }}
          >
            <title>{text}</title>
            <rect x={x} y={top} width={width} height={BAR} rx={3} />
            {width > 90 && (
              <text x={x + 6} y={top + BAR - 4} class="spi">
                {spi}
              </text>
            )}
          </g>
        );
      })}
    </g>
  );
}

const SPI_COLUMNS: readonly Column<KeyBar>[] = [
  { title: 'SPI', value: ({ span }) => span.spi, cell: ({ span }) => <code>{span.spi}</code> },
  { title: 'From', value: ({ direction }) => direction.source },
  { title: 'To', value: ({ direction }) => direction.destination },
  { title: 'Packets', value: ({ span }) => span.packets, numeric: true },
  { title: 'Bytes', value: ({ span }) => span.bytes, cell: ({ span }) => byteText(span.bytes), numeric: true },
  {
    title: 'Sequence',
    value: ({ span }) => span.highestSequence,
    cell: ({ span }) => sequenceText(span),
    numeric: true,
  },
  { title: 'Missing', value: ({ span }) => span.missingSequences, numeric: true },
  { title: 'State', value: ({ state }) => STATE_TEXT[state] },
];

function sequenceText({ firstSequence, highestSequence }: KeyBar['span']): string {
  return `${firstSequence.toLocaleString('en')} to ${highestSequence.toLocaleString('en')}`;
}

function SpiTable({ timeline, state, go }: TimelineProps) {
  const bars = useMemo(() => keyRows(timeline).rows.flatMap((row) => row.bars), [timeline]);
  return (
    <DataTable
      caption="SPIs"
      columns={SPI_COLUMNS}
      rows={bars}
      keyOf={({ span, direction }) => `${direction.source} ${direction.destination} ${span.spi}`}
      sortedBy={3}
      onPick={(bar, add) => go({ filter: add ? withTerm(state.filter, termOf(bar)) : termOf(bar) })}
    />
  );
}

/** What an entry says. */
function entryText(entry: TimelineEntry): string {
  switch (entry.kind) {
    case 'first':
      return `${entry.source} → ${entry.destination}: first packet with ${entry.spi}`;
    case 'last':
      return `${entry.source} → ${entry.destination}: last packet with ${entry.spi}`;
    case 'switch':
      return `${entry.source} → ${entry.destination}: from ${entry.from} to ${entry.to}`;
    case 'silence':
      return `${entry.source} → ${entry.destination}: nothing with ${entry.spi} for ${secondsText(entry.seconds)}`;
    case 'made':
      return `${entry.source} → ${entry.destination}: SA ${entry.spi} created, by its node’s clock`;
    case 'unopened':
      return `${counted(entry.packets, 'packet')} of ${counted(entry.spis, 'SPI')} that no key opens`;
    case 'event':
      return entry.words;
  }
}

function Entries({ timeline, go }: { readonly timeline: KeyTimelineReport; readonly go: ViewProps['go'] }) {
  const entries = timeline.entries.slice(0, MAX_ENTRIES);
  return (
    <details>
      <summary>What happened when: {counted(timeline.entries.length, 'event')}</summary>
      <ol class="events">
        {entries.map((entry, i) => (
          <li key={i}>
            <button
              class="link"
              title="Show the packets around this time"
              onClick={() => go({ from: Math.max(0, entry.offset - 0.5), to: entry.offset + 0.5 })}
            >
              {secondsText(entry.offset)}
            </button>{' '}
            {entryText(entry)}
          </li>
        ))}
      </ol>
      {timeline.entries.length > entries.length && <p class="faint">Only the first {MAX_ENTRIES} are listed.</p>}
    </details>
  );
}
