/** Draws a benchmark's results as one picture. */
import { costPanel } from './cost-panel.js';
import { type Panel, type PanelArea } from './panel.js';
import { type BenchReport } from './result.js';
import { Colour, truncateToFit, picture, words } from './svg.js';
import { throughputPanel } from './throughput-panel.js';

const WIDTH = 960;
const MARGIN = 24;
const CAPTION = 62;
const BETWEEN = 28;
const TITLE = 'vtep: what one core does';
const THROUGHPUT =
  'Gbit/s of the egress chain by frame size in bytes, a line for each cipher and one for the clear chain, on logarithmic axes.';
const COSTS = 'Nanoseconds per packet of each stage as stacked bars for each cipher, beside those of the whole chain.';

type DrawPanel = (report: BenchReport, place: PanelArea) => Panel;

/** Draws a report: throughput of the egress chain by frame size, and the cost of each stage. */
export function plotReport(report: BenchReport): string {
  return plot(report, [throughputPanel, costPanel], `Above: ${THROUGHPUT} Below: ${COSTS}`);
}

/** Draws the throughput of the egress chain by frame size. */
export function plotThroughput(report: BenchReport): string {
  return plot(report, [throughputPanel], THROUGHPUT);
}

/** Draws the cost of each stage. */
export function plotCosts(report: BenchReport): string {
  return plot(report, [costPanel], COSTS);
}

function plot(report: BenchReport, panels: readonly DrawPanel[], what: string): string {
  const { machine, node, date } = report;
  const caption = [machine, node === '' ? '' : `Node ${node}`, date].filter((part) => part !== '').join(', ');
  const inside = WIDTH - 2 * MARGIN;
  const markup = [
    words(MARGIN, MARGIN + 12, TITLE, { 'font-size': 19, 'font-weight': 600 }),
    words(MARGIN, MARGIN + 32, truncateToFit(caption, 12, inside), { fill: Colour.Faint }),
  ];
  let y = MARGIN + CAPTION;
  if (report.results.length === 0) {
    markup.push(words(MARGIN, y, 'Nothing was measured in this run.'));
    y += BETWEEN;
  } else {
    for (const draw of panels) {
      const panel = draw(report, { x: MARGIN, y, width: inside });
      markup.push(...panel.markup);
      y += panel.height + BETWEEN;
    }
  }
  return picture(WIDTH, y - BETWEEN + MARGIN, TITLE, `${what} Measured on ${caption}.`, ...markup);
}
