/** Tables: captioned, sortable, and of bounded length. */
import { isEmpty, Markup, markup, NOTHING, type Part, written } from './markup.js';
import { grouped } from './quantities.js';

/** Maximum number of rows of a table. */
export const MAX_ROWS = 60;

/** A column. */
export interface Column<Row> {
  readonly heading: string;
  /** `number`: aligned at its end, and sorted by value. `code`: addresses and names. @default text */
  readonly kind?: 'number' | 'code';
  readonly cell: (row: Row) => Part;
  /** What it is sorted by, where the text of the cell doesn't say. */
  readonly value?: (row: Row) => number | null;
  /** Whether the column is left out if it is empty in every row. @default false */
  readonly optional?: boolean;
}

/** A table. */
export interface DataTable<Row> {
  /** What it is: for screen readers, as the heading above it says it too. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  /** Those that matter most first. */
  readonly rows: readonly Row[];
  /** @default MAX_ROWS */
  readonly most?: number;
  /** What the rows that aren't shown are: `conversations with fewer bytes`. */
  readonly rest?: string;
  /** @default none */
  readonly id?: string;
  /** Whether its rows can be sorted. @default true */
  readonly sortable?: boolean;
  /** Unit of its numbers, for the script; all of its cells are numbers. @default none */
  readonly unit?: string;
}

const CLASSES = { number: 'n', code: 'c' } as const;

function classOf(kind: 'number' | 'code' | undefined): Part {
  return kind === undefined ? '' : new Markup(` class="${CLASSES[kind]}"`);
}

function cellOf<Row>({ kind, cell, value }: Column<Row>, row: Row, first: boolean, plain: boolean): Markup {
  const part = cell(row);
  const shown = typeof part === 'number' ? grouped(part) : part;
  const sorted = value?.(row);
  const data = sorted === undefined || sorted === null ? '' : new Markup(` data-v="${Number(sorted.toPrecision(9))}"`);
  return first
    ? markup`<th scope="row"${classOf(kind)}${data}>${shown}</th>`
    : markup`<td${plain ? '' : classOf(kind)}${data}>${shown}</td>`;
}

/** A table in a region that scrolls where it is too narrow; nothing without rows. */
export function dataTable<Row>(table: DataTable<Row>): Markup {
  const { caption, rows, most = MAX_ROWS, rest = 'more', id, sortable = true, unit } = table;
  if (rows.length === 0) return NOTHING;
  const shown = rows.slice(0, most);
  const columns = table.columns.filter(
    ({ optional, cell }) => optional !== true || shown.some((row) => !isEmpty(cell(row))),
  );
  const heads = columns.map(({ heading, kind }) => markup`<th scope="col"${classOf(kind)}>${heading}</th>`);
  const lines = shown.map(
    (row) => markup`<tr>${columns.map((column, i) => cellOf(column, row, i === 0, unit !== undefined))}</tr>
`,
  );
  const attributes = [
    id === undefined ? '' : ` id="${written(id)}"`,
    sortable ? ' data-sortable' : '',
    unit === undefined ? '' : ` class="numbers" data-unit="${written(unit)}"`,
  ].join('');
  return markup`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table${new Markup(attributes)}>
<caption>${caption}</caption>
<thead><tr>${heads}</tr></thead>
<tbody>
${lines}</tbody></table></div>
${moreRows(rows.length - shown.length, rest)}`;
}

/** A line that counts what isn't shown; nothing for none. */
export function moreRows(count: number, rest: string): Markup {
  return count <= 0
    ? NOTHING
    : markup`<p class="more">and ${grouped(count)} ${rest}</p>
`;
}

/** A bar for a part of a whole, in the colour of a class. */
export function bar(part: number, whole: number, look = 'fill0'): Markup {
  const share = whole > 0 ? Math.min(100, (100 * part) / whole) : 0;
  return new Markup(`<svg class="bar" aria-hidden="true"><rect class="${look}" width="${share.toFixed(1)}%"/></svg>`);
}

/**
 * A table that is shown on demand, and on paper.
 * @param look `data series` for one that paper doesn't need, as its chart says the same
 */
export function folded(summary: string, content: Markup, look: 'data' | 'data series' = 'data'): Markup {
  return isEmpty(content)
    ? NOTHING
    : markup`<details class="${look}"><summary>${summary}</summary>
${content}</details>
`;
}
