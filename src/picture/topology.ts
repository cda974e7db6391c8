/** A picture of a capture's overlay: nodes with their endpoints, and the traffic between them. */
import type { SurveyReport } from '../inspect/index.js';
import { byteText, rateText } from '../text/quantity.js';
import { areaSign, letters, type LegendEntry, legendRow } from './letters.js';
import { truncateToFit, element, foreign, pixels, textWidth, tip } from './markup.js';
import {
  byAddress,
  linkBytes,
  type MapEndpoint,
  type MapLink,
  type MapNetwork,
  type MapTraffic,
  overlayMap,
  type OverlayMap,
} from './overlay-map.js';
import { type NetworkIndex, networkIndex, ownColours } from './network-colours.js';
import { figure, MARGIN, type Panel, type PanelArea, sheet, WIDTH } from './sheet.js';
import { edgeClass, fillClass, NETWORK_COLOURS, Size } from './theme.js';
import { type Box, HEADER, type Layout, layOut, type Point, ROW, type Strand } from './topology-layout.js';

/** Pixels of a picture's heading and legend. */
const LEGEND = 30;
const TITLE = 28;
const MAX_HEIGHT = 1000;
const NOTE = 22;
/** With more links, none has a label: they would hide each other. */
const MAX_LABELLED = 12;
/** Endpoints named in a tooltip. */
const MAX_TIP = 20;

function counted(count: number, what: string): string {
  return `${count.toLocaleString('en-US')} ${what}${count === 1 ? '' : 's'}`;
}

function rateOf(bytes: number, seconds: number): string {
  return seconds > 0 ? ` · ${rateText((8 * bytes) / seconds)}` : '';
}

function trafficText({ packets, bytes }: MapTraffic, seconds: number, kind: string): string {
  return `${counted(packets, kind)} · ${byteText(bytes)}${rateOf(bytes, seconds)}`;
}

function kindOf({ vnis, encrypted }: MapLink): string {
  return vnis.length === 0 && encrypted ? 'ESP packet' : 'packet';
}

function linkTip(map: OverlayMap, link: MapLink): string {
  const { a, b, vnis, unopened } = link;
  const kind = kindOf(link);
  const direction = (from: number, to: number, traffic: MapTraffic): string =>
    `${foreign(map.nodes[from].address)} → ${foreign(map.nodes[to].address)}: ${trafficText(traffic, map.seconds, kind)}`;
  return [
    direction(a, b, link.fromA),
    direction(b, a, link.fromB),
    ...(vnis.length === 0 ? [] : [`VNI ${vnis.slice(0, MAX_TIP).join(', ')}${vnis.length > MAX_TIP ? ', ...' : ''}`]),
    ...(unopened > 0 ? [`${counted(unopened, 'ESP packet')} not decrypted`] : []),
  ].join('\n');
}

function pointOf([p, q, r, s]: Strand['curve'], t: number): Point {
  const u = 1 - t;
  const at = (key: 'x' | 'y'): number =>
    u * u * u * p[key] + 3 * u * u * t * q[key] + 3 * u * t * t * r[key] + t * t * t * s[key];
  return { x: at('x'), y: at('y') };
}

function arrow(strand: Strand, colour: number | undefined): string {
  const { curve, direction } = strand;
  const forward = direction === 'fromA';
  const tail = pointOf(curve, forward ? 0.97 : 0.03);
  const head = forward ? curve[3] : curve[0];
  const angle = Math.atan2(head.y - tail.y, head.x - tail.x);
  const corner = (turn: number): string => {
    const x = head.x - 10 * Math.cos(angle) + turn * 5 * Math.sin(angle);
    const y = head.y - 10 * Math.sin(angle) - turn * 5 * Math.cos(angle);
    return `${pixels(x)} ${pixels(y)}`;
  };
  const d = `M${pixels(head.x)} ${pixels(head.y)} L${corner(1)} L${corner(-1)}`;
  return element('path', { d, class: fillClass(colour) });
}

