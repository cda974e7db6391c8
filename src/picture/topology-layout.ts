/** Where nodes and links are drawn: nodes in two columns, links in the space between them. */
import { linkBytes, type MapLink, type MapNode, type OverlayMap } from './overlay-map.js';
import type { PanelArea } from './sheet.js';

/** Height of a box with nothing but a node's address. */
export const HEADER = 32;
/** Height of an endpoint's line in a box. */
export const ROW = 24;
const PADDING = 6;
const GAP = 10;
/** Height and distance of the boxes of many nodes, which show no endpoints. */
const COMPACT = 24;
const COMPACT_GAP = 3;
/** Share of the width for each column, and of a narrow picture's. */
const BOX_SHARE = 0.31;
const NARROW_BOX_SHARE = 0.37;
/** Pictures below this width are narrow. */
const NARROW = 600;
/** A node that takes part in every link has a column of its own, if there are at most as many others. */
const MAX_STAR = 8;
/** With at most as many links, each direction has a line of its own. */
const MAX_DOUBLE = 3;
const STRAND_DISTANCE = 30;
/** Space for both lines of a link and their labels. */
const MIN_DOUBLE = 76;

/** A node's box. */
export interface Box {
  /** Index of its node. */
  readonly node: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly right: boolean;
  /** Lines for endpoints; the last one counts the rest, if not all fit. */
  readonly rows: number;
  readonly compact: boolean;
}

/** A point of the picture. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A line of a link: one direction of it, or both. */
export interface Strand {
  readonly link: MapLink;
  readonly direction: 'fromA' | 'fromB' | 'both';
  /** Where it starts and ends, and the control points between them (cubic Bézier). */
  readonly curve: readonly [Point, Point, Point, Point];
}

/** Positions of everything. */
export interface Layout {
  readonly boxes: readonly Box[];
  readonly strands: readonly Strand[];
  /** Number of nodes without space. */
  readonly moreNodes: number;
  readonly height: number;
}

/** Column of each node, chosen so that most traffic crosses the space between them. */
function columns(nodes: readonly MapNode[], links: readonly MapLink[]): boolean[] {
  const count = nodes.length;
  const others = count - 1;
  if (count > 2 && others <= MAX_STAR) {
    const hub = nodes.findIndex((_, i) => links.length > 1 && links.every(({ a, b }) => a === i || b === i));
    if (hub >= 0) return nodes.map((_, i) => i !== hub);
  }
  const traffic = nodes.map(() => new Map<number, number>());
  for (const link of links) {
    traffic[link.a].set(link.b, linkBytes(link));
    traffic[link.b].set(link.a, linkBytes(link));
  }
  const right: (boolean | undefined)[] = nodes.map(() => undefined);
  const taken = [0, 0];
  const most = Math.ceil(count / 2);
  const order = nodes.map((_, i) => i);
  if (count > 2) order.sort((one, other) => nodes[other].bytes - nodes[one].bytes || one - other);
  for (const node of order) {
    let pull = 0;
    for (const [peer, bytes] of traffic[node]) if (right[peer] !== undefined) pull += right[peer] ? -bytes : bytes;
    let goesRight = pull === 0 ? taken[1] < taken[0] : pull > 0;
    if (taken[Number(goesRight)] >= most) goesRight = !goesRight;
    right[node] = goesRight;
    taken[Number(goesRight)]++;
  }
  return right.map((side) => side === true);
}

function boxHeight(rows: number, compact: boolean): number {
  if (compact) return COMPACT;
  return HEADER + rows * ROW + (rows > 0 ? PADDING : 0);
}

/**
 * Rows of the boxes of a column, as equal as possible: those with fewer endpoints leave theirs to the others. A single row
 * that would only count the endpoints is left out, because the header does.
 */
function rowsThatFit(nodes: readonly MapNode[], maxHeight: number): number[] {
  const rows = nodes.map(() => 0);
  let free = maxHeight - nodes.length * (HEADER + PADDING) - (nodes.length - 1) * GAP;
  for (let grown = true; grown;) {
    grown = false;
    for (const [i, { endpoints }] of nodes.entries()) {
      const more = rows[i] === 0 ? Math.min(2, endpoints.length) : 1;
      if (rows[i] >= endpoints.length || free < more * ROW) continue;
      rows[i] += more;
      free -= more * ROW;
      grown = true;
    }
  }
  return rows;
}

