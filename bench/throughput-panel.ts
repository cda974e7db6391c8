/** Throughput of the egress chain by frame size: a line for each cipher, and one without a cipher. */
import { figure, tickName } from './figure.js';
import { emptyPanel, HEADING, heading, type Panel, type PanelArea } from './panel.js';
import { type BenchReport, type BenchResult, Stage } from './result.js';
import { logScale, logTicks, type Scale } from './scale.js';
import { backendNames, resultsOf, settingName, usualResults, usualSetting } from './selection.js';
import { Colour, element, HALO, textWidth, tip, words } from './svg.js';

const TITLE = 'Throughput of the egress chain';
const HEIGHT = 360;
/** Space for the figures of the vertical axis, and below the horizontal one. */
const LEFT = 48;
const BELOW = 40;
const LABEL = 11;
/** Margin factor of the vertical axis beyond the figures: enough for at least one tick, however close they are. */
const AROUND = 1.7;
const CLEAR_COLOUR = '#59636e';
const COLOURS = ['#0969da', '#bc4c00', '#1a7f37', '#8250df', '#bf3989', '#9a6700'] as const;

/** Ciphers without a line. node-forge, for browsers, is a thousand times slower, and would flatten the other lines. */
const WITHOUT_LINE: readonly string[] = ['forge'];
/** Line rate of a usual network card, in Gbit/s. */
const LINE_RATE = 10;

interface Point {
  readonly bytes: number;
  readonly gigabits: number;
}

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly clear: boolean;
  readonly points: readonly Point[];
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

function pointsOf(results: readonly BenchResult[]): Point[] {
  return results.flatMap(({ bytes, bitsPerSecond }) =>
    bytes === 'imix' ? [] : [{ bytes, gigabits: bitsPerSecond / 1e9 }],
  );
}

function linesOf(report: BenchReport): Line[] {
  const encrypted = usualResults(report, Stage.Egress, true);
  const names = backendNames(report).filter((name) => !WITHOUT_LINE.includes(name));
  const lines = names.map((name, i): Line => {
    const points = pointsOf(encrypted.filter(({ backend }) => backend === name));
    return { name, colour: COLOURS[i % COLOURS.length], clear: false, points };
  });
  const clear = pointsOf(usualResults(report, Stage.Egress, false));
  return [...lines, { name: 'clear, no cipher', colour: CLEAR_COLOUR, clear: true, points: clear }].filter(
    ({ points }) => points.length > 0,
  );
}

function unitsOf(report: BenchReport): string {
  const encrypted = resultsOf(report, Stage.Egress, true);
  const setting = usualSetting(encrypted.length > 0 ? encrypted : resultsOf(report, Stage.Egress, false));
  const units = 'Gbit/s of frames by frame size in bytes, logarithmic axes';
  return setting === undefined ? units : `${units}; ${settingName(setting)}`;
}

