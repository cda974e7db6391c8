/** A table that can be sorted, whose rows filter. */
import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';

/** Rows shown until the user asks for more. */
const FIRST_ROWS = 100;
const MORE_ROWS = 1000;

/** A column of rows of T. */
export interface Column<T> {
  readonly title: string;
  /** What it is sorted by; numbers start with the largest. */
  readonly value: (row: T) => number | string;
  /** @default the value */
  readonly cell?: (row: T) => ComponentChildren;
  readonly numeric?: boolean;
}

interface DataTableProps<T> {
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string | number;
  /** Index of the column that it is sorted by at first, the largest value first. */
  readonly sortedBy: number;
  /** Whether the smallest value comes first instead. */
  readonly ascending?: boolean;
  /** Filters by a row. @param add whether to keep the filter so far */
  readonly onPick?: (row: T, add: boolean) => void;
}

export function DataTable<T>({
  caption,
  columns,
  rows,
  keyOf,
  sortedBy,
  ascending = false,
  onPick,
}: DataTableProps<T>) {
  const [sort, setSort] = useState({ column: sortedBy, descending: !ascending });
  const [limit, setLimit] = useState(FIRST_ROWS);
  const sorted = useMemo(() => {
    const { value } = columns[sort.column];
    const sign = sort.descending ? -1 : 1;
    return [...rows].sort((a, b) => sign * compared(value(a), value(b)));
  }, [rows, columns, sort]);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, numeric = false }, i) => (
              <th
                key={title}
                scope="col"
                class={numeric ? 'n' : ''}
                aria-sort={i !== sort.column ? undefined : sort.descending ? 'descending' : 'ascending'}
              >
                <button
                  onClick={() => setSort({ column: i, descending: i === sort.column ? !sort.descending : numeric })}
                >
                  {title}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, limit).map((row) => (
            <tr
              key={keyOf(row)}
              class={onPick === undefined ? '' : 'pick'}
              onClick={onPick && (({ shiftKey, ctrlKey }) => onPick(row, shiftKey || ctrlKey))}
            >
              {columns.map(({ value, cell, numeric = false }, i) => {
                const content = cell === undefined ? shown(value(row)) : cell(row);
                const isHead = i === 0;
                const Cell = isHead ? 'th' : 'td';
                return (
                  <Cell {...(isHead ? { scope: 'row' } : {})} class={numeric ? 'n' : ''}>
                    {isHead && onPick !== undefined ? (
                      <button class="link" title="Filter by it; with Shift, too">
                        {content}
                      </button>
                    ) : (
                      content
                    )}
                  </Cell>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {sorted.length > limit && (
        <p>
          <button onClick={() => setLimit(limit + MORE_ROWS)}>
            Show {Math.min(MORE_ROWS, sorted.length - limit).toLocaleString('en')} more of{' '}
            {sorted.length.toLocaleString('en')}
          </button>
        </p>
      )}
    </div>
  );
}

function shown(value: number | string): string {
  return typeof value === 'number' ? value.toLocaleString('en') : value;
}

const ORDER = new Intl.Collator('en', { numeric: true });

function compared(a: number | string, b: number | string): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : ORDER.compare(String(a), String(b));
}
