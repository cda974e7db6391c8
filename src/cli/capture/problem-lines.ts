/** Problems as text lines. */
import type { Problem } from '../../inspect/index.js';
import { type Line, styled } from '../style.js';
import { numbers, table, words } from '../table.js';

/** An empty line, then `Problems: none` or a table without headings. */
export function problemLines(problems: readonly Problem[]): Line[] {
  if (problems.length === 0) return ['', [styled('Problems: none', 'green')]];
  const columns = [
    words(''),
    numbers('count', { shorten: 'compact' }),
    words('', { shorten: 'end', least: 14 }),
    words('', { shorten: 'wrap', least: 30 }),
  ];
  const rows = problems.map(({ severity, count, code, message }) => [
    severity === 'warning' ? styled(severity, 'yellow') : severity,
    count,
    code,
    message,
  ]);
  return ['', [styled('Problems', 'bold')], ...table(columns, rows).slice(1)];
}
