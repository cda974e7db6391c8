/** A picture of traffic over time: an area for each network. */
import type { TimeSeriesReport } from '../inspect/index.js';
import { rateText, secondsText } from '../text/quantity.js';
import { areaSign, letters, legendRow } from './letters.js';
import { element, tip } from './markup.js';
import { MARGIN, type Panel, type PanelArea, sheet, WIDTH } from './sheet.js';
import { edgeClass, fillClass, Size } from './theme.js';
import { type NetworkIndex, networkIndex } from './network-colours.js';
import { rateScale, timeTicks, withoutZeros } from './scale.js';
import { peakOf, stepOutline, trafficLines, type TrafficLine } from './traffic-lines.js';

const HEADING = 24;
const LEGEND = 24;
const AXIS = 24;
const PLOT = 120;
/** Space for the rates, left of the plot. */
const GUTTER = 88;
function drawing(line: TrafficLine, x: (interval: number) => number, y: (rate: number) => number): string {
  const d = stepOutline(line.rates, x, y);
  return element(
    'g',
    {},
    tip(`${line.name}: peak ${rateText(peakOf(line.rates))}`),
    element('path', { d, class: fillClass(line.colour), 'fill-opacity': line.faint ? 0.1 : 0.22 }),
    element('path', {
      d,
      class: edgeClass(line.colour),
      'stroke-width': 1.4,
      'stroke-linejoin': 'round',
      ...(line.faint ? { 'stroke-dasharray': '3 2' } : {}),
    }),
  );
}

function legend(lines: readonly TrafficLine[], area: PanelArea): string {
  const entries = lines.map(({ name, colour, faint }) => ({ text: name, narrow: name, sign: areaSign(colour, faint) }));
  return legendRow(entries, area.x, area.y, area.width, Size.Small);
}

/** Times below the plot. */
function timeAxis(seconds: number, { x, width }: PanelArea, bottom: number): string[] {
  return timeTicks(seconds).map((tick) => {
    const at = x + (tick / seconds) * width;
    let look = 'faint middle';
    if (tick === 0) look = 'faint';
    else if (at > x + width - 24) look = 'faint end';
    const text = withoutZeros(secondsText(tick));
    return letters(look === 'faint end' ? x + width : at, bottom + 15, text, {
      size: Size.Small,
      look,
      narrowY: bottom + 19,
    });
  });
}

function gridLine(y: number, { x, width }: PanelArea): string {
  return element('line', { x1: x, y1: y, x2: x + width, y2: y, class: 'rule' });
}

/** The lines of a plot with its time axis. */
function plotOf(
  lines: readonly TrafficLine[],
  intervalSeconds: number,
  high: number,
  plot: PanelArea,
  bottom: number,
): string[] {
  const intervals = lines.reduce((most, { rates }) => Math.max(most, rates.length), 0);
  if (intervals === 0) return [gridLine(bottom, plot)];
  const x = (interval: number): number => plot.x + (interval / intervals) * plot.width;
  const y = (rate: number): number => bottom - (rate / high) * (bottom - plot.y);
  return [
    ...[0, 0.5, 1].map((share) => gridLine(bottom - share * (bottom - plot.y), plot)),
    // Overlay traffic is drawn over the rest.
    ...lines.toReversed().map((line) => drawing(line, x, y)),
    ...timeAxis(intervals * intervalSeconds, plot, bottom),
  ];
}

/**
 * Draws traffic over time in little space: the top is the highest rate, and another panel names the networks.
 * @param index of the networks, for their colours
 * @param height of the plot in pixels
 * @param title what it is called
 */
