/** Throughput by network over time: choose a range to see its packets. */
import { useMemo, useRef } from 'preact/hooks';
import { byteText, rateText, secondsText } from '../../../../src/text/quantity.js';
import { type Column, DataTable } from '../parts/data-table.js';
import { Swatch, useNetworkColours } from '../parts/network-swatch.js';
import { RateChart } from '../picture/rate-chart.js';
import { SavePicture } from '../picture/save-buttons.js';
import { moved, type OpenRange, type TimeRange, wholeRange, zoomed } from '../state/time-range.js';
import { vniTerm, withTerm } from '../state/terms.js';
import type { ViewProps } from '../view-props.js';
import { type NetworkLine, networkLines } from './network-lines.js';

const HEIGHT = 320;
/** How far a step of the keyboard zooms or moves. */
const ZOOM = 2;
const MOVE = 0.5;

export function TimelineView({ index, reports, selection, state, go }: ViewProps) {
  const colours = useNetworkColours(index);
  const lines = useMemo(
    () => (selection === undefined ? [] : networkLines(index, selection, colours)),
    [selection, colours],
  );
  const marks = useMemo(
    () =>
      (reports?.timeline.summary.rotations ?? []).map(({ start: { offset } }, i) => ({
        seconds: offset,
        text: `rotation ${i + 1}`,
      })),
    [reports],
  );
  const picture = useRef<SVGSVGElement>(null);
  if (selection === undefined) return <p class="empty">The filter is running.</p>;
  const { series } = selection;
  const from = series.start / 1e9;
  const to = from + (series.interval * series.intervals) / 1e9;
  const length = to - from;
  /** Shows another range. All packets are looked at for the ends only when a range is asked for. */
  const show = (change: (range: TimeRange, whole: TimeRange) => OpenRange): void => {
    const whole = wholeRange(index);
    if (whole !== undefined) go(change({ from, to }, whole));
  };
  const zoom = (factor: number) => () => show((range, whole) => zoomed(range, factor, whole));
  const move = (part: number) => () => show((range, whole) => moved(range, part, whole));
  const onKey = (event: KeyboardEvent): void => {
    const steps: Readonly<Partial<Record<string, () => void>>> = {
      '+': zoom(1 / ZOOM),
      '-': zoom(ZOOM),
      ArrowLeft: move(-MOVE),
      ArrowRight: move(MOVE),
    };
    const isChord = event.altKey || event.ctrlKey || event.metaKey;
    const step = isChord ? undefined : steps[event.key];
    if (step === undefined) return;
    step();
    event.preventDefault();
  };
  if (lines.length === 0) {
    return (
      <p class="empty">
        {index.packets === 0
          ? 'No packets yet.'
          : 'None of the selected packets has a time. Clear the filter, or the time range.'}
      </p>
    );
  }
  const isRange = state.from !== undefined || state.to !== undefined;
  return (
    <section aria-labelledby="timeline-title">
      <div class="heading">
        <h2 id="timeline-title">
          Throughput on the wire <span class="faint">{secondsText(length)}</span>
        </h2>
        <span class="save" role="group" aria-label="Time range">
          <button onClick={zoom(1 / ZOOM)}>Zoom in</button>
          {isRange && <button onClick={zoom(ZOOM)}>Zoom out</button>}
          {isRange && <button onClick={() => go({ from: undefined, to: undefined })}>Whole capture</button>}
        </span>
        <SavePicture name="timeline" picture={picture} />
      </div>
      <div tabIndex={0} role="group" aria-label="Chart: + and - zoom, arrows move" onKeyDown={onKey}>
        <RateChart
          series={series}
          lines={lines}
          height={HEIGHT}
          marks={marks}
          label={chartText(lines, from, to)}
          onRange={(start, end) => go({ from: start, to: end })}
          picture={picture}
        />
      </div>
      <p class="faint">
        Drag across the chart to select a time range. An interval is {secondsText(series.interval / 1e9)}.
        {marks.length > 0 && ' Dashed lines are rotations of the keys.'}
      </p>
      <DataTable
        caption="Networks over time"
        columns={columnsOf(colours, length)}
        rows={lines}
        keyOf={({ label }) => label}
        sortedBy={1}
        onPick={({ vni }, add) => {
          const term = vni === undefined ? 'not vni' : vniTerm(vni);
          go({ filter: add ? withTerm(state.filter, term) : term });
        }}
      />
    </section>
  );
}

function columnsOf(colours: ReadonlyMap<number, number>, seconds: number): readonly Column<NetworkLine>[] {
  return [
    {
      title: 'Network',
      value: ({ label }) => label,
      cell: ({ vni, label }) => (
        <>
          <Swatch colours={colours} vni={vni} /> {label}
        </>
      ),
    },
    { title: 'Bytes', value: ({ sum }) => sum, cell: ({ sum }) => byteText(sum), numeric: true },
    {
      title: 'Mean rate',
      value: ({ sum }) => sum,
      cell: ({ sum }) => (seconds > 0 ? rateText((8 * sum) / seconds) : '–'),
      numeric: true,
    },
    { title: 'Busiest interval', value: ({ peak }) => peak, cell: ({ peak }) => rateText(peak), numeric: true },
  ];
}

function chartText(lines: readonly NetworkLine[], from: number, to: number): string {
  const each = lines.slice(0, 8).map(({ label, sum, peak }) => `${label} ${byteText(sum)}, at most ${rateText(peak)}`);
  return `Throughput from ${secondsText(from)} to ${secondsText(to)}: ${each.join('; ')}`;
}
