/** What other rooms use of pictures beyond the public entry point. */
export { escapeXml, FONT, pixels } from './markup.js';
export { type NetworkIndex, networkIndex, ownColours } from './network-colours.js';
export { byAddress, linkBytes, overlayMap, type OverlayMap } from './overlay-map.js';
export { colourVariables, NARROW_CLASS, pageStyleSheet } from './page-theme.js';
export { rateScale, timeTicks, withoutZeros } from './scale.js';
export { type Colours, DARK, edgeClass, fillClass, LIGHT, NETWORK_COLOURS } from './theme.js';
export { throughputText } from './throughput.js';
export { baseName, topologyFigure } from './topology.js';
export { peakOf, stepOutline, trafficLines, type TrafficLine } from './traffic-lines.js';
