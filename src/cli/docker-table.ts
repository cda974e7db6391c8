/** Tables as Docker prints them: scripts read their columns, so a line is never wrapped. */
import { plain } from '../text/plain-text.js';
import type { TextOutput } from './text-output.js';

/** Docker's: a cell has at least 10 characters, and 3 spaces follow it. */
const LEAST = 10;
const GAP = 3;

/** Writes a table. A cell that is empty shows as it is, as in Docker's. */
export function dockerTable(
  output: TextOutput,
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const lines = [headings, ...rows.map((row) => row.map(plain))];
  const widths = headings.map((_, column) =>
    lines.reduce((widest, line) => Math.max(widest, line[column].length), LEAST - GAP),
  );
  for (const line of lines) {
    output.packet(
      line
        .map((cell, i) => (i < line.length - 1 ? cell.padEnd(widths[i] + GAP) : cell))
        .join('')
        .trimEnd(),
    );
  }
}

/** Spaces of a level in Docker's JSON. */
export const DOCKER_INDENT = 4;

const NATURAL = new Intl.Collator('en', { numeric: true });

/** Docker's order of a list: `web-2` comes before `web-10`. */
export function byName(one: { readonly name: string }, other: { readonly name: string }): number {
  return NATURAL.compare(one.name, other.name);
}

const SHORT_ID = 12;

/** An id as Docker's tables show it. */
export function shortId(id: string, whole: boolean): string {
  return whole ? id : id.slice(0, SHORT_ID);
}
