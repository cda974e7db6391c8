/** `--events`: events from outside the capture, one per line: `1795225545.741550155 n1: add new tx SA`. */
import type { TimelineEvent } from '../../inspect/index.js';
import { withoutKeysInWords } from '../../text/secret-text.js';
import { readSmallText } from '../options/small-file.js';
import { UsageError } from '../usage-error.js';

const MAX_BYTES = 1 << 20;
const MAX_WORDS = 200;
const LINE = /^(\d{1,11})(?:\.(\d{1,9}))?[ \t]+(\S.*)$/;
/** More text is checked for keys than is shown, since a key may start just before the cut. */
const MAX_CHECKED = 2 * MAX_WORDS;

/**
 * Reads a file of events: seconds since 1970 with a fraction, then text. Text that looks like a key is hidden.
 * @throws UsageError with the number of the malformed line
 */
export function readEvents(path: string): TimelineEvent[] {
  const events: TimelineEvent[] = [];
  readSmallText(path, MAX_BYTES, 'a file of events (1 MiB)')
    .split(/\r?\n/)
    .forEach((line, index) => {
      if (line.trim() === '') return;
      const match = LINE.exec(line);
      if (match === null) {
        throw new UsageError(
          `${path}: line ${index + 1} is no event; expected UNIXSECONDS.FRACTION TEXT (date +%s.%N prints the time)`,
        );
      }
      const nanoseconds = Number((match.at(2) ?? '').padEnd(9, '0'));
      events.push({ seconds: Number(match[1]), nanoseconds, text: shown(match[3]) });
    });
  return events;
}

/** The text without control characters, shortened, or hidden if it looks like a key. */
function shown(words: string): string {
  const plain = words
    .replace(/\p{Cf}/gu, '')
    .replace(/\p{Cc}/gu, ' ')
    .trim();
  const checked = plain.slice(0, MAX_CHECKED);
  if (withoutKeysInWords(checked) !== checked) return '(hidden: it looks like a key)';
  return plain.slice(0, MAX_WORDS);
}
