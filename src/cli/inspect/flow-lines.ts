/** The table of conversations, as wide as the output: columns that say nothing are left out, and those that don't fit are named. */
import type { ConversationReport, FlowReport } from '../../inspect/index.js';
import { type Line, styled } from '../style.js';
import { grouped, notShown, table } from '../table.js';
import { FLOW_COLUMNS, type FlowColumn, secondsOf } from './flow-columns.js';

const MARGIN = 2;
const GAP = 2;
/** Shortest text of an address. */
const SHORTEST_END = 8;

/** A column with its cells. */
interface Filled {
  readonly column: FlowColumn;
  readonly cells: readonly string[];
  readonly width: number;
}

/** Conversations in the order of a column; equal ones stay in the order of their first packets. */
export function sortedFlows(rows: readonly ConversationReport[], column: FlowColumn): ConversationReport[] {
  const sign = column.descending ? -1 : 1;
  const valued = rows.map((row) => ({ row, value: column.value(row) }));
  valued.sort(({ value: one }, { value: other }) => {
    if (one === null || other === null) return Number(one === null) - Number(other === null);
    return one === other ? 0 : one < other ? -sign : sign;
  });
  return valued.map(({ row }) => row);
}

/**
 * The table of conversations.
 * @param firstTime time of the capture's first packet, from which starts are counted; null if it has no times
 * @param sort what it is sorted by; this column is always shown
 * @param most maximum number of rows; 0 for all
 * @param width of the output in columns
 */
export function flowLines(
  flows: FlowReport,
  firstTime: string | null,
  sort: FlowColumn,
  most: number,
  width: number,
): Line[] {
  const { conversations } = flows;
  const rest = restLine(flows);
  if (conversations.length === 0) return ['', 'Conversations: none', ...rest];
  const sorted = sortedFlows(conversations, sort);
  const shown = most > 0 ? sorted.slice(0, most) : sorted;
  const start = secondsOf(firstTime);
  const telling = FLOW_COLUMNS.map((column) => fill(column, shown, start)).filter(
    ({ column, cells }) => column === sort || cells.some((cell) => cell !== ''),
  );
  const filled = fitted(telling, sort, width);
  const gone = telling.filter(({ column }) => !filled.some((one) => one.column === column));
  const lines = table(
    filled.map(({ column }) => column.column),
    shown.map((_, i) => filled.map(({ cells }) => cells[i])),
    width,
  );
  const more = conversations.length - shown.length;
  return [
    '',
    [styled(`Conversations, by ${sort.name}`, 'bold')],
    ...lines,
    ...notShown(
      gone.map(({ column }) => column.column.heading),
      needed(telling),
      width,
    ),
    ...(more > 0 ? [`  ... and ${grouped(more)} more (--rows 0 shows all)`] : []),
    ...rest,
  ];
}

function fill(column: FlowColumn, rows: readonly ConversationReport[], start: number): Filled {
  return filledWith(
    column,
    rows.map((row) => column.cell(row, start)),
  );
}

function filledWith(column: FlowColumn, cells: readonly string[]): Filled {
  const width = cells.reduce((widest, cell) => Math.max(widest, cell.length), column.column.heading.length);
  return { column, cells, width };
}

/** Width of a table with these columns. */
function needed(columns: readonly Filled[]): number {
  return columns.reduce((sum, column) => sum + column.width + GAP, MARGIN - GAP);
}

function fitted(telling: readonly Filled[], sort: FlowColumn, width: number): Filled[] {
  let kept = telling.filter(({ column }) => column.rank === 0 || column === sort);
  const others = telling.filter((column) => !kept.includes(column));
  for (const candidate of others.sort((one, other) => one.column.rank - other.column.rank)) {
    if (needed([...kept, candidate]) > width) break;
    kept.push(candidate);
  }
  const excess = needed(kept) - width;
  if (excess > 0) kept = shortened(kept, excess);
  return telling.flatMap(({ column }) => kept.filter((one) => one.column === column));
}

/** Shortens both addresses by a number of characters altogether, the longer one first. */
function shortened(columns: readonly Filled[], excess: number): Filled[] {
  const isEnd = ({ column: { name } }: Filled): boolean => name === 'a' || name === 'b';
  const widths = columns.filter(isEnd).map(({ width }) => width);
  const room = Math.max(2 * SHORTEST_END, widths.reduce((sum, width) => sum + width, 0) - excess);
  const half = Math.floor(room / 2);
  const shortest = Math.min(...widths);
  const most = shortest < half ? room - shortest : half;
  return columns.map((filled) =>
    isEnd(filled)
      ? filledWith(
          filled.column,
          filled.cells.map((cell) => withoutMiddle(cell, most)),
        )
      : filled,
  );
}

function withoutMiddle(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = Math.floor((most - 1) / 2);
  return `${text.slice(0, most - 1 - end)}…${text.slice(text.length - end)}`;
}

/** What isn't in the table. */
function restLine({ accounting }: FlowReport): string[] {
  const kinds: [number, string][] = [
    [accounting.withoutIp, 'without IP'],
    [accounting.unreadable, 'malformed or truncated'],
    [accounting.strayFragments, 'fragments without their first'],
    [accounting.unlisted, 'of conversations beyond the limit'],
  ];
  const texts = kinds.filter(([packets]) => packets > 0).map(([packets, text]) => `${grouped(packets)} ${text}`);
  return texts.length === 0 ? [] : [`  Packets in no conversation: ${texts.join(', ')}`];
}