/** The boxes of a column from its top; nodes without space are left out. */
function column(
  map: OverlayMap,
  indexes: readonly number[],
  right: boolean,
  area: PanelArea,
  maxHeight: number,
): Box[] {
  const width = area.width * (area.width < NARROW ? NARROW_BOX_SHARE : BOX_SHARE);
  const x = right ? area.x + area.width - width : area.x;
  const compact = indexes.length * (HEADER + PADDING + ROW + GAP) - GAP > maxHeight;
  const most = compact ? Math.max(1, Math.floor((maxHeight + COMPACT_GAP) / (COMPACT + COMPACT_GAP))) : indexes.length;
  const shown = indexes.slice(0, most);
  const nodes = shown.map((i) => map.nodes[i]);
  const rows = compact ? nodes.map(() => 0) : rowsThatFit(nodes, maxHeight);
  let y = area.y;
  return shown.map((node, i) => {
    const height = boxHeight(rows[i], compact);
    const box = { node, x, y, width, height, right, rows: rows[i], compact };
    y += height + (compact ? COMPACT_GAP : GAP);
    return box;
  });
}

function extent(boxes: readonly Box[], top: number): number {
  const last = boxes.at(-1);
  return last === undefined ? 0 : last.y + last.height - top;
}

function strandsOf(links: readonly MapLink[]): Omit<Strand, 'curve'>[] {
  if (links.length > MAX_DOUBLE) return links.map((link) => ({ link, direction: 'both' }));
  return links.flatMap((link) => {
    const both = (['fromA', 'fromB'] as const).filter((direction) => link[direction].packets > 0);
    return both.map((direction) => ({ link, direction }));
  });
}

/** Positions of the ends of strands along the inner edges of boxes, in the order of their other ends. */
function ends(strands: readonly Omit<Strand, 'curve'>[], boxes: ReadonlyMap<number, Box>): Map<number, number[]> {
  const at = new Map<number, number[]>();
  const middle = (node: number): number => {
    const box = boxes.get(node);
    return box === undefined ? 0 : box.y + box.height / 2;
  };
  for (const [node, { y, height }] of boxes) {
    const mine = strands
      .map(({ link }, i) => ({ i, link }))
      .filter(({ link }) => link.a === node || link.b === node)
      .sort((one, other) => {
        const peer = ({ a, b }: MapLink): number => middle(a === node ? b : a);
        // Lines within a column are nested, so that they don't cross.
        const nested = boxes.get(one.link.a)?.right === boxes.get(one.link.b)?.right && one.link.b === node;
        return peer(one.link) - peer(other.link) || (nested ? other.i - one.i : one.i - other.i);
      });
    const distance = Math.min(STRAND_DISTANCE, (height - 8) / Math.max(1, mine.length - 1));
    for (const [k, { i, link }] of mine.entries()) {
      const pair = at.get(i) ?? [0, 0];
      pair[link.a === node ? 0 : 1] = y + height / 2 + (k - (mine.length - 1) / 2) * distance;
      if (link.a === link.b) pair[1] = pair[0];
      at.set(i, pair);
    }
  }
  return at;
}

function curveOf(a: Box, b: Box, yA: number, yB: number): Strand['curve'] {
  const inner = (box: Box): number => (box.right ? box.x : box.x + box.width);
  const start = { x: inner(a), y: yA };
  const end = { x: inner(b), y: yB };
  if (a.right !== b.right) {
    const bend = (end.x - start.x) * 0.4;
    return [start, { x: start.x + bend, y: yA }, { x: end.x - bend, y: yB }, end];
  }
  // Within a column it bulges into the space between the columns.
  const bulge = Math.min(130, 40 + Math.abs(yB - yA) * 0.3) * (a.right ? -1 : 1);
  return [start, { x: start.x + bulge, y: yA }, { x: end.x + bulge, y: yB }, end];
}

/**
 * Arranges a map.
 * @param maxHeight pixels
 */
export function layOut(map: OverlayMap, area: PanelArea, maxHeight: number): Layout {
  const right = columns(map.nodes, map.links);
  const indexes = map.nodes.map((_, i) => i);
  const sides = [false, true].map((side) =>
    column(
      map,
      indexes.filter((i) => right[i] === side),
      side,
      area,
      maxHeight,
    ),
  );
  const labelled = map.links.length > 0 && map.links.length <= MAX_DOUBLE ? MIN_DOUBLE : 0;
  const height = Math.max(labelled, ...sides.map((boxes) => extent(boxes, area.y)));
  const boxes = sides.flatMap((side) => {
    const down = (height - extent(side, area.y)) / 2;
    return side.map((box) => ({ ...box, y: box.y + down }));
  });
  const byNode = new Map(boxes.map((box) => [box.node, box]));
  const drafts = strandsOf(map.links.filter(({ a, b }) => byNode.has(a) && byNode.has(b)));
  const positions = ends(drafts, byNode);
  const strands = drafts.flatMap((draft, i): Strand[] => {
    const a = byNode.get(draft.link.a);
    const b = byNode.get(draft.link.b);
    const pair = positions.get(i);
    return a === undefined || b === undefined || pair === undefined
      ? []
      : [{ ...draft, curve: curveOf(a, b, pair[0], pair[1]) }];
  });
  return { boxes, strands, moreNodes: map.moreNodes + map.nodes.length - boxes.length, height };
}
