/**
 * Pictures of captures as SVG: plain text, without dependencies, for files, pages and READMEs.
 * @module vtep/picture
 */
export { captureSvg, MAX_PICTURE_HEIGHT } from './capture-picture.js';
export { throughputSvg } from './throughput.js';
export { topologySvg } from './topology.js';
