/** The table of labels in docs/mesh.md. */
import { join } from 'node:path';
import { Dialect, LABELS, Support } from '../../../src/mesh/labels/known-labels.js';
import { ROOT } from '../../repository.js';

export const DOCUMENT = join(ROOT, 'docs/mesh.md');
const BEGIN = '<!-- labels -->';
const END = '<!-- /labels -->';

/** The rows as cells. */
export function labelsTable(): string[][] {
  const rows = Object.values(Dialect).flatMap((dialect) =>
    LABELS.filter((label) => label.dialect === dialect).map(({ name, meaning, support, advice = '' }) => {
      const what = support === Support.Followed ? support : [support, advice].filter((part) => part !== '').join(': ');
      return [dialect, `\`${name}\``, meaning, what].map(escaped);
    }),
  );
  return [['Dialect', 'Label', 'Meaning', 'Followed'], ...rows];
}

/** A cell may have no pipe, also in code. */
function escaped(cell: string): string {
  return cell.replaceAll('|', String.raw`\|`);
}

/** The cells of the table in a document, whatever its columns' widths. */
export function tableIn(document: string): string[][] {
  return document
    .slice(...rangeOf(document))
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[\s:|-]+$/.test(line))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** The document with the table as it is. */
export function withTable(document: string): string {
  const [head, ...rows] = labelsTable();
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  const [begin, end] = rangeOf(document);
  return `${document.slice(0, begin)}\n\n${lines.join('\n')}\n\n${document.slice(end)}`;
}

function rangeOf(document: string): [begin: number, end: number] {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${DOCUMENT} lacks ${BEGIN} and ${END}`);
  return [begin + BEGIN.length, end];
}
