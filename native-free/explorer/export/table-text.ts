/** Tables as CSV and JSON, for spreadsheets and scripts. */

/** A column: its name, and a row's value. */
export interface TableColumn<Row> {
  readonly name: string;
  readonly value: (row: Row) => string | number | null;
}

/** Characters that make a spreadsheet take a cell for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** A cell of CSV (RFC 4180). A name from a capture must not run as a formula: it gets an apostrophe. */
function cell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Rows as CSV with a header line (RFC 4180). */
export function csvText<Row>(columns: readonly TableColumn<Row>[], rows: Iterable<Row>): string {
  const lines = [columns.map(({ name }) => cell(name)).join(',')];
  for (const row of rows) lines.push(columns.map(({ value }) => cell(value(row))).join(','));
  return `${lines.join('\r\n')}\r\n`;
}

/** Rows as a JSON array of objects. */
export function jsonText<Row>(columns: readonly TableColumn<Row>[], rows: Iterable<Row>): string {
  const objects = Array.from(rows, (row) => Object.fromEntries(columns.map(({ name, value }) => [name, value(row)])));
  return `${JSON.stringify(objects, undefined, 2)}\n`;
}
