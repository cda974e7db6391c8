/** Aligned text tables that fit a width. */
import { plain } from '../text/plain-text.js';
import { outputScreen } from './streams.js';
import { cutText, type Line, type Span, type Style, styled, wrapped } from './style.js';

/** A number with commas between thousands. */
export function grouped(value: number): string {
  return value.toString().replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

const PREFIXES = ['k', 'M', 'G', 'T', 'P'];

/** A number with three significant digits from 10,000 on: 83.2k, 1.05M. */
export function compact(value: number): string {
  if (!(value >= 10_000) || value === Infinity) return grouped(value);
  let scaled = value;
  let prefix = '';
  for (const next of PREFIXES) {
    // 999.5 would be rounded up to four digits.
    if (scaled < 999.5) break;
    scaled /= 1000;
    prefix = next;
  }
  const digits = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
  return `${scaled.toFixed(digits)}${prefix}`;
}

/** What happens to a column in a table that is too wide, and how its cells look. */
export interface ColumnOptions {
  /**
   * Columns are left out in the order of this number, the lowest first. A line below the table names them.
   * @default undefined: the column is never left out
   */
  readonly keep?: number;
  /**
   * How the column becomes narrower: text ends in an ellipsis (`end`) or is wrapped (`wrap`, only the last column);
   * numbers get three significant digits (`compact`).
   * @default undefined: it doesn't
   */
  readonly shorten?: 'end' | 'wrap' | 'compact';
  /**
   * Width down to which text is shortened before a column is left out.
   * @default 12
   */
  readonly least?: number;
  /**
   * Style of the cells, except those that are zero or empty.
   * @default undefined: none
   */
  readonly style?: Style;
  /**
   * Whether the column is left out if all of its cells are empty.
   * @default false
   */
  readonly optional?: boolean;
}

/** A column: its heading, and the alignment of its cells. */
export interface Column extends ColumnOptions {
  readonly heading: string;
  readonly align: 'left' | 'right';
}

/** A cell: a number, which is grouped, or text. */
export type Cell = string | number | Span;

/** A text column. */
export function words(heading: string, options: ColumnOptions = {}): Column {
  return { heading, align: 'left', ...options };
}

/** A numeric column. */
export function numbers(heading: string, options: ColumnOptions = {}): Column {
  return { heading, align: 'right', ...options };
}

/** A column of addresses: an IPv4 address is never shortened. */
export function addresses(heading: string, options: ColumnOptions = {}): Column {
  return { heading, align: 'left', shorten: 'end', least: 15, ...options };
}

/** A last column of remarks: wrapped if necessary, and left out if there are none. */
export function remarks(heading: string): Column {
  return { heading, align: 'left', shorten: 'wrap', least: 24, optional: true };
}

const INDENT = 2;
const GAP = 2;
const LEAST = 12;

/** A cell's texts, in full and compact, and its style. */
interface Shown {
  readonly full: string;
  readonly short: string;
  readonly style: Style | undefined;
}

/** Which columns are shown, how wide, and whether numbers are compact. */
interface Layout {
  readonly shown: readonly number[];
  readonly widths: readonly number[];
  readonly short: boolean;
}

/**
 * Lines of a table: the headings, then the rows. Each column is as wide as its widest cell, if the table then fits.
 * @param width maximum length of a line. Default: what the invocation's standard output shows
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width = outputScreen().columns,
): Line[] {
  const cells = rows.map((row) => row.map((cell, i) => shownCell(cell, columns[i])));
  const present = columns.flatMap(({ optional }, i) =>
    optional === true && cells.every((row) => row[i].full === '') ? [] : [i],
  );
  const layout = fit(columns, cells, present, width);
  const heads = columns.map(({ heading }): Shown => ({ full: heading, short: heading, style: 'dim' }));
  const lines = [heads, ...cells].flatMap((row) => rowLines(columns, row, layout, width));
  const gone = present.filter((i) => !layout.shown.includes(i)).map((i) => columns[i].heading);
  return [...lines, ...notShown(gone, total(natural(columns, cells, present, false)), width)];
}

/**
 * Lines below a table that name the columns left out.
 * @param headings those of the missing columns
 * @param whole width in which all columns fit
 * @param width maximum length of a line
 */
export function notShown(headings: readonly string[], whole: number, width: number): Line[] {
  if (headings.length === 0) return [];
  const note = `  (not shown: ${headings.join(', ')}; COLUMNS=${whole} shows all)`;
  return wrapped(note, width, 1).map((line) => [styled(line, 'dim')]);
}

function shownCell(cell: Cell, column: Column): Shown {
  if (typeof cell === 'number') {
    return { full: grouped(cell), short: compact(cell), style: cell === 0 ? 'dim' : column.style };
  }
  const text = plain(typeof cell === 'string' ? cell : cell.text);
  const style = typeof cell === 'string' ? (text === '-' || text === '0' ? 'dim' : column.style) : cell.style;
  return { full: text, short: text, style };
}

function textOf(cell: Shown, { shorten }: Column, short: boolean): string {
  return short && shorten === 'compact' ? cell.short : cell.full;
}

/** The widths of columns whose cells aren't shortened, except for numbers if `short`. */
function natural(
  columns: readonly Column[],
  cells: readonly (readonly Shown[])[],
  shown: readonly number[],
  short: boolean,
): number[] {
  return shown.map((i) =>
    cells.reduce(
      (widest, row) => Math.max(widest, textOf(row[i], columns[i], short).length),
      columns[i].heading.length,
    ),
  );
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, INDENT + GAP * Math.max(0, widths.length - 1));
}

