/**
 * Pictures of captures as SVG: plain text, without dependencies, for files, pages and READMEs.
 *
 * {@link captureSvg} shows a whole capture, {@link topologySvg} nodes and the traffic between them,
 * {@link throughputSvg} networks over time. All draw the report of `Survey` (vtep/inspect).
 * @module vtep/picture
 */
export { captureSvg, MAX_PICTURE_HEIGHT } from './capture-picture.js';
export { throughputSvg } from './throughput.js';
export { topologySvg } from './topology.js';
