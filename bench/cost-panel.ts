/** Where a packet's time goes: its stages stacked, with a mark at the separately measured total of the whole chain. */
import { figure, tickName } from './figure.js';
import { sizeName } from './imix.js';
import { chainMark, emptyPanel, HEADING, heading, type LegendEntry, type Panel, type PanelArea } from './panel.js';
import { type BenchReport, Stage } from './result.js';
import { linearScale, linearTicks, type Scale } from './scale.js';
import { backendNames } from './selection.js';
import { CHAINS, Direction, type StageCosts, stageCosts } from './stage-costs.js';
import { Colour, truncateToFit, element, HALO, textWidth, tip, words } from './svg.js';

const TITLE = 'Cost by stage of the encrypted chains';
const UNITS = 'ns/packet: the sum of the stages, and the whole chain; each cipher has its own scale';
const LEFT = 48;
const BETWEEN = 36;
const ROW = 24;
const BAR = 17;
/** Space for a cipher's name and the directions' above its bars, and for the axis below them. */
const ABOVE = 40;
const BELOW = 32;
/** Space for the figures after the longest bar. */
const FIGURES = 132;
const LABEL = 11;

const FILL = {
  [Stage.Forward]: '#0969da',
  [Stage.Encap]: '#1a7f37',
  [Stage.Decap]: '#1a7f37',
  [Stage.Seal]: '#bc4c00',
  [Stage.Open]: '#bc4c00',
  [Stage.Reassemble]: '#8250df',
} as const;

const LEGEND: readonly LegendEntry[] = [
  { name: 'forward', colour: FILL.forward, swatch: 'box' },
  { name: 'encap, decap', colour: FILL.encap, swatch: 'box' },
  { name: 'seal, open', colour: FILL.seal, swatch: 'box' },
  { name: 'reassemble (nothing to do)', colour: FILL.reassemble, swatch: 'box' },
  { name: 'the whole chain', colour: Colour.Ink, swatch: 'mark' },
];

interface CipherCosts {
  readonly backend: string;
  readonly out: readonly StageCosts[];
  readonly in: readonly StageCosts[];
}

function sum({ parts }: StageCosts): number {
  return parts.reduce((total, { nanoseconds }) => total + nanoseconds, 0);
}

/** The two fastest ciphers and node's. */
function shownCiphers(report: BenchReport): CipherCosts[] {
  const all = backendNames(report)
    .map((backend) => ({
      backend,
      out: stageCosts(report, Direction.Out, backend),
      in: stageCosts(report, Direction.In, backend),
    }))
    .filter((costs) => costs.out.length + costs.in.length > 0);
  return all.filter(({ backend }, i) => i < 2 || backend === 'node');
}

function bar(costs: StageCosts, backend: string, direction: Direction, x: Scale, y: number): string {
  const { bytes, parts, chain } = costs;
  const name = `${direction === Direction.Out ? 'egress' : 'ingress'}, ${backend}, ${sizeName(bytes)}`;
  let start = 0;
  const boxes = parts.map(({ stage, nanoseconds }) => {
    const left = x(start);
    start += nanoseconds;
    const width = x(start) - left;
    const text = figure(nanoseconds);
    const label = { 'text-anchor': 'middle', 'font-size': LABEL, fill: Colour.Sheet };
    return element(
      'g',
      {},
      tip(`${name}: ${stage} ${text} ns`),
      element('rect', { x: left, y, width, height: BAR, fill: FILL[stage as keyof typeof FILL] }),
      ...(textWidth(text, LABEL) + 6 <= width ? [words(left + width / 2, y + 13, text, label)] : []),
    );
  });
  const end = x(Math.max(start, chain ?? 0)) + 8;
  const figures = chain === undefined ? figure(start) : `${figure(start)}, chain ${figure(chain)}`;
  return element(
    'g',
    {},
    ...boxes,
    ...(chain === undefined ? [] : [chainMark(x(chain), y - 3, BAR + 6)]),
    words(end, y + 13, figures, { 'font-size': LABEL, ...HALO }),
  );
}

/** One direction's bars with their axis. */
function bars(costs: CipherCosts, direction: Direction, high: number, area: PanelArea, rows: number): string[] {
  const x = linearScale(high, area.x + LEFT, area.x + area.width - FIGURES);
  const top = area.y + ABOVE;
  const bottom = top + rows * ROW;
  const small = { 'font-size': LABEL, fill: Colour.Faint };
  const axis = linearTicks(high, 4).flatMap((tick) => [
    element('line', { x1: x(tick), y1: top - 4, x2: x(tick), y2: bottom, stroke: Colour.Line }),
    words(x(tick), bottom + 14, tickName(tick), { 'text-anchor': 'middle', ...small }),
  ]);
  return [
    words(area.x + LEFT, area.y + 28, direction === Direction.Out ? 'egress' : 'ingress', small),
    ...axis,
    ...costs[direction].flatMap((one, i) => {
      const y = top + i * ROW + (ROW - BAR) / 2;
      return [
        words(area.x + LEFT - 8, y + 13, sizeName(one.bytes), { 'text-anchor': 'end', 'font-size': LABEL }),
        bar(one, costs.backend, direction, x, y),
      ];
    }),
  ];
}

/** Stages of the chains without separate figures, to be listed below the stacks. */
function missingStages(ciphers: readonly CipherCosts[]): string[] {
  const all = [Direction.Out, Direction.In].flatMap((direction) =>
    CHAINS[direction].stages.filter((stage) =>
      ciphers.some((costs) => costs[direction].some(({ parts }) => !parts.some((part) => part.stage === stage))),
    ),
  );
  return [...new Set(all)];
}

/** Draws the panel: a row for each cipher, egress on the left and ingress on the right. */
export function costPanel(report: BenchReport, area: PanelArea): Panel {
  const ciphers = shownCiphers(report);
  if (ciphers.length === 0) return emptyPanel(area, TITLE, 'Not measured in this run.');
  const markup = heading(area, TITLE, UNITS, LEGEND);
  const width = (area.width - BETWEEN) / 2;
  let height = HEADING;
  for (const costs of ciphers) {
    const rows = Math.max(costs.out.length, costs.in.length);
    const high = [...costs.out, ...costs.in].reduce((most, one) => Math.max(most, sum(one), one.chain ?? 0), 0);
    const y = area.y + height;
    const name = truncateToFit(costs.backend, 13, area.width);
    markup.push(words(area.x, y + 12, name, { 'font-size': 13, 'font-weight': 600 }));
    for (const direction of [Direction.Out, Direction.In]) {
      if (costs[direction].length === 0) continue;
      const x = direction === Direction.Out ? area.x : area.x + width + BETWEEN;
      markup.push(...bars(costs, direction, high, { x, y, width }, rows));
    }
    height += ABOVE + rows * ROW + BELOW;
  }
  const missing = missingStages(ciphers);
  if (missing.length > 0) {
    const note = `Without separate figures at some of these sizes: ${missing.join(', ')}.`;
    markup.push(words(area.x, area.y + height + 8, note, { fill: Colour.Faint }));
    height += 16;
  }
  return { height, markup };
}
