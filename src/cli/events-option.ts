/** `--events`: what happened outside a capture, a line each: `1795225545.741550155 n1: add new tx SA`. */
import type { TimelineEvent } from '../inspect/index.js';
import { withoutKeysInWords } from '../secret-text.js';
import { UsageError } from './arguments.js';
import { readSmallText } from './small-file.js';

const MAX_BYTES = 1 << 20;
const MAX_WORDS = 200;
const LINE = /^(\d{1,11})(?:\.(\d{1,9}))?[ \t]+(\S.*)$/;
/** What is looked at for keys is longer than what is shown: one may begin just before the end. */
const MAX_CHECKED = 2 * MAX_WORDS;

/**
 * Reads a file of events: seconds since 1970 with a fraction, then words. Words that look like a key are hidden.
 * @throws UsageError with the line that is none
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
          `${path}: line ${index + 1} is no event; one reads 1795225545.741550155 and words (date +%s.%N says the time)`,
        );
      }
      const nanoseconds = Number((match.at(2) ?? '').padEnd(9, '0'));
      events.push({ seconds: Number(match[1]), nanoseconds, words: shown(match[3]) });
    });
  return events;
}

/** Words that a terminal takes for no more than words. */
function shown(words: string): string {
  const plain = words
    .replace(/\p{Cf}/gu, '')
    .replace(/\p{Cc}/gu, ' ')
    .trim();
  const checked = plain.slice(0, MAX_CHECKED);
  if (withoutKeysInWords(checked) !== checked) return '(hidden: it looks like a key)';
  return plain.slice(0, MAX_WORDS);
}
