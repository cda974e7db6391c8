/** Throughput by network over time. Dragging across it selects a time range. */
import type { RefObject } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { edgeClass, rateScale, timeTicks } from '../../../../src/picture/internal.js';
import { rateText, secondsText } from '../../../../src/text/quantity.js';
import type { SelectionSeries } from '../../filter/selection.js';
import { useWidth } from '../parts/use-width.js';

/** A line of the chart. */
export interface RateLine {
  readonly label: string;
  /** Bytes by interval. */
  readonly bytes: Float64Array;
  /** Index of the network's colour; undefined for other traffic. */
  readonly colour: number | undefined;
}

interface RateChartProps {
  readonly series: SelectionSeries;
  readonly lines: readonly RateLine[];
  readonly height: number;
  /** Times to mark: seconds, with what happened. */
  readonly marks: readonly { readonly seconds: number; readonly text: string }[];
  /** The user has chosen a range: seconds since the first packet. */
  readonly onRange: (from: number, to: number) => void;
  readonly label: string;
  /** Gets the picture, to save it. */
  readonly picture?: RefObject<SVGSVGElement | null>;
}

/** Pixels that the mouse must move to choose a range. */
const LEAST_RANGE = 4;
const LEFT = 84;
const RIGHT = 12;
const TOP = 8;
const BOTTOM = 24;
/** Lines whose rates are shown at the cursor. */
const MAX_READ = 4;

/** Where the mouse is, and where its button was pressed: pixels from the left edge. */
interface Pointer {
  readonly at: number;
  readonly since: number | undefined;
}

export function RateChart({ series, lines, height, marks, onRange, label, picture }: RateChartProps) {
  const [host, width] = useWidth();
  const [pointer, setPointer] = useState<Pointer>();
  const start = series.start / 1e9;
  const seconds = (series.interval * series.intervals) / 1e9;
  const inner = width - LEFT - RIGHT;
  const plotHeight = height - TOP - BOTTOM;
  const rateAt = (bytes: number): number => (8e9 * bytes) / series.interval;
  const top = useMemo(
    () => rateScale(rateAt(Math.max(1, ...lines.map(({ bytes }) => bytes.reduce(larger, 0))))),
    [lines],
  );
  const xOf = (time: number): number => LEFT + ((time - start) / seconds) * inner;
  const timeAt = (x: number): number => start + (Math.max(0, Math.min(inner, x - LEFT)) / inner) * seconds;
  const paths = useMemo(
    () => lines.map(({ bytes }) => stepPath(bytes, inner, (value) => TOP + plotHeight * (1 - rateAt(value) / top))),
    [lines, inner, plotHeight, top],
  );

  const isDragged = pointer?.since !== undefined && Math.abs(pointer.at - pointer.since) >= LEAST_RANGE;
  const place = (event: PointerEvent): number => event.clientX - (host.current?.getBoundingClientRect().left ?? 0);
  return (
    <div class="chart" ref={host}>
      <svg
        {...(picture === undefined ? {} : { ref: picture })}
        width={width}
        height={height}
        role="img"
        aria-label={label}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setPointer({ at: place(event), since: place(event) });
        }}
        onPointerMove={(event) => setPointer({ at: place(event), since: pointer?.since })}
        onPointerLeave={() => setPointer(undefined)}
        onPointerCancel={() => setPointer(undefined)}
        onPointerUp={(event) => {
          const at = place(event);
          const since = pointer?.since ?? at;
          setPointer({ at, since: undefined });
          if (Math.abs(at - since) >= LEAST_RANGE) onRange(timeAt(Math.min(at, since)), timeAt(Math.max(at, since)));
        }}
      >
        {[0, 0.5, 1].map((part) => {
          const y = TOP + plotHeight * (1 - part);
          return (
            <g key={part}>
              <path class="rule" d={`M${LEFT} ${y}H${width - RIGHT}`} />
              <text class="tick end" x={LEFT - 8} y={y + 4}>
                {rateText(top * part)}
              </text>
            </g>
          );
        })}
        {ticksBetween(start, start + seconds).map((time) => {
          const x = xOf(time);
          return (
            <text
              key={time}
              class={`tick ${x > width - RIGHT - 24 ? 'end' : 'middle'}`}
              x={Math.min(x + (x > width - RIGHT - 24 ? RIGHT : 0), width)}
              y={height - 6}
            >
              {`${Number(time.toPrecision(9))} s`}
            </text>
          );
        })}
        {lines.map(({ label: name, colour }, i) => (
          <path key={name} class={`line ${edgeClass(colour)}`} d={paths[i]} />
        ))}
        {marks.map(({ seconds: time, text }) => (
          <path key={`${time} ${text}`} class="rotation" d={`M${xOf(time)} ${TOP}v${plotHeight}`}>
            <title>{text}</title>
          </path>
        ))}
        {pointer !== undefined && pointer.at >= LEFT && pointer.at <= width - RIGHT && (
          <path class="cursor" d={`M${pointer.at} ${TOP}v${plotHeight}`} />
        )}
        {isDragged && (
          <rect
            class="range"
            x={Math.min(pointer.at, pointer.since)}
            y={TOP}
            width={Math.abs(pointer.at - pointer.since)}
            height={plotHeight}
          />
        )}
      </svg>
      <p class="reading faint" aria-hidden="true">
        {pointer !== undefined && readingAt(timeAt(pointer.at))}
      </p>
    </div>
  );

  /** The rates of an interval, in words. */
  function readingAt(time: number): string {
    const index = Math.min(series.intervals - 1, Math.floor(((time - start) * 1e9) / series.interval));
    const rates = lines.map(({ label: name, bytes }) => ({ name, rate: rateAt(bytes[index]) }));
    const read = rates.filter(({ rate }) => rate > 0).sort((one, other) => other.rate - one.rate);
    const texts = read.slice(0, MAX_READ).map(({ name, rate }) => `${name} ${rateText(rate)}`);
    return [secondsText(Math.max(0, time)), ...texts].join(' · ');
  }
}

/** Round times of a range, wherever it begins. */
function ticksBetween(from: number, to: number): number[] {
  const [, step = to - from] = timeTicks(to - from);
  if (!(step > 0)) return [from];
  const first = Math.ceil(from / step - 1e-9);
  return Array.from({ length: Math.max(0, Math.floor(to / step + 1e-9) - first + 1) }, (_, i) => (first + i) * step);
}

function larger(one: number, other: number): number {
  return one > other ? one : other;
}

/** A value for the length of each interval. */
function stepPath(values: Float64Array, width: number, yOf: (value: number) => number): string {
  const step = width / values.length;
  const parts: string[] = [];
  let before = NaN;
  for (const [i, value] of values.entries()) {
    if (value === before) continue;
    const x = (LEFT + i * step).toFixed(1);
    const y = yOf(value).toFixed(1);
    parts.push(parts.length === 0 ? `M${x} ${y}` : `H${x}V${y}`);
    before = value;
  }
  return `${parts.join('')}H${(LEFT + width).toFixed(1)}`;
}
