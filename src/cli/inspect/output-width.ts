/** How wide a table may be. */

/** Width where nothing says otherwise: that of a classic terminal. */
const DEFAULT_WIDTH = 80;
const NARROWEST = 40;

/** Columns of the terminal that standard output is, else of the variable COLUMNS, else 80; at least 40. */
export function outputWidth(): number {
  const stated = process.stdout.isTTY ? process.stdout.columns : Number(process.env['COLUMNS']);
  return Number.isInteger(stated) && stated > 0 ? Math.max(NARROWEST, stated) : DEFAULT_WIDTH;
}
