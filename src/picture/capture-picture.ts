/** A capture at a glance: its overlay, its throughput, and its largest conversations. */
import type { SurveyReport } from '../inspect/index.js';
import { byteText, secondsText } from '../text/quantity.js';
import { conversationsPanel } from './conversations.js';
import { letters } from './letters.js';
import { foreign } from './markup.js';
import { type NetworkIndex, networkIndex } from './network-colours.js';
import { overlayMap } from './overlay-map.js';
import { MARGIN, type Panel, type PanelArea, sheet, WIDTH } from './sheet.js';
import { Size } from './theme.js';
import { throughputPanel, throughputText } from './throughput.js';
import { baseName, networkLegend, topologyPanel, topologyText } from './topology.js';

/** Maximum height of the picture in pixels. */
export const MAX_PICTURE_HEIGHT = 520;
const CONVERSATIONS = 3;
const BETWEEN = 22;
const PLOT = 96;
/** Height of the lower half: three conversations. */
const LOWER = 152;

function subtitle({ packets, bytes, durationSeconds, firstTime }: SurveyReport): { wide: string; narrow: string } {
  const count = `${packets.toLocaleString('en-US')} packet${packets === 1 ? '' : 's'}`;
  const parts = [count, byteText(bytes), ...(firstTime === null ? [] : [secondsText(durationSeconds)])];
  const time = firstTime === null ? [] : [`${firstTime.slice(0, 10)} ${firstTime.slice(11, 19)} UTC`];
  return { wide: [...parts, ...time].join(' · '), narrow: parts.join(' · ') };
}

function hasOtherTraffic({ timeSeries }: SurveyReport): boolean {
  return timeSeries?.networks.some(({ vni }) => vni === null) === true;
}

/** Throughput on the left and conversations on the right, or whatever there is of them. */
function lowerPanel(report: SurveyReport, index: NetworkIndex, area: PanelArea): Panel {
  const conversations = report.flows?.conversations ?? [];
  const { timeSeries } = report;
  const half = { ...area, width: (area.width - BETWEEN) / 2 };
  const panels: Panel[] = [];
  if (timeSeries !== null) {
    const whole = conversations.length === 0;
    panels.push(throughputPanel(timeSeries, index, whole ? area : half, PLOT, 'Throughput'));
  }
  if (conversations.length > 0) {
    const at = timeSeries === null ? area : { ...half, x: area.x + half.width + BETWEEN };
    panels.push(conversationsPanel(conversations, index, at, CONVERSATIONS));
  }
  return {
    height: panels.reduce((height, panel) => Math.max(height, panel.height), 0),
    markup: panels.flatMap(({ markup }) => markup),
  };
}

/**
 * A picture of a capture as SVG: what a README, a ticket or a chat can show. 800 pixels wide and at most 520 high, with
 * larger and fewer letters where it is shown at half its width, and in the reader's colour scheme. It shows the nodes with
 * their endpoints and the traffic between them, throughput by network, and if the survey listed conversations, the three
 * largest. What has no space is counted ("and 12 more").
 * @param report of `Survey`, with `flows` for the conversations
 * @example
 * import { writeFile } from 'node:fs/promises';
 * import { batchesOf, openCaptureFile } from 'vtep/capture';
 * import { Survey } from 'vtep/inspect';
 * import { captureSvg } from 'vtep/picture';
 *
 * const survey = new Survey({ flows: true });
 * const source = await openCaptureFile('wire.pcap');
 * for await (const batch of batchesOf(source)) survey.addBatch(batch);
 * await writeFile('capture.svg', captureSvg(survey.report(source)));
 */
export function captureSvg(report: SurveyReport): string {
  const map = overlayMap(report);
  const index = networkIndex(report.networks);
  const width = WIDTH - 2 * MARGIN;
  const title = foreign(baseName(report.file));
  const { wide, narrow } = subtitle(report);
  let y = MARGIN + 46;
  const markup = [
    letters(MARGIN, MARGIN + 14, title, { size: Size.Title, look: 'strong', room: width, narrowY: MARGIN + 17 }),
    letters(MARGIN, MARGIN + 34, wide, { size: Size.Small, look: 'faint', room: width, narrow, narrowY: MARGIN + 40 }),
  ];
  const legend = networkLegend(map, index, { x: MARGIN, y: y + 14, width }, hasOtherTraffic(report));
  if (legend !== '') {
    markup.push(legend);
    y += 34;
  }
  const topology = topologyPanel(
    map,
    index,
    { x: MARGIN, y: y + 4, width },
    MAX_PICTURE_HEIGHT - y - LOWER - BETWEEN - MARGIN,
  );
  y += topology.height + BETWEEN;
  const lower = lowerPanel(report, index, { x: MARGIN, y, width });
  const description = [
    `${wide}.`,
    topologyText(map),
    ...(report.timeSeries === null ? [] : [throughputText(report.timeSeries)]),
  ].join(' ');
  return sheet(
    { id: 'vtep-capture', title: `Capture ${title}`, description },
    Math.ceil(y + lower.height + MARGIN - 4),
    [...markup, ...topology.markup, ...lower.markup],
  );
}