function line(map: OverlayMap, strand: Strand, index: NetworkIndex, highest: number, tips: number): string {
  const { link, curve, direction } = strand;
  const bytes = direction === 'both' ? linkBytes(link) : link[direction].bytes;
  const colour = link.vnis.length === 1 ? index.get(link.vnis[0]) : undefined;
  const [start, ...rest] = curve.map(({ x, y }) => `${pixels(x)} ${pixels(y)}`);
  const most = map.links.length > MAX_LABELLED ? 1.5 : 3;
  const width = 1.5 + most * Math.sqrt(bytes / Math.max(1, highest));
  const dashes = link.encrypted ? {} : { 'stroke-dasharray': '6 4' };
  const path = element('path', {
    d: `M${start} C${rest.join(' ')}`,
    class: edgeClass(colour),
    'stroke-width': width,
    ...dashes,
  });
  const text = tips === 0 ? '' : tip(linkTip(map, link));
  return element('g', {}, text, path, ...(direction === 'both' ? [] : [arrow(strand, colour)]));
}

interface Rectangle {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

function overlaps(one: Rectangle, other: Rectangle): boolean {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

/** A line that rises or falls more than this crosses what is above or below its middle. */
const FLAT = 24;
/** Distance of a label from the box that a line ends at: an arrow and a little more. */
const FROM_BOX = 16;

function isFlat({ curve }: Strand): boolean {
  return Math.abs(curve[3].y - curve[0].y) <= FLAT;
}

/** Whether a line's label is at b's end: the one that fewer lines share. */
function isAtB({ link: { a, b } }: Strand, strands: readonly Strand[]): boolean {
  const lines = (node: number): number => strands.filter(({ link }) => link.a === node || link.b === node).length;
  return lines(b) <= lines(a);
}

/**
 * A label beside the end of a rising or falling line, on the side that the line leaves. A narrow picture has one for both
 * directions, as there is no space between their lines.
 */
function labelAtEnd(strand: Strand, strands: readonly Strand[], seconds: number, room: number): string {
  const { curve, direction, link } = strand;
  const atB = isAtB(strand, strands);
  const [end, far] = atB ? [curve[3], curve[0]] : [curve[0], curve[3]];
  const other = strands.find((one) => one !== strand && one.link === link)?.curve[atB ? 3 : 0];
  const traffic = direction === 'both' ? sumOf(link) : link[direction];
  const sign = far.x < end.x ? -1 : 1;
  const above = far.y > end.y;
  const isOuter = other === undefined || above === end.y < other.y;
  const text = `${byteText(traffic.bytes)}${rateOf(traffic.bytes, seconds)}`;
  return letters(end.x + sign * FROM_BOX, above ? end.y - 8 : end.y + 17, text, {
    size: Size.Small,
    look: sign < 0 ? 'end halo' : 'halo',
    room: room - 2 * FROM_BOX,
    narrow: isOuter ? byteText(linkBytes(link)) : '',
    narrowY: above ? end.y - 7 : end.y + 22,
  });
}

/** Positions along a line that are tried for its label. */
const TRIES = [0.5, 0.36, 0.64, 0.25, 0.75];

/** Labels of the links that have space for one, the busiest first; the others have only their tooltip. */
function labels(map: OverlayMap, { strands }: Layout, area: PanelArea, room: number): string[] {
  if (map.links.length > MAX_LABELLED) return [];
  const taken: Rectangle[] = [];
  const left = area.x + (area.width - room) / 2 + 4;
  const right = area.x + (area.width + room) / 2 - 4;
  return strands.map((strand) => {
    const { link, direction, curve } = strand;
    if (direction !== 'both' && !isFlat(strand)) return labelAtEnd(strand, strands, map.seconds, room);
    const fromA = direction === 'fromA';
    const traffic = direction === 'both' ? sumOf(link) : link[direction];
    const text = trafficText(traffic, map.seconds, kindOf(link));
    const size = byteText(traffic.bytes);
    const withRate = `${size}${direction === 'both' ? '' : rateOf(traffic.bytes, map.seconds)}`;
    const narrow = textWidth(withRate, Size.Small.narrow) <= room ? withRate : size;
    // Of two directions, the lower one has its label below.
    const below = direction !== 'both' && link.fromA.packets > 0 && link.fromB.packets > 0 && !fromA;
    const longest = Math.max(textWidth(text, Size.Small.wide), textWidth(narrow, Size.Small.narrow));
    const half = Math.min(longest, right - left) / 2;
    for (const t of direction === 'both' ? TRIES : [0.5]) {
      const at = pointOf(curve, t);
      const x = Math.min(Math.max(at.x, left + half), Math.max(right - half, left + half));
      // Never into the legend.
      const y = below ? at.y + 18 : Math.max(at.y - 8, area.y + 4);
      const box = { left: x - half, right: x + half, top: y - 16, bottom: y + 4 };
      if (taken.some((other) => overlaps(other, box))) continue;
      taken.push(box);
      const narrowY = below ? at.y + 23 : y;
      return letters(x, y, text, { size: Size.Small, look: 'middle halo', room, narrow, narrowY });
    }
    return '';
  });
}

function sumOf({ fromA, fromB }: MapLink): MapTraffic {
  return { packets: fromA.packets + fromB.packets, bytes: fromA.bytes + fromB.bytes };
}

/** A padlock, 10 pixels wide, centred at a point. */
function padlock({ x, y }: Point, colour: number | undefined): string {
  const shackle = `M${pixels(x - 3)} ${pixels(y)} C${pixels(x - 3)} ${pixels(y - 7)} ${pixels(x + 3)} ${pixels(y - 7)} ${pixels(x + 3)} ${pixels(y)}`;
  return (
    element('path', { d: shackle, class: edgeClass(colour), 'stroke-width': 1.6 }) +
    element('rect', { x: x - 5, y: y - 0.5, width: 10, height: 7, rx: 1.5, class: fillClass(colour) })
  );
}

/** A padlock between the two lines of an encrypted link: in the middle, or away from their labels. */
function locks({ strands }: Layout, index: NetworkIndex): string[] {
  return strands.flatMap((strand, i) => {
    const { link, direction } = strand;
    const other = strands.find((one, k) => k > i && one.link === link);
    if (!link.encrypted || direction === 'both' || other === undefined) return [];
    const at = isFlat(strand) ? 0.5 : isAtB(strand, strands) ? 0.25 : 0.75;
    const one = pointOf(strand.curve, at);
    const two = pointOf(other.curve, at);
    return [
      padlock(
        { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 },
        link.vnis.length === 1 ? index.get(link.vnis[0]) : undefined,
      ),
    ];
  });
}

function endpointTip({ vni, mac, ip, name, bytes }: MapEndpoint): string {
  const names = [...(name === null ? [] : [name]), ip ?? mac, mac].map(foreign);
  return `${names.join(', ')}, VNI ${vni}: ${byteText(bytes)}`;
}

function endpointRow(endpoint: MapEndpoint, box: Box, y: number, index: NetworkIndex, tips: number): string {
  const { mac, ip, name, vni } = endpoint;
  const address = ip ?? mac;
  const room = box.width - 40;
  const rest = room - textWidth(address, Size.Body.wide) - 8;
  // A MAC address is worth showing whole only; a name also in part.
  const beside = name ?? (ip !== null && textWidth(mac, Size.Small.wide) <= rest ? mac : '');
  return element(
    'g',
    {},
    tips === 0 ? '' : tip(endpointTip(endpoint)),
    element('circle', { cx: box.x + 18, cy: y + ROW / 2, r: 4.5, class: fillClass(index.get(vni)) }),
    letters(box.x + 30, y + ROW / 2 + 4.5, address, { size: Size.Body, room, narrowY: y + ROW / 2 + 7 }),
    letters(box.x + box.width - 12, y + ROW / 2 + 4, beside, {
      size: Size.Small,
      look: 'end faint',
      room: rest,
      narrow: '',
    }),
  );
}

function nodeBox(map: OverlayMap, box: Box, index: NetworkIndex, tips: number): string {
  const { address, endpoints, bytes } = map.nodes[box.node];
  const { x, y, width, height, rows, compact } = box;
  const count = counted(endpoints.length, 'endpoint');
  const all = endpoints.length <= rows;
  const shown = endpoints
    .slice(0, all ? rows : Math.max(0, rows - 1))
    .sort((one, other) => one.vni - other.vni || byAddress(one.ip ?? '', other.ip ?? ''));
  const header = compact || rows === 0 ? height : HEADER;
  const addressRoom = width - 24;
  const beside = textWidth(address, Size.Heading.wide) + textWidth(count, Size.Small.wide) + 12 <= addressRoom;
  const names = endpoints.slice(0, tips).map(endpointTip);
  const rest = endpoints.length - names.length;
  return element(
    'g',
    {},
    tips === 0
      ? ''
      : tip(
          [
            `${foreign(address)}: ${count}, ${byteText(bytes)}`,
            ...names,
            ...(rest > 0 ? [`and ${rest} more`] : []),
          ].join('\n'),
        ),
    element('rect', { x, y, width, height, rx: compact ? 4 : 6, class: 'box' }),
    letters(x + 12, y + header / 2 + 4.5, address, {
      size: Size.Heading,
      look: 'strong',
      room: addressRoom,
      narrowY: y + header / 2 + 7,
    }),
    beside && endpoints.length > 0
      ? letters(x + width - 12, y + header / 2 + 4, count, { size: Size.Small, look: 'end faint', narrow: '' })
      : '',
    ...shown.map((endpoint, i) => endpointRow(endpoint, box, y + HEADER + i * ROW, index, tips)),
    all || rows === 0
      ? ''
      : letters(x + 30, y + HEADER + rows * ROW - ROW / 2 + 4, `and ${endpoints.length - shown.length} more`, {
          size: Size.Small,
          look: 'faint',
          narrowY: y + HEADER + rows * ROW - ROW / 2 + 6,
        }),
  );
}

/**
 * The legend of a map's networks; empty if there is nothing to explain.
 * @param area `y` is its vertical centre
 * @param other whether the picture also shows traffic outside the networks
 */
export function networkLegend(map: OverlayMap, index: NetworkIndex, area: PanelArea, other = false): string {
  const [shown, more] = ownColours(map.networks, index);
  const entries = shown.map(({ vni, security }: MapNetwork): LegendEntry => {
    const colour = index.get(vni);
    const dashes = security === 'clear' ? { 'stroke-dasharray': '6 4' } : {};
    return {
      text: `VNI ${vni}, ${security}`,
      narrow: `VNI ${vni}, ${security}`,
      sign: (x, y) =>
        security === 'encrypted'
          ? padlock({ x: x + 11, y: y - 1 }, colour)
          : element('line', {
              x1: x,
              y1: y,
              x2: x + 22,
              y2: y,
              class: edgeClass(colour),
              'stroke-width': 2.5,
              ...dashes,
            }),
    };
  });
  if (more > 0) {
    const text = `${more} more network${more === 1 ? '' : 's'}`;
    entries.push({ text, narrow: text, sign: areaSign(NETWORK_COLOURS - 1) });
  }
  if (map.links.some(({ vnis }) => vnis.length > 1)) {
    const text = 'several networks';
    entries.push({ text, narrow: text, sign: areaSign(undefined) });
  }
  if (map.links.some(({ unopened }) => unopened > 0)) {
    const text = 'ESP, not decrypted';
    entries.push({ text, narrow: text, sign: (x, y) => padlock({ x: x + 11, y: y - 1 }, undefined) });
  }
  if (other) entries.push({ text: 'other traffic', narrow: 'other traffic', sign: areaSign(undefined) });
  return legendRow(entries, area.x, area.y, area.width, Size.Small);
}

/**
 * Draws a map.
 * @param maxHeight pixels; nodes beyond it are counted
 * @param tips endpoints named in a tooltip; 0 for no tooltips
 */
export function topologyPanel(
  map: OverlayMap,
  index: NetworkIndex,
  area: PanelArea,
  maxHeight: number,
  tips = MAX_TIP,
): Panel {
  if (map.nodes.length === 0) {
    const text = letters(area.x, area.y + 20, 'This capture has no VXLAN and no ESP.', {
      size: Size.Body,
      look: 'faint',
    });
    return { height: 30, markup: [text] };
  }
  const mayNeedNote = map.moreNodes + map.moreLinks > 0;
  let layout = layOut(map, area, maxHeight - (mayNeedNote ? NOTE : 0));
  if (!mayNeedNote && layout.moreNodes > 0) layout = layOut(map, area, maxHeight - NOTE);
  const highest = map.links.length === 0 ? 0 : linkBytes(map.links[0]);
  const [first] = layout.boxes;
  const notes = [
    ...(layout.moreNodes > 0 ? [counted(layout.moreNodes, 'more node')] : []),
    ...(map.moreLinks > 0 ? [counted(map.moreLinks, 'more link')] : []),
  ];
  const note = notes.length === 0 ? '' : `and ${notes.join(' and ')}, with less traffic`;
  return {
    height: layout.height + (note === '' ? 0 : NOTE),
    markup: [
      ...layout.strands.map((strand) => line(map, strand, index, highest, tips)),
      ...layout.boxes.map((box) => nodeBox(map, box, index, tips)),
      ...locks(layout, index),
      ...labels(map, layout, area, area.width - 2 * first.width),
      note === '' ? '' : letters(area.x, area.y + layout.height + 17, note, { size: Size.Small, look: 'faint' }),
    ],
  };
}

/** What a map shows, in a sentence, for those who can't see it. */
export function topologyText(map: OverlayMap): string {
  const nodes = counted(map.nodes.length + map.moreNodes, 'node');
  const networks = map.networks.slice(0, NETWORK_COLOURS).map(({ vni, security }) => `VNI ${vni} (${security})`);
  const links = map.links.slice(0, NETWORK_COLOURS).map((link) => linkTip(map, link).replaceAll('\n', '; '));
  return `${nodes}. ${[networks.join(', '), ...links].filter((text) => text !== '').join('. ')}.`;
}

/**
 * A picture of a capture's overlay as SVG, 800 pixels wide: a box per node with its VTEP address and endpoints, and lines
 * between nodes with packets, bytes and rate. It shows at most 64 nodes, counts the rest, and follows the reader's colour
 * scheme.
 * @param report of `Survey`
 * @example
 * import { writeFile } from 'node:fs/promises';
 * import { batchesOf, openCaptureFile } from 'vtep/capture';
 * import { Survey } from 'vtep/inspect';
 * import { topologySvg } from 'vtep/picture';
 *
 * const survey = new Survey();
 * const source = await openCaptureFile('wire.pcap');
 * for await (const batch of batchesOf(source)) survey.addBatch(batch);
 * await writeFile('overlay.svg', topologySvg(survey.report(source)));
 */
export function topologySvg(report: SurveyReport): string {
  const map = overlayMap(report);
  const index = networkIndex(report.networks);
  const width = WIDTH - 2 * MARGIN;
  const legend = networkLegend(map, index, { x: MARGIN, y: MARGIN + TITLE + 8, width });
  const top = MARGIN + TITLE + (legend === '' ? 0 : LEGEND);
  const panel = topologyPanel(map, index, { x: MARGIN, y: top, width }, MAX_HEIGHT);
  const title = foreign(`Overlay of ${baseName(report.file)}`);
  return sheet({ id: 'vtep-topology', title, description: topologyText(map) }, top + panel.height + MARGIN, [
    letters(MARGIN, MARGIN + 14, truncateToFit(title, Size.Title.narrow, width), { size: Size.Title, look: 'strong' }),
    legend,
    ...panel.markup,
  ]);
}

/** How a page shows a map. */
export interface TopologyFigure {
  /** Prefix of its ids. */
  readonly id: string;
  /** Pixels. Below 600, it is drawn for the narrow form (`narrowRules`). */
  readonly width: number;
  /** Pixels; nodes beyond it are counted. */
  readonly maxHeight: number;
  /** Endpoints named in a tooltip; 0 for no tooltips. */
  readonly tips: number;
  /** Classes of its root. */
  readonly look: string;
}

/** A map on a page of ours: without a card, a title and a style sheet. */
export function topologyFigure(map: OverlayMap, index: NetworkIndex, how: TopologyFigure): string {
  const { id, width, maxHeight, tips, look } = how;
  const area = { x: 1, width: width - 2 };
  const legend = networkLegend(map, index, { ...area, y: 12 });
  const top = legend === '' ? 4 : 12 + LEGEND;
  const panel = topologyPanel(map, index, { ...area, y: top }, maxHeight, tips);
  const caption = { id, title: 'Nodes, endpoints and the traffic between them', description: topologyText(map) };
  return figure(caption, width, top + panel.height + 4, look, [legend, ...panel.markup]);
}

/** The name of a file without its folders. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1) || path;
}
