/** Draws a profile as a top-down flame graph: a frame's width is its time, with its callees below it. */
import { grouped } from '../src/cli/table.js';
import { type CpuProfile } from './cpu-profile.js';
import { type FlameFrame, flameFrames, Origin } from './flame-frame.js';
import { type LegendEntry, legendOf } from './panel.js';
import { Colour, truncateToFit, element, picture, textWidth, tip, words } from './svg.js';

const WIDTH = 1200;
const MARGIN = 16;
const TOP = 84;
const ROW = 19;
const LABEL = 11;
/** Pixels between a frame's edge and its label, and between two frames. */
const INSIDE = 4;
const BETWEEN = 0.6;

const FILL: Readonly<Record<Origin, string>> = {
  [Origin.Own]: '#ffb77c',
  [Origin.Other]: '#a5d6ff',
  [Origin.Node]: '#b4e5b4',
  [Origin.Wasm]: '#d8b9ff',
  [Origin.Native]: '#d1d5da',
};

const MERGED_FILL = '#eaeef2';

const LEGEND = Object.entries(FILL).map(([name, colour]): LegendEntry => ({ name, colour, swatch: 'box' }));

function drawn(frame: FlameFrame, all: number): string {
  const { name, location, origin, depth, start, samples } = frame;
  const scale = (WIDTH - 2 * MARGIN) / all;
  const x = MARGIN + start * scale;
  const y = TOP + depth * ROW;
  const width = samples * scale;
  const share = `${((100 * samples) / all).toFixed(1)} %`;
  const room = width - 2 * INSIDE;
  const whole = location === '' ? name : `${name} (${location})`;
  const label = textWidth(whole, LABEL) <= room ? whole : truncateToFit(name, LABEL, room);
  const fill = origin === undefined ? MERGED_FILL : FILL[origin];
  return element(
    'g',
    {},
    tip(`${whole}, ${share}`),
    element('rect', { x, y, width: Math.max(width - BETWEEN, 0.1), height: ROW - 1, rx: 1.5, fill }),
    ...(label === '' ? [] : [words(x + INSIDE, y + 13, label, { 'font-size': LABEL })]),
  );
}

/**
 * Draws a profile as SVG. Frames narrower than 0.3 % of the samples are merged or omitted; the picture shows no folder
 * names.
 * @param title what was profiled
 * @param focus function name: show only this function and its callees
 * @throws ProfileError if nodes and samples are inconsistent, or no sample is below `focus`
 */
export function flameGraph(profile: CpuProfile, title: string, focus?: string): string {
  const frames = flameFrames(profile, focus);
  const [{ samples }] = frames;
  const seconds = profile.timeDeltas.reduce((sum, delta) => sum + delta, 0) / 1e6;
  const counted = profile.samples.length;
  const whole = `${grouped(counted)} samples in ${seconds.toFixed(1)} s`;
  const caption = samples === counted ? whole : `${grouped(samples)} of ${whole}`;
  const depth = frames.reduce((deepest, frame) => Math.max(deepest, frame.depth), 0);
  const description =
    `A flame graph of ${caption}. Each frame is a function, as wide as its share of the samples; its callees are ` +
    'below it.';
  return picture(
    WIDTH,
    TOP + (depth + 1) * ROW + MARGIN,
    title,
    description,
    words(MARGIN, 32, truncateToFit(title, 17, WIDTH - 2 * MARGIN - 300), { 'font-size': 17, 'font-weight': 600 }),
    words(WIDTH - MARGIN, 32, caption, { 'text-anchor': 'end', fill: Colour.Faint }),
    ...legendOf(LEGEND, MARGIN - 4, 56),
    ...frames.map((frame) => drawn(frame, samples)),
  );
}
