/** Where the nodes of a map are: on an ellipse, in the order of their addresses, so that they stay while a selection changes. */

/** A place in the picture, and the direction away from its centre. */
export interface Placed {
  readonly x: number;
  readonly y: number;
  /** Cosine and sine of the angle from the centre. */
  readonly cos: number;
  readonly sin: number;
}

/** Size of a picture, and its margins for labels. */
export interface MapFrame {
  readonly width: number;
  readonly height: number;
  readonly marginX: number;
  readonly marginY: number;
}

/** Places of `count` nodes. Two nodes are side by side; more begin at the top, clockwise. */
export function placeNodes(count: number, { width, height, marginX, marginY }: MapFrame): Placed[] {
  const radiusX = Math.max(40, width / 2 - marginX);
  const radiusY = Math.max(40, height / 2 - marginY);
  const start = count <= 2 ? Math.PI : -Math.PI / 2;
  return Array.from({ length: count }, (_, i) => {
    const angle = start + (2 * Math.PI * i) / Math.max(1, count);
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const [x, y] = count === 1 ? [width / 2, height / 2] : [width / 2 + radiusX * cos, height / 2 + radiusY * sin];
    return { x, y, cos, sin };
  });
}

/** A line between two places that bends towards the centre. */
export function curveBetween(a: Placed, b: Placed, { width, height }: MapFrame): string {
  const round = (value: number): string => value.toFixed(1);
  const x = (a.x + b.x) / 2 + (width / 2 - (a.x + b.x) / 2) * 0.35;
  const y = (a.y + b.y) / 2 + (height / 2 - (a.y + b.y) / 2) * 0.35;
  return `M${round(a.x)} ${round(a.y)} Q${round(x)} ${round(y)} ${round(b.x)} ${round(b.y)}`;
}

/** Places around a node, on the side away from the centre, in rings of up to `perRing`. */
export function placeAround(node: Placed, count: number, radius: number, distance: number): { x: number; y: number }[] {
  const perRing = 9;
  const away = Math.atan2(node.sin, node.cos);
  return Array.from({ length: count }, (_, i) => {
    const ring = Math.floor(i / perRing);
    const inRing = Math.min(perRing, count - ring * perRing);
    const step = Math.PI / perRing;
    const angle = away + ((i % perRing) - (inRing - 1) / 2) * step;
    const far = radius + distance * (ring + 1);
    return { x: node.x + far * Math.cos(angle), y: node.y + far * Math.sin(angle) };
  });
}
