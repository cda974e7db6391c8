/** Packet sizes, what the overlay adds to the frames, and fragments. */
import type { SurveyReport } from '../../inspect/index.js';
import { byteText } from '../../text/quantity.js';
import { bar, type Column, dataTable } from '../data-table.js';
import { Markup, markup, NOTHING } from '../markup.js';
import { type Overhead, overheadOf } from '../overhead.js';
import { counted, grouped, percent } from '../quantities.js';
import { card, type Section, swatch } from './section.js';

interface Share {
  readonly name: string;
  readonly look: string;
  readonly bytes: number;
  /** Whether it is part of the overhead, and so worth an average. */
  readonly each: boolean;
}

function sharesOf({ inner, headers, esp, sealed, other, frames }: Overhead): Share[] {
  const outer = frames > 0 ? 'VXLAN, UDP, IP and link headers' : 'Link headers and the rest';
  return [
    { name: 'Inner frames', look: 'fill0', bytes: inner, each: true },
    { name: esp === null ? `${outer}, and ESP` : outer, look: 'fill1', bytes: headers, each: frames > 0 },
    { name: 'ESP', look: 'fill3', bytes: esp ?? 0, each: true },
    { name: 'ESP, not decrypted', look: 'fill', bytes: sealed, each: false },
    { name: 'Other traffic', look: 'fill-line', bytes: other, each: false },
  ].filter(({ bytes }) => bytes > 0);
}

/** One bar, divided. */
function stackedBar(shares: readonly Share[], whole: number): Markup {
  let x = 0;
  const parts = shares.map(({ look, bytes }) => {
    const width = (100 * bytes) / whole;
    const part = `<rect class="${look}" x="${x.toFixed(2)}%" width="${width.toFixed(2)}%" height="100%"/>`;
    x += width;
    return part;
  });
  return new Markup(`<svg class="stack" aria-hidden="true">${parts.join('')}</svg>`);
}

function overheadPart(survey: SurveyReport): Markup {
  const overhead = overheadOf(survey);
  const { frames, inner, headers, esp, uncertain } = overhead;
  const shares = sharesOf(overhead);
  const whole = shares.reduce((sum, { bytes }) => sum + bytes, 0);
  if (whole === 0) return NOTHING;
  const added = headers + (esp ?? 0);
  const sentence =
    frames === 0
      ? markup`<p>None of the traffic was decapsulated, so the share of the overhead is not known.</p>`
      : markup`<p>The overlay adds <strong>${percent(added, inner)}</strong> to the containers' bytes: ${(added / frames).toFixed(1)} bytes to each of ${counted(frames, 'frame')}, whose mean is ${(inner / frames).toFixed(0)} bytes.</p>`;
  return markup`<h3>Overhead</h3>
${sentence}
${stackedBar(shares, whole)}
${dataTable<Share>({
  caption: 'Bytes on the wire by purpose',
  sortable: false,
  rows: shares,
  columns: [
    { heading: 'Part', cell: ({ name, look }) => [swatch(look), ' ', name] },
    { heading: 'Bytes', kind: 'number', cell: ({ bytes }) => byteText(bytes) },
    { heading: 'Share', kind: 'number', cell: ({ bytes }) => percent(bytes, whole) },
    {
      heading: 'Per frame',
      kind: 'number',
      optional: true,
      cell: ({ bytes, each }) => (each && frames > 0 ? `${(bytes / frames).toFixed(1)} B` : ''),
    },
  ],
})}${
    uncertain === 0
      ? NOTHING
      : markup`<p class="more">${counted(uncertain, 'packet')} dropped, incomplete or filtered: their bytes are among the headers.</p>
`
  }`;
}

interface SizeRow {
  readonly bytes: string;
  readonly wire: number;
  readonly inner: number;
}

function sizesPart({ sizes: { wire, inner } }: SurveyReport): Markup {
  const rows = wire.classes
    .map(({ bytes, count }, i): SizeRow => ({ bytes, wire: count, inner: inner.classes.at(i)?.count ?? 0 }))
    .filter((row) => row.wire + row.inner > 0)
    .map((row) => ({ ...row, bytes: row.bytes.replace('-', '–') }));
  const most = rows.reduce((highest, row) => Math.max(highest, row.wire, row.inner), 0);
  const column = (heading: string, of: 'wire' | 'inner', whole: number, look: string): Column<SizeRow> => ({
    heading,
    kind: 'number',
    optional: true,
    cell: (row) =>
      whole === 0
        ? ''
        : markup`${grouped(row[of])} <span class="share">${percent(row[of], whole)}</span>${bar(row[of], most, look)}`,
  });
  const range = ({ smallest, largest, mean }: typeof wire): string =>
    smallest === largest
      ? `${counted(smallest, 'byte')} each`
      : `${grouped(smallest)} to ${grouped(largest)} bytes, ${grouped(Math.round(mean))} on average`;
  return markup`<h3>Packet sizes</h3>
<p>On the wire: ${range(wire)}${inner.count > 0 ? `; inner frames: ${range(inner)}` : ''}.</p>
${dataTable<SizeRow>({
  caption: 'Packets by size',
  sortable: false,
  rows,
  columns: [
    { heading: 'Bytes', cell: ({ bytes }) => markup`<span class="keyed">${bytes}</span>` },
    column('On the wire', 'wire', wire.count, 'fill'),
    column('Inner frames', 'inner', inner.count, 'fill0'),
  ],
})}`;
}

function fragmentsPart({ fragments: { fragments, reassembled, held, inner } }: SurveyReport): Markup {
  const sentences = [
    fragments === 0
      ? 'No packet between the nodes was fragmented.'
      : `${counted(fragments, 'outer fragment')}: ${reassembled === 0 ? 'no packet could be reassembled' : `reassembled into ${counted(reassembled, 'packet')}`}${held === 0 ? '' : `, ${counted(held, 'fragment')} of incomplete packets`}.`,
    ...(inner === 0
      ? []
      : [
          `${counted(inner, 'inner packet')} ${inner === 1 ? 'is a fragment' : 'are fragments'}, sent by the containers.`,
        ]),
  ];
  return markup`<h3>Fragments</h3>
<p>${sentences.join(' ')}</p>
`;
}

/** Sizes, overhead and fragments; undefined for captures without packets. */
export function sizesSection(survey: SurveyReport): Section | undefined {
  if (survey.packets === 0) return undefined;
  return {
    id: 'sizes',
    title: 'Packet sizes and overhead',
    short: 'Sizes',
    content: card(overheadPart(survey), sizesPart(survey), fragmentsPart(survey)),
  };
}
