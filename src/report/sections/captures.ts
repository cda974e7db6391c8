/** The captures themselves: files, where every packet went, checksums, traffic outside the overlay. */
import type { SurveyReport } from '../../inspect/index.js';
import { byteText } from '../../text/quantity.js';
import { dataTable, folded, moreRows } from '../data-table.js';
import { type Markup, markup, NOTHING } from '../markup.js';
import { counted, grouped, percent, spanText } from '../quantities.js';
import type { ReportContents } from '../report-contents.js';
import { card, type Section } from './section.js';

const MAX_FILES = 20;
const MAX_KINDS = 30;

function filesPart({ files, format, linkTypes, firstTime, lastTime }: SurveyReport): Markup {
  const what = `${format}, ${linkTypes.join(', ') || 'no packets'}`;
  const time = firstTime === null ? 'no times' : spanText(firstTime, lastTime ?? firstTime);
  return markup`<ul class="files">${files.slice(0, MAX_FILES).map((file) => markup`<li><code>${file}</code></li>`)}</ul>
${moreRows(files.length - MAX_FILES, 'more files')}<p>${what}; ${time}.</p>
`;
}

interface Destination {
  readonly name: string;
  readonly packets: number;
}

function accountingPart({ packets, accounting }: SurveyReport): Markup {
  if (packets === 0) return NOTHING;
  const { inFrames, esp, other, held, filtered, dropped } = accounting;
  const rows: Destination[] = [
    { name: 'with inner frames', packets: inFrames },
    { name: 'ESP without keys', packets: esp },
    { name: 'other traffic', packets: other },
    { name: 'fragments of incomplete packets', packets: held },
    { name: 'of other networks (--vni)', packets: filtered },
    ...Object.entries(dropped).map(([reason, count]) => ({ name: `dropped: ${reason}`, packets: count })),
  ].filter((row) => row.packets > 0);
  return markup`<h3>Where the packets went</h3>
<p>${counted(packets, 'packet')}, each counted once.</p>
${dataTable<Destination>({
  caption: 'Packets by what became of them',
  rows,
  columns: [
    { heading: 'Packets', cell: ({ name }) => name },
    { heading: 'Count', kind: 'number', cell: (row) => row.packets },
    { heading: 'Share', kind: 'number', cell: (row) => percent(row.packets, packets), value: (row) => row.packets },
  ],
})}`;
}

type Checksum = SurveyReport['checksums'][number];
type Other = SurveyReport['otherTraffic'][number];

function checksumsPart({ checksums }: SurveyReport): Markup {
  const rows = checksums.filter(({ good, absent, partial, bad }) => good + absent + partial + bad > 0);
  if (rows.length === 0) return NOTHING;
  const count = (value: number): string => (value === 0 ? '' : grouped(value));
  return markup`<h3>Checksums</h3>
${dataTable<Checksum>({
  caption: 'Checksums by kind',
  rows,
  columns: [
    { heading: 'Checksum', cell: ({ name }) => name },
    { heading: 'Good', kind: 'number', cell: ({ good }) => count(good) },
    { heading: 'None', kind: 'number', optional: true, cell: ({ absent }) => count(absent) },
    { heading: 'Partial', kind: 'number', optional: true, cell: ({ partial }) => count(partial) },
    { heading: 'Bad', kind: 'number', optional: true, cell: ({ bad }) => count(bad) },
  ],
})}`;
}

function otherPart({ otherTraffic }: SurveyReport): Markup {
  if (otherTraffic.length === 0) return NOTHING;
  return markup`<h3>Traffic outside the overlay</h3>
${dataTable<Other>({
  caption: 'Traffic outside the overlay',
  rest: 'kinds with fewer packets',
  most: MAX_KINDS,
  rows: otherTraffic,
  columns: [
    { heading: 'Kind', cell: ({ name }) => name },
    { heading: 'Packets', kind: 'number', cell: ({ packets }) => packets },
    { heading: 'Bytes', kind: 'number', cell: ({ bytes }) => byteText(bytes), value: ({ bytes }) => bytes },
  ],
})}`;
}

/** What the survey noticed. Findings say what is wrong; this explains numbers, such as those of packets out of order. */
function notesPart({ problems }: SurveyReport): Markup {
  const rows = problems.slice(0, MAX_KINDS).map(
    ({
      count,
      code,
      message,
    }) => markup`<li><strong>${grouped(count)}</strong> ${message} <code class="tag">${code}</code></li>
`,
  );
  return folded(
    counted(problems.length, 'note on the packets', 'notes on the packets'),
    rows.length === 0 ? NOTHING : markup`<ul class="notes">${rows}</ul>`,
  );
}

/** The captures. */
export function capturesSection({ survey, findings }: ReportContents): Section {
  return {
    id: 'captures',
    title: survey.files.length === 1 ? 'The capture' : 'The captures',
    content: card(
      filesPart(survey),
      accountingPart(survey),
      checksumsPart(survey),
      otherPart(survey),
      // Without findings, they are the first section.
      findings === undefined ? NOTHING : notesPart(survey),
    ),
  };
}
