/** `--events`: what happened outside a capture, a line each: `1795225545.741550155 n1: add new tx SA`. */
import { readFileSync, statSync } from 'node:fs';
import type { TimelineEvent } from '../inspect/index.js';
import { UsageError } from './arguments.js';

const MAX_BYTES = 1 << 20;
const MAX_WORDS = 200;
const LINE = /^(\d{1,11})(?:\.(\d{1,9}))?[ \t]+(\S.*)$/;
/** Half an AES-128 key. */
const LIKE_A_KEY = /[0-9a-f]{16}/i;

/**
 * Reads a file of events: seconds since 1970 with a fraction, then words. Words that look like a key are hidden.
 * @throws UsageError with the line that is none
 */
export function readEvents(path: string): TimelineEvent[] {
  const events: TimelineEvent[] = [];
  textOf(path)
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
  if (LIKE_A_KEY.test(words)) return '(hidden: it looks like a key)';
  return words
    .replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, MAX_WORDS);
}

function textOf(path: string): string {
  try {
    const tooLarge = new UsageError(`${path}: too large for a file of events (1 MiB)`);
    if (statSync(path).size > MAX_BYTES) throw tooLarge;
    const text = readFileSync(path, 'utf8');
    // A pipe has no size before it is read.
    if (text.length > MAX_BYTES) throw tooLarge;
    return text;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`${path}: ${code === 'ENOENT' ? 'there is no such file' : `can't be read (${code})`}`);
  }
}