function overlaps(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/** Baseline offsets tried for a dot's label: as near as possible, above before below. */
const TRIES = [-8, 17, -20, 29, -32, 41];

/** Labels next to the dots, not overlapping each other or a dot; without space, only the tooltip shows the figure. */
function labels(lines: readonly Line[], x: Scale, y: Scale, top: number, bottom: number): string[] {
  const dots = lines.flatMap(({ points, colour }) =>
    points.map(({ bytes, gigabits }) => ({ x: x(bytes), y: y(gigabits), text: figure(gigabits), colour })),
  );
  const taken = dots.map((dot): Box => ({ left: dot.x - 5, top: dot.y - 5, right: dot.x + 5, bottom: dot.y + 5 }));
  return dots.flatMap((dot) => {
    const half = textWidth(dot.text, LABEL) / 2;
    for (const down of TRIES) {
      const base = dot.y + down;
      const box = { left: dot.x - half, top: base - LABEL + 1, right: dot.x + half, bottom: base + 2 };
      if (box.top < top || box.bottom > bottom || taken.some((other) => overlaps(other, box))) continue;
      taken.push(box);
      return [words(dot.x, base, dot.text, { 'text-anchor': 'middle', 'font-size': LABEL, fill: dot.colour, ...HALO })];
    }
    return [];
  });
}

function curve({ name, colour, clear, points }: Line, x: Scale, y: Scale): string {
  const path = points.map(({ bytes, gigabits }, i) => {
    return `${i === 0 ? 'M' : 'L'}${x(bytes).toFixed(2)} ${y(gigabits).toFixed(2)}`;
  });
  const dashes = clear ? { 'stroke-dasharray': '5 3' } : {};
  const stroke = { fill: 'none', stroke: colour, 'stroke-width': 2, ...dashes };
  const dots = points.map(({ bytes, gigabits }) =>
    element(
      'circle',
      { cx: x(bytes), cy: y(gigabits), r: 3.5, fill: colour },
      tip(`${name}, ${bytes} bytes: ${figure(gigabits)} Gbit/s`),
    ),
  );
  return element('g', {}, element('path', { d: path.join(' '), ...stroke }), ...dots);
}

/** Ticks below the horizontal axis, for every measured size unless they would overlap. */
function sizeTicks(sizes: readonly number[], x: Scale, bottom: number): string[] {
  let free = Number.NEGATIVE_INFINITY;
  return sizes.flatMap((bytes) => {
    const at = x(bytes);
    const half = textWidth(String(bytes), LABEL) / 2;
    if (at - half < free) return [];
    free = at + half + 4;
    const tick = { x1: at, y1: bottom, x2: at, y2: bottom + 5, stroke: Colour.Faint };
    return [
      element('line', tick),
      words(at, bottom + 18, String(bytes), { 'text-anchor': 'middle', 'font-size': LABEL, fill: Colour.Faint }),
    ];
  });
}

function grid(ticks: readonly number[], y: Scale, left: number, right: number): string[] {
  return ticks.flatMap((tick) => [
    element('line', { x1: left, y1: y(tick), x2: right, y2: y(tick), stroke: Colour.Line }),
    words(left - 8, y(tick) + 4, tickName(tick), { 'text-anchor': 'end', 'font-size': LABEL, fill: Colour.Faint }),
  ]);
}

/** A line at the rate of a network card. */
function lineRate(y: Scale, left: number, right: number): string[] {
  const line = { x1: left, y1: y(LINE_RATE), x2: right, y2: y(LINE_RATE), stroke: Colour.Faint, 'stroke-width': 1.5 };
  const text = { 'font-size': LABEL, fill: Colour.Faint, ...HALO };
  return [
    element('line', { ...line, 'stroke-dasharray': '2 3' }),
    words(left + 6, y(LINE_RATE) - 5, `${LINE_RATE} Gbit/s line rate`, text),
  ];
}

/** Draws the panel; both axes are logarithmic. */
export function throughputPanel(report: BenchReport, area: PanelArea): Panel {
  const lines = linesOf(report);
  if (lines.length === 0) return emptyPanel(area, TITLE, 'Not measured in this run.');
  const points = lines.flatMap((line) => line.points);
  const sizes = [...new Set(points.map(({ bytes }) => bytes))].sort((a, b) => a - b);
  const gigabits = points.map((point) => point.gigabits).sort((a, b) => a - b);
  const low = gigabits[0] / AROUND;
  const high = gigabits[gigabits.length - 1] * AROUND;
  const left = area.x + LEFT;
  const right = area.x + area.width;
  const top = area.y + HEADING;
  const bottom = top + HEIGHT - BELOW;
  const x = logScale(sizes[0], sizes[sizes.length - 1], left + 24, right - 24);
  const y = logScale(low, high, bottom, top);
  const legend = lines.map(({ name, colour, clear }) => ({ name, colour, swatch: clear ? 'dashes' : 'line' }) as const);
  const markup = [
    ...heading(area, TITLE, unitsOf(report), legend),
    ...grid(logTicks(low, high), y, left, right),
    ...(LINE_RATE > low && LINE_RATE < high ? lineRate(y, left, right) : []),
    element('line', { x1: left, y1: bottom, x2: right, y2: bottom, stroke: Colour.Faint }),
    ...sizeTicks(sizes, x, bottom),
    ...lines.map((line) => curve(line, x, y)),
    ...labels(lines, x, y, top - 12, bottom),
  ];
  return { height: HEADING + HEIGHT, markup };
}
