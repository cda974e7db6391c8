/** Draws a benchmark's results as one picture. */
import { costPanel } from './cost-panel.js';
import { type Panel } from './panel.js';
import { type BenchReport } from './result.js';
import { Colour, truncateToFit, picture, words } from './svg.js';
import { throughputPanel } from './throughput-panel.js';

const WIDTH = 960;
const MARGIN = 24;
const CAPTION = 62;
const BETWEEN = 28;
const TITLE = 'vtep: what one core does';

/** Draws a report: throughput of the egress chain by frame size, and the cost of each stage. */
export function plotReport(report: BenchReport): string {
  const { machine, node, date } = report;
  const caption = [machine, node === '' ? '' : `Node ${node}`, date].filter((part) => part !== '').join(', ');
  const inside = WIDTH - 2 * MARGIN;
  const markup = [
    words(MARGIN, MARGIN + 12, TITLE, { 'font-size': 19, 'font-weight': 600 }),
    words(MARGIN, MARGIN + 32, truncateToFit(caption, 12, inside), { fill: Colour.Faint }),
  ];
  let y = MARGIN + CAPTION;
  const add = (panel: Panel): void => {
    markup.push(...panel.markup);
    y += panel.height + BETWEEN;
  };
  if (report.results.length === 0) {
    markup.push(words(MARGIN, y, 'Nothing was measured in this run.'));
    y += BETWEEN;
  } else {
    add(throughputPanel(report, { x: MARGIN, y, width: inside }));
    add(costPanel(report, { x: MARGIN, y, width: inside }));
  }
  const description =
    'Above, Gbit/s of the egress chain by frame size in bytes, a line for each cipher and one for the clear chain. ' +
    'Below, nanoseconds per packet of each stage as stacked bars for each cipher, with a mark at the whole chain. ' +
    `Measured on ${caption}.`;
  return picture(WIDTH, y - BETWEEN + MARGIN, TITLE, description, ...markup);
}
