/** Options that take a time or a duration. */
import { inQuotes } from '../../text/plain-text.js';
import { type ParsedArguments, UsageError } from '../arguments.js';

const UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };
/** The end of the year 9999. */
const LAST_TIME = 253_402_300_799;

/**
 * The value of an option that is a duration: seconds, or a number with suffix s, m, h or d.
 * @param lowest seconds
 * @param highest seconds
 * @throws UsageError if it isn't a duration, or out of range
 */
export function spanOption(parsed: ParsedArguments, name: string, lowest: number, highest: number): number | undefined {
  const text = parsed.values[name];
  if (typeof text !== 'string') return undefined;
  const match = /^(\d{1,12}(?:\.\d{1,3})?)([smhd]?)$/.exec(text);
  const seconds = match === null ? Number.NaN : Number(match[1]) * UNITS[match[2]];
  if (!(seconds >= lowest && seconds <= highest)) {
    throw new UsageError(
      `--${name} takes ${lowest} to ${highest} seconds, such as 3600, 90m, 12h or 1d, not ${inQuotes(text)}`,
    );
  }
  return seconds;
}

/**
 * The value of an option that is a time: ISO 8601 (default zone: UTC), or seconds since 1970.
 * @returns seconds since 1970
 * @throws UsageError if it isn't a time
 */
export function timeOption(parsed: ParsedArguments, name: string): number | undefined {
  const text = parsed.values[name];
  if (typeof text !== 'string') return undefined;
  const seconds = /^\d{1,12}$/.test(text) ? Number(text) : isoSeconds(text);
  if (!(seconds >= 0 && seconds <= LAST_TIME)) {
    throw new UsageError(
      `--${name} takes a time such as 2026-11-21T12:00:00Z, or seconds since 1970, not ${inQuotes(text)}`,
    );
  }
  return seconds;
}

/** NaN if it isn't ISO 8601. */
function isoSeconds(text: string): number {
  const match = /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/.exec(text);
  if (match === null) return Number.NaN;
  const date = match[1];
  // Date rolls the 31st of a short month over into the next month.
  const day = Date.parse(date);
  if (Number.isNaN(day) || !new Date(day).toISOString().startsWith(date)) return Number.NaN;
  // Date parses a date alone as UTC, but a time without a zone as local.
  return Date.parse(text === date || match.at(2) !== undefined ? text : `${text}Z`) / 1000;
}

/** Seconds since 1970 as ISO 8601 in UTC, rounded down to a second. */
export function isoTime(seconds: number): string {
  return `${new Date(Math.floor(seconds) * 1000).toISOString().slice(0, -5)}Z`;
}