/** Prefers all columns: with full numbers, with compact ones, with shorter text; then leaves out one after another. */
function fit(
  columns: readonly Column[],
  cells: readonly (readonly Shown[])[],
  present: readonly number[],
  width: number,
): Layout {
  const leaving = present
    .filter((i) => columns[i].keep !== undefined)
    .sort((a, b) => (columns[a].keep ?? 0) - (columns[b].keep ?? 0));
  for (let gone = 0; ; gone++) {
    const shown = present.filter((i) => !leaving.slice(0, gone).includes(i));
    for (const short of [false, true]) {
      const widths = natural(columns, cells, shown, short);
      if (total(widths) <= width) return { shown, widths, short };
    }
    const widths = natural(columns, cells, shown, true);
    const last = gone === leaving.length;
    const narrow = narrowed(columns, shown, widths, width, last);
    if (last || total(narrow) <= width) return { shown, widths: narrow, short: true };
  }
}

/** Takes columns from the widest texts, down to their least width, or to nearly nothing if there is no other way. */
function narrowed(
  columns: readonly Column[],
  shown: readonly number[],
  widths: readonly number[],
  width: number,
  desperate: boolean,
): number[] {
  const narrow = [...widths];
  const floors = [(i: number): number => columns[i].least ?? LEAST, ...(desperate ? [(): number => 4] : [])];
  for (const floor of floors) {
    while (total(narrow) > width) {
      let widest = -1;
      shown.forEach((column, i) => {
        const { shorten } = columns[column];
        if (shorten !== 'end' && shorten !== 'wrap') return;
        if (narrow[i] > floor(column) && (widest < 0 || narrow[i] > narrow[widest])) widest = i;
      });
      if (widest < 0) break;
      narrow[widest]--;
    }
  }
  return narrow;
}

/** The lines of a row: more than one if its last cell is wrapped. */
function rowLines(
  columns: readonly Column[],
  row: readonly Shown[],
  { shown, widths, short }: Layout,
  width: number,
): Line[] {
  const line: (string | Span)[] = [];
  let blank = INDENT;
  let length = 0;
  let further: string[] = [];
  shown.forEach((column, i) => {
    const { align, shorten } = columns[column];
    let text = textOf(row[column], columns[column], short);
    if (text.length > widths[i]) {
      const broken = shorten === 'wrap' ? wrapped(text, widths[i], 0) : [];
      text = broken.length > 0 ? broken[0] : cutText(text, widths[i]);
      further = broken.slice(1).map((rest) => ' '.repeat(Math.max(0, length + blank)) + rest);
    }
    const padding = widths[i] - text.length;
    if (align === 'right') blank += padding;
    if (text !== '') {
      const room = width - length - blank;
      if (room <= 0) return;
      const cut = shorten === 'wrap' ? text : cutText(text, room);
      const { style } = row[column];
      line.push(' '.repeat(blank), style === undefined ? cut : styled(cut, style));
      length += blank + cut.length;
      blank = 0;
    }
    blank += GAP + (align === 'left' ? padding : 0);
  });
  return [line, ...further];
}