export function throughputPanel(
  series: TimeSeriesReport,
  index: NetworkIndex,
  area: PanelArea,
  height: number,
  title: string,
): Panel {
  const lines = trafficLines(series, index);
  const peak = lines.reduce((highest, { rates }) => Math.max(highest, peakOf(rates)), 0);
  const text = `peak ${rateText(peak)}`;
  const heading = [
    letters(area.x, area.y + 12, title, { size: Size.Heading, look: 'strong', narrowY: area.y + 14 }),
    letters(area.x + area.width, area.y + 12, `${text} in ${withoutZeros(secondsText(series.intervalSeconds))}`, {
      size: Size.Small,
      look: 'faint end',
      narrow: text,
      narrowY: area.y + 14,
    }),
  ];
  if (peak === 0) return { height: HEADING, markup: heading };
  const plot = { ...area, y: area.y + HEADING };
  const bottom = plot.y + height;
  return {
    height: HEADING + height + AXIS,
    markup: [...heading, ...plotOf(lines, series.intervalSeconds, peak, plot, bottom)],
  };
}

/**
 * A picture of throughput by network over time as SVG, 800 pixels wide. It shows up to eight networks, adds up all
 * but the busiest seven if there are more, and follows the reader's colour scheme.
 * @param series of `Survey`: `report.timeSeries`
 * @example
 * import { writeFile } from 'node:fs/promises';
 * import { batchesOf, openCaptureFile } from 'vtep/capture';
 * import { Survey } from 'vtep/inspect';
 * import { throughputSvg } from 'vtep/picture';
 *
 * const survey = new Survey();
 * const source = await openCaptureFile('wire.pcap');
 * for await (const batch of batchesOf(source)) survey.addBatch(batch);
 * const { timeSeries } = survey.report(source);
 * if (timeSeries !== null) await writeFile('throughput.svg', throughputSvg(timeSeries));
 */
export function throughputSvg(series: TimeSeriesReport): string {
  const index = seriesIndex(series);
  const lines = trafficLines(series, index);
  const peak = lines.reduce((highest, { rates }) => Math.max(highest, peakOf(rates)), 0);
  const high = rateScale(peak);
  const width = WIDTH - 2 * MARGIN;
  const plot = { x: MARGIN + GUTTER, y: MARGIN + HEADING + LEGEND + 10, width: width - GUTTER };
  const bottom = plot.y + PLOT;
  const each = `in intervals of ${withoutZeros(secondsText(series.intervalSeconds))}`;
  const labels = [0.5, 1].map((share) => {
    const y = bottom - share * PLOT;
    const text = withoutZeros(rateText(share * high));
    return letters(plot.x - 8, y + 4, text, {
      size: Size.Small,
      look: 'faint end',
      narrow: text.replace('bit/s', ''),
      narrowY: y + 6,
    });
  });
  const caption = { id: 'vtep-throughput', title: 'Throughput by network', description: throughputText(series) };
  return sheet(caption, bottom + AXIS + MARGIN - 4, [
    letters(MARGIN, MARGIN + 12, 'Throughput by network', {
      size: Size.Heading,
      look: 'strong',
      narrow: 'Throughput, bit/s',
      narrowY: MARGIN + 14,
    }),
    letters(MARGIN + width, MARGIN + 12, each, { size: Size.Small, look: 'faint end', narrow: '' }),
    legend(lines, { x: MARGIN, y: MARGIN + HEADING + 10, width }),
    ...labels,
    ...plotOf(lines, series.intervalSeconds, high, plot, bottom),
  ]);
}

function seriesIndex({ networks }: TimeSeriesReport): NetworkIndex {
  return networkIndex(
    networks.flatMap(({ vni, bytes }) =>
      vni === null ? [] : [{ vni, bytes: bytes.reduce((total, count) => total + count, 0) }],
    ),
  );
}

/** What a series shows, in a sentence. */
export function throughputText(series: TimeSeriesReport): string {
  const { startTime, intervalSeconds } = series;
  const peaks = trafficLines(series, seriesIndex(series)).map(
    ({ name, rates }) => `${name}: peak ${rateText(peakOf(rates))}`,
  );
  return `Bits per second in intervals of ${secondsText(intervalSeconds)} from ${startTime}. ${peaks.join('; ')}.`;
}
