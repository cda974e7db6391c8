/** Problems as text lines. */
import type { Problem } from '../../inspect/index.js';
import { numbers, table, words } from '../table.js';

/** An empty line, then `Problems: none` or a table without headings. */
export function problemLines(problems: readonly Problem[]): string[] {
  if (problems.length === 0) return ['', 'Problems: none'];
  const columns = [words(''), numbers('count'), words(''), words('')];
  const rows = problems.map((row) => [row.severity, row.count, row.code, row.message]);
  return ['', 'Problems', ...table(columns, rows).slice(1)];
}
