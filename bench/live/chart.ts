/** A chart of the live path beside other programs, for a README: one TCP stream between two containers. */
import { letters } from '../../src/picture/letters.js';
import { element } from '../../src/picture/markup.js';
import { MARGIN, sheet, WIDTH } from '../../src/picture/sheet.js';
import { Size } from '../../src/picture/theme.js';
import { type Bar, type BarRow, BARS, drawRows, END, rowsHeight } from '../bar-rows.js';
import { figure } from '../figure.js';
import { type LineResult, type LiveReport, Traffic } from './result.js';
import { machineName } from '../machine.js';
import { linearScale, linearTicks } from '../scale.js';

const TOP = 58;
const AXIS = 30;
const TICKS = 6;
const GIGABIT = 1e9;

/** The lines shown, and what they are called. */
const ROWS: readonly (readonly [line: string, name: string, narrow: string])[] = [
  ['kernel->kernel', 'Linux vxlan', 'Linux vxlan'],
  ['vtep->vtep', 'vtep', 'vtep'],
  ['openvswitch', 'Open vSwitch (userspace)', 'Open vSwitch'],
  ['fastd', 'fastd (clear)', 'fastd'],
  ['vtep->vtep-esp', 'vtep, ESP', 'vtep, ESP'],
  ['nebula', 'nebula', 'nebula'],
  ['openvpn', 'OpenVPN', 'OpenVPN'],
  ['wireguard-go', 'wireguard-go', 'wireguard-go'],
];

function barOf({ figure: { median, min, max }, ratio, line }: LineResult, name: string): Bar {
  const rate = `${figure(median / GIGABIT)} Gbit/s`;
  const text = ratio === undefined || line === ROWS[0][0] ? rate : `${rate} · ${ratio.toPrecision(2)} of Linux`;
  return { value: median, low: min, high: max, text, narrow: rate, tip: `${name}: ${text}`, machine: 0 };
}

/**
 * The chart of a run: every line that was measured over a wire without offloads, with the range of the rounds. It is 800 pixels
 * wide, and follows the reader's colour scheme.
 */
export function liveChart(report: LiveReport): string {
  const { machine, node, date, load } = report;
  const results = report.results.filter(({ traffic, offloads }) => traffic === Traffic.Tcp1 && !offloads);
  const rows = ROWS.flatMap(([line, name, narrow]): BarRow[] => {
    const result = results.find((one) => one.line === line);
    return result === undefined ? [] : [{ name, narrow, own: name.startsWith('vtep'), bars: [barOf(result, name)] }];
  });
  const highest = Math.max(...rows.flatMap(({ bars }) => bars.map(({ high }) => high)), GIGABIT);
  const x = linearScale(highest, BARS, END);
  const bottom = TOP + rowsHeight(rows) + 6;
  const title = 'TCP between two containers, Gbit/s';
  const where = `${machineName(machine)}, Node ${node}, ${date}, load ${load.map((one) => one.toFixed(1)).join(' to ')}`;
  const tips = rows.flatMap(({ bars }) => bars.map(({ tip }) => tip));
  const caption = { id: 'vtep-live', title, description: `${tips.join('; ')}. Measured on ${where}.` };
  const faint = { size: Size.Small, look: 'faint' };
  return sheet(caption, bottom + AXIS, [
    letters(MARGIN, MARGIN + 12, title, { size: Size.Heading, look: 'strong', narrowY: MARGIN + 15 }),
    letters(WIDTH - MARGIN, MARGIN + 12, 'lines: range of the rounds', { ...faint, look: 'faint end', narrow: '' }),
    letters(MARGIN, MARGIN + 28, where, { ...faint, room: WIDTH - 2 * MARGIN, narrow: '' }),
    ...linearTicks(highest, TICKS).flatMap((tick) => [
      element('line', { x1: x(tick), y1: TOP - 4, x2: x(tick), y2: bottom, class: 'rule' }),
      letters(x(tick), bottom + 15, `${tick / GIGABIT}`, { ...faint, look: 'faint middle', narrowY: bottom + 19 }),
    ]),
    letters(MARGIN, TOP + 14, 'One stream', { size: Size.Small, look: 'strong', narrowY: TOP + 16 }),
    letters(MARGIN, TOP + 30, 'two nodes on one host,', { ...faint, narrow: '' }),
    letters(MARGIN, TOP + 46, 'wire without offloads', { ...faint, narrow: '' }),
    ...drawRows(rows, TOP, x),
  ]);
}
