/** The networks, and their throughput over time. */
import type { SurveyReport } from '../../inspect/index.js';
import {
  fillClass,
  type NetworkIndex,
  peakOf,
  throughputText,
  trafficLines,
  type TrafficLine,
  withoutZeros,
} from '../../picture/internal.js';
import { byteText, rateText, secondsText } from '../../text/quantity.js';
import { bar, type Column, dataTable, folded } from '../data-table.js';
import { isEmpty, type Markup, markup, NOTHING } from '../markup.js';
import { inUnit, offsetText, rateUnit, utcText } from '../quantities.js';
import { throughputChart } from '../throughput-chart.js';
import { card, keyed, type Section } from './section.js';

type Network = SurveyReport['networks'][number];

function security({ frames, encrypted }: Network): string {
  if (encrypted === 0) return 'clear';
  return encrypted >= frames ? 'encrypted' : 'partly encrypted';
}

function networkTable({ networks, timeSeries, durationSeconds }: SurveyReport, index: NetworkIndex): Markup {
  const most = networks.reduce((bytes, one) => Math.max(bytes, one.bytes), 0);
  const peaks = new Map(timeSeries?.networks.map(({ vni, bytes }) => [vni, peakOf(bytes)]));
  // Of a capture shorter than an interval, only the mean is known.
  const interval = Math.min(timeSeries?.intervalSeconds ?? 0, durationSeconds);
  const mean = ({ bytes }: Network): number | null => (durationSeconds > 0 ? (8 * bytes) / durationSeconds : null);
  const peak = ({ vni }: Network): number | null => {
    const bytes = peaks.get(vni);
    return bytes === undefined || interval === 0 ? null : (8 * bytes) / interval;
  };
  const rate = (bitsPerSecond: number | null): string => (bitsPerSecond === null ? '' : rateText(bitsPerSecond));
  return dataTable<Network>({
    caption: 'Networks',
    rest: 'networks with fewer bytes',
    rows: [...networks].sort((one, other) => other.bytes - one.bytes),
    columns: [
      {
        heading: 'VNI',
        cell: ({ vni }) => keyed(fillClass(index.get(vni)), vni),
        value: ({ vni }) => vni,
      },
      { heading: 'Traffic', cell: security },
      {
        heading: 'Bytes',
        kind: 'number',
        cell: ({ vni, bytes }) => [byteText(bytes), bar(bytes, most, fillClass(index.get(vni)))],
        value: ({ bytes }) => bytes,
      },
      { heading: 'Frames', kind: 'number', cell: ({ frames }) => frames },
      { heading: 'Mean', kind: 'number', optional: true, cell: (row) => rate(mean(row)), value: mean },
      { heading: 'Peak', kind: 'number', optional: true, cell: (row) => rate(peak(row)), value: peak },
      { heading: 'Endpoints', kind: 'number', cell: ({ endpoints }) => endpoints },
    ],
  });
}

/** The numbers of the chart. */
function seriesTable(lines: readonly TrafficLine[], intervalSeconds: number, id: string): Markup {
  const unit = rateUnit(lines.reduce((highest, { rates }) => Math.max(highest, peakOf(rates)), 0));
  const intervals = lines.reduce((most, { rates }) => Math.max(most, rates.length), 0);
  return dataTable<number>({
    id,
    unit: unit.name,
    sortable: false,
    most: intervals,
    caption: `Throughput in ${unit.name}, in intervals of ${withoutZeros(secondsText(intervalSeconds))}`,
    rows: Array.from({ length: intervals }, (_, i) => i),
    columns: [
      { heading: 'Time', kind: 'number', cell: (i) => offsetText(i * intervalSeconds) },
      ...lines.map(({ name, rates }): Column<number> => ({
        heading: name,
        kind: 'number',
        cell: (i) => inUnit(rates.at(i) ?? 0, unit),
      })),
    ],
  });
}

function overTime(survey: SurveyReport, index: NetworkIndex): Markup {
  const { timeSeries, firstTime } = survey;
  if (timeSeries === null) {
    return firstTime === null
      ? markup`<p>The packets have no times, so their throughput is not known.</p>
`
      : NOTHING;
  }
  const lines = trafficLines(timeSeries, index);
  if (lines.every(({ rates }) => peakOf(rates) === 0)) return NOTHING;
  const { intervalSeconds, startTime, networks, esp } = timeSeries;
  const id = 'throughput-table';
  const inside = networks.some(({ vni }) => vni !== null);
  const what = inside ? 'Bits of inner frames per second' : 'Bits per second';
  const sealed =
    esp === undefined ? '' : ' ESP that was not decrypted may belong to any network; its outer IP packets are counted.';
  return markup`<figure>
${throughputChart(timeSeries, lines, id, throughputText(timeSeries))}<figcaption>${what}, in intervals of ${withoutZeros(secondsText(intervalSeconds))} from ${utcText(startTime)}.${sealed}</figcaption></figure>
${folded('Throughput as a table', seriesTable(lines, intervalSeconds, id), 'data series')}`;
}

/** Throughput by network; undefined for captures without packets. */
export function trafficSection(survey: SurveyReport, index: NetworkIndex): Section | undefined {
  const content = [overTime(survey, index), networkTable(survey, index)];
  if (survey.packets === 0 || isEmpty(content)) return undefined;
  return {
    id: 'throughput',
    title: survey.networks.length > 0 ? 'Throughput by network' : 'Throughput',
    short: 'Throughput',
    content: card(content),
  };
}
