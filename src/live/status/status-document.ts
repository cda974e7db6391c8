/**
 * The status document, written piece by piece: a table of a million rows is neither built at once nor held in memory.
 * Tables may change between two pieces, so that rows are consistent each, but not with each other.
 */
import { plainJson } from '../../text/plain-text.js';
import { STATUS_VERSION, type StatusSections } from './status-section.js';

/** Rows between two looks at the clock. */
const ROWS_PER_LOOK = 16;

/** What a document contains. */
export interface StatusSelection {
  /** Names of sections; unknown ones are left out. */
  readonly sections: readonly string[];
  /** Maximum number of rows of each section. */
  readonly rows: number;
}

/**
 * Writes a document in pieces, each of which takes about a slice of time.
 * @param slice milliseconds
 * @param clock monotonic, in milliseconds
 */
export function* statusDocument(
  sections: StatusSections,
  { sections: wanted, rows }: StatusSelection,
  slice: number,
  clock: () => number,
): Generator<string> {
  let text = `{"version":${STATUS_VERSION}`;
  for (const name of wanted) {
    const make = sections.get(name);
    if (make === undefined) continue;
    let end = clock() + slice;
    const section = make();
    const facts = onOneLine(section.facts);
    text += `,\n${JSON.stringify(name)}:${facts.slice(0, -1)}`;
    if (section.rows !== undefined) {
      text += `${facts === '{}' ? '' : ','}"rows":[`;
      let count = 0;
      let looked = 0;
      let isComplete = true;
      for (const row of section.rows) {
        if (row !== undefined) {
          if (count === rows) {
            isComplete = false;
            break;
          }
          text += `${count === 0 ? '' : ','}\n${onOneLine(row)}`;
          count++;
        }
        if (row !== undefined && ++looked % ROWS_PER_LOOK !== 0) continue;
        if (clock() < end) continue;
        yield text;
        text = '';
        end = clock() + slice;
      }
      text += `],"complete":${isComplete}`;
    }
    yield `${text}}`;
    text = '';
  }
  yield `${text}}\n`;
}

/** A value as JSON without line ends, so that a document has a line per row. Strings have none: they are escaped. */
function onOneLine(value: object): string {
  return plainJson(value).replace(/\n */g, ' ');
}
