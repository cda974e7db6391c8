/** Tables of a report, each with a title. */
import { type Line, styled } from '../style.js';
import { type Cell, type Column, grouped, table } from '../table.js';

/** A consumer of lines. */
export interface LineOutput {
  line(line: Line): void;
}

/**
 * Prints a table with a title, unless it is empty.
 * @param most maximum number of rows; 0 for all
 */
export function section(output: LineOutput, title: string, columns: Column[], rows: Cell[][], most: number): void {
  if (rows.length === 0) return;
  output.line('');
  output.line([styled(title, 'bold')]);
  const shown = most > 0 ? rows.slice(0, most) : rows;
  for (const line of table(columns, shown)) output.line(line);
  if (shown.length < rows.length) {
    output.line(`  ... and ${grouped(rows.length - shown.length)} more (--rows 0 shows all)`);
  }
}
