/** Traffic per network over time, as text. */
import type { SurveyReport } from '../../inspect/index.js';
import { bareText, type Line, styled } from '../style.js';
import { numbers, table, words } from '../table.js';
import { sparkline } from './sparkline.js';
import { rateText, secondsText } from '../../text/quantity.js';

const FIRST_COLUMNS = [numbers('VNI'), numbers('mean'), numbers('peak')];
const SHORTEST = 8;
const LONGEST = 60;

/**
 * An empty line and a table of rates with a sparkline per network; nothing for a capture without times. The mean is over
 * the whole capture, the peak in one interval.
 * @param most maximum number of networks; 0 for all
 * @param width of the output in columns
 */
export function rateLines(report: SurveyReport, most: number, width: number): Line[] {
  const { timeSeries, durationSeconds } = report;
  if (timeSeries === null || durationSeconds === 0) return [];
  const { intervalSeconds, networks } = timeSeries;
  if (networks.length === 0) return [];
  const shown = most > 0 ? networks.slice(0, most) : networks;
  const cells = shown.map(({ vni, bytes }) => {
    const total = bytes.reduce((sum, value) => sum + value, 0);
    const peak = bytes.reduce((highest, value) => Math.max(highest, value), 0);
    // Of a capture shorter than an interval, only the mean is known.
    const seconds = Math.min(intervalSeconds, durationSeconds);
    return [
      vni === null ? 'none' : String(vni),
      rateText((8 * total) / durationSeconds),
      rateText((8 * peak) / seconds),
    ];
  });
  const left = table(FIRST_COLUMNS, cells, width);
  const room = Math.min(
    LONGEST,
    width - 2 - left.reduce((longest, line) => Math.max(longest, bareText(line).length), 0),
  );
  if (room < SHORTEST) return ['', [styled('Rates', 'bold')], ...left];
  const length = shown.length === 0 ? 1 : shown[0].bytes.length;
  const each = secondsText(intervalSeconds * Math.max(1, Math.ceil(length / room)));
  const lines = table(
    [...FIRST_COLUMNS, words(`each ${each}`)],
    cells.map((row, i) => [...row, sparkline(shown[i].bytes, room)]),
    width,
  );
  const rest = networks.length - shown.length;
  return [
    '',
    [styled('Rates', 'bold')],
    ...lines,
    ...(rest > 0 ? [`  ... and ${rest} more (--rows 0 shows all)`] : []),
  ];
}
