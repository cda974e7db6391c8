/** A time axis of a picture. */
import { timeTicks, withoutZeros } from '../../../../src/picture/internal.js';
import { secondsText } from '../../../../src/text/quantity.js';

/** Where times are in a picture. */
export interface TimeScale {
  /** Seconds at the left and right ends. */
  readonly from: number;
  readonly to: number;
  /** Pixels of the ends. */
  readonly left: number;
  readonly right: number;
}

/** The pixel of a time, within the ends. */
export function pixelOf({ from, to, left, right }: TimeScale, seconds: number): number {
  const share = to > from ? (seconds - from) / (to - from) : 0;
  return left + Math.min(1, Math.max(0, share)) * (right - left);
}

/** Ticks with their times, and lines through the picture. */
export function TimeAxis({
  scale,
  top,
  bottom,
}: {
  readonly scale: TimeScale;
  readonly top: number;
  readonly bottom: number;
}) {
  const { from, to } = scale;
  const first = timeTicks(Math.max(1e-9, to - from));
  return (
    <g class="axis">
      {first.map((tick) => {
        const x = pixelOf(scale, from + tick);
        return (
          <g key={tick}>
            <line x1={x} x2={x} y1={top} y2={bottom} class="grid" />
            <text x={x} y={bottom + 16} text-anchor="middle">
              {from + tick === 0 ? '0' : withoutZeros(secondsText(from + tick))}
            </text>
          </g>
        );
      })}
    </g>
  );
}
