/** Traffic over time as a chart that fits any width: its letters are HTML, and only its lines are stretched. */
import type { TimeSeriesReport } from '../inspect/index.js';
import {
  fillClass,
  peakOf,
  rateScale,
  stepOutline,
  timeTicks,
  type TrafficLine,
  withoutZeros,
} from '../picture/internal.js';
import { rateText, secondsText } from '../text/quantity.js';
import { Markup, markup } from './markup.js';
import { keyed } from './sections/section.js';

/** Height of the plot in units of its own. */
const HEIGHT = 100;

/** Class of the area below a line. */
function areaClass({ colour, faint }: TrafficLine): string {
  return `area${colour ?? ''}${faint ? ' faint' : ''}`;
}

/** Class of what is filled with its colour. */
function lineFill({ colour, faint }: TrafficLine): string {
  return `${fillClass(colour)}${faint ? ' faint' : ''}`;
}

/** A row of times below a plot. */
export function timeAxis(seconds: number): Markup {
  const ticks = timeTicks(seconds).map((tick, i) => {
    const at = (100 * tick) / seconds;
    const anchor = i === 0 ? 'start' : at > 94 ? 'end' : 'middle';
    const minor = i % 2 === 1 ? ' class="minor"' : '';
    return `<text x="${anchor === 'end' ? 100 : at.toFixed(2)}%" y="14" text-anchor="${anchor}"${minor}>${withoutZeros(secondsText(tick))}</text>`;
  });
  return new Markup(`<svg class="time-axis" aria-hidden="true">${ticks.join('')}</svg>`);
}

/**
 * The chart.
 * @param lines the traffic; drawn in reverse order, so that the first is in front
 * @param table id of the table of the same numbers, from which the script takes what it shows at the cursor
 * @param text what screen readers read
 */
export function throughputChart(
  { intervalSeconds }: TimeSeriesReport,
  lines: readonly TrafficLine[],
  table: string,
  text: string,
): Markup {
  const intervals = lines.reduce((most, { rates }) => Math.max(most, rates.length), 0);
  const high = rateScale(lines.reduce((highest, { rates }) => Math.max(highest, peakOf(rates)), 0));
  const areas = lines.toReversed().map((line) => {
    const d = stepOutline(
      line.rates,
      (interval) => interval,
      (rate) => HEIGHT * (1 - rate / high),
    );
    return `<path class="${areaClass(line)}" d="${d}"/>`;
  });
  const labels = [1, 0.5, 0].map((share) => (share === 0 ? '0' : withoutZeros(rateText(share * high))));
  return markup`<div class="throughput" data-series="${table}">
<p class="legend">${lines.map((line) => markup`${keyed(lineFill(line), line.name)} `)}</p>
<div class="plot-row"><div class="rate-axis" aria-hidden="true">${labels.map((label) => markup`<span>${label}</span>`)}</div>
<div class="plot"><svg viewBox="0 0 ${intervals} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${text}">
<path class="grid" d="M0 0H${intervals}M0 50H${intervals}M0 100H${intervals}"/>
${new Markup(areas.join('\n'))}
<path class="cursor" d="M-1 0V100"/></svg></div></div>
<div class="plot-row"><div class="rate-axis"></div><div class="plot">${timeAxis(intervals * intervalSeconds)}</div></div>
</div>
`;
}
