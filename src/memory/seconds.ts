/**
 * Check of a time in seconds given by a caller, once per batch: every time in this library is in seconds, while
 * `Date.now()` gives milliseconds, by which timeouts would end a thousand times too early.
 */
import { MemoryError } from './arena.js';

/** The year 5138 in seconds, and 1973 in milliseconds. */
const MAX_SECONDS = 1e11;

/**
 * Throws for a time that must be milliseconds, or isn't a number.
 * @throws MemoryError `BAD_TIME`
 */
export function checkSeconds(seconds: number): void {
  if (!(seconds <= MAX_SECONDS)) throw badTime(seconds);
}

function badTime(seconds: number): MemoryError {
  return new MemoryError('BAD_TIME', `${seconds} is not a time in seconds; divide Date.now() by 1000`);
}
