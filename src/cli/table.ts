/** Aligned text tables. */
import { plain } from '../text/plain-text.js';

/** A number with commas between thousands. */
export function grouped(value: number): string {
  return value.toString().replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** A column: its heading, and the alignment of its cells. */
export interface Column {
  readonly heading: string;
  readonly align: 'left' | 'right';
}

/** A text column. */
export function words(heading: string): Column {
  return { heading, align: 'left' };
}

/** A numeric column. */
export function numbers(heading: string): Column {
  return { heading, align: 'right' };
}

/** Lines of a table: the headings, then the rows. Each column is as wide as its widest cell. */
export function table(columns: readonly Column[], rows: readonly (readonly (string | number)[])[]): string[] {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? grouped(cell) : plain(cell))));
  const widths = columns.map(({ heading }, i) =>
    cells.reduce((width, row) => Math.max(width, row[i].length), heading.length),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (columns[i].align === 'left' ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd();
  return [columns.map((column) => column.heading), ...cells].map((row) => `  ${line(row)}`);
}
