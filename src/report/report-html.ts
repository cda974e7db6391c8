/** A report as one HTML page. */
import type { SurveyReport } from '../inspect/index.js';
import { baseName, networkIndex } from '../picture/internal.js';
import { byteText, secondsText } from '../text/quantity.js';
import { type PageHeading, pageText } from './page/page.js';
import { counted, grouped, percent, spanText } from './quantities.js';
import type { ReportContents } from './report-contents.js';
import { capturesSection } from './sections/captures.js';
import { conversationsSection } from './sections/conversations.js';
import { diagnosisSection, severityText, worstOf } from './sections/findings.js';
import { gossipSection } from './sections/gossip.js';
import { keysSection } from './sections/keys.js';
import { nodesOf, overlaySection } from './sections/overlay.js';
import { servicesSection } from './sections/services.js';
import { sizesSection } from './sections/sizes.js';
import { trafficSection } from './sections/traffic.js';

function titleOf({ files }: SurveyReport): string {
  const [first = 'No capture', ...others] = files.map(baseName);
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

function subtitleOf({ firstTime, lastTime }: SurveyReport): string {
  if (firstTime === null) return 'Captured at an unknown time';
  return spanText(firstTime, lastTime ?? firstTime);
}

function verdictOf(packets: number, wrong: Parameters<typeof severityText>[0]): PageHeading['verdict'] {
  const found = severityText(wrong);
  if (found !== '') return { text: found, severity: worstOf(wrong) };
  return packets === 0 ? { text: 'No packets', severity: 'note' } : { text: 'Nothing wrong found', severity: 'good' };
}

function headingOf({ survey, findings }: ReportContents): PageHeading {
  const { packets, bytes, durationSeconds, firstTime, networks, endpoints, esp, frames, tunnels } = survey;
  const wrong = findings ?? survey.problems;
  const espPackets = esp.reduce((sum, row) => sum + row.packets, 0);
  const tunnelled = tunnels.reduce((sum, row) => sum + Math.max(row.frames, row.espPackets), 0);
  return {
    title: titleOf(survey),
    subtitle: subtitleOf(survey),
    verdict: verdictOf(packets, wrong),
    figures: [
      ['Packets', grouped(packets)],
      ['On the wire', byteText(bytes)],
      ...(firstTime === null ? [] : [['Duration', secondsText(durationSeconds)] as const]),
      ['Nodes', grouped(nodesOf(survey).length)],
      // What is only in ESP that isn't decrypted can't be counted.
      ...(networks.length === 0 && espPackets > 0
        ? []
        : [['Networks', grouped(networks.length)] as const, ['Endpoints', grouped(endpoints.length)] as const]),
      ...(frames > 0 || espPackets > 0
        ? [['Encrypted', espPackets === 0 ? '0 %' : percent(espPackets, tunnelled)] as const]
        : []),
    ],
  };
}

/**
 * A capture's report as one HTML page, which needs no network: findings, overlay, throughput, conversations, sizes, keys,
 * services. It follows the reader's colour scheme, fits screens from 400 pixels on and paper, and can be used by keyboard and
 * screen reader. Tables are bounded, and count what they leave out, so that the page stays below 400 kB for ordinary captures
 * of any length.
 *
 * Texts from captures are escaped, what looks like a key is hidden, and the page's policy (CSP) allows no request and no
 * foreign script. The same contents give the same page.
 * @example
 * import { writeFile } from 'node:fs/promises';
 * import { batchesOf, openCaptureFile } from 'vtep/capture';
 * import { KeyTimeline, Survey } from 'vtep/inspect';
 * import { reportHtml } from 'vtep/report';
 *
 * const survey = new Survey({ flows: true });
 * const timeline = new KeyTimeline();
 * const source = await openCaptureFile('wire.pcap');
 * for await (const batch of batchesOf(source)) {
 *   survey.addBatch(batch);
 *   timeline.addBatch(batch);
 * }
 * await writeFile('report.html', reportHtml({ survey: survey.report(source), timeline: timeline.report() }));
 */
export function reportHtml(contents: ReportContents): string {
  const { survey, timeline, version } = contents;
  const index = networkIndex(survey.networks);
  const sections = [
    diagnosisSection(contents),
    overlaySection(survey, index),
    trafficSection(survey, index),
    conversationsSection(survey, index),
    sizesSection(survey),
    keysSection(survey, timeline),
    servicesSection(survey, index),
    gossipSection(survey),
    capturesSection(contents),
  ].filter((section) => section !== undefined);
  const by = version === undefined ? 'vtep' : `vtep ${version}`;
  return pageText(
    headingOf(contents),
    sections,
    `Made by ${by} from ${counted(survey.files.length, 'capture')}. Times are UTC.`,
  );
}
