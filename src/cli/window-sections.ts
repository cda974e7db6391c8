/** Sections that share the lines of a window: each gets a part of its rows. */
import { type Line, styled } from './style.js';
import { type Cell, type Column, grouped, table } from './table.js';

/** A size in characters. */
export interface WindowSize {
  readonly rows: number;
  readonly columns: number;
}

/** A table with a title. */
export interface WindowSection {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

/** A section's title and headings, and the empty line above. */
const SECTION_LINES = 3;

/**
 * The lines for a window: a head, the sections that have rows, and a last line at its bottom.
 * @param foot the last line
 */
export function windowLines(
  head: readonly Line[],
  all: readonly WindowSection[],
  foot: Line,
  { rows, columns }: WindowSize,
): Line[] {
  const sections = all.filter((section) => section.rows.length > 0);
  const room = shares(sections, rows - 1 - head.length);
  const body = sections.flatMap((section, i) => sectionLines(section, room[i], columns));
  const shown = [...head, ...body].slice(0, Math.max(1, rows - 1));
  const empty = Array.from({ length: Math.max(0, rows - 1 - shown.length) }, () => '');
  return [...shown, ...empty, foot];
}

/** Rows of each section for a number of lines: one each if possible, in order; then in turn, as many as there are. */
function shares(sections: readonly WindowSection[], lines: number): number[] {
  let left = lines;
  const shown = sections.map(() => {
    if (left <= SECTION_LINES) return 0;
    left -= SECTION_LINES + 1;
    return 1;
  });
  for (let gave = true; gave && left > 0;) {
    gave = false;
    sections.forEach(({ rows }, i) => {
      if (left <= 0 || shown[i] === 0 || shown[i] >= rows.length) return;
      shown[i]++;
      left--;
      gave = true;
    });
  }
  return shown;
}

function sectionLines({ title, columns, rows }: WindowSection, space: number, width: number): Line[] {
  if (space === 0) return [];
  const left = rows.length - space;
  const heading: Line = [styled(title, 'bold'), left > 0 ? ` (${grouped(space)} of ${grouped(rows.length)})` : ''];
  // Without the note on columns that don't fit: a wider window shows them.
  return ['', heading, ...table(columns, rows.slice(0, space), width).slice(0, 1 + space)];
}
