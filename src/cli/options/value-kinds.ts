/** Kinds of option values: how their text is parsed, and how an invalid one is reported. */
import { inQuotes } from '../../text/plain-text.js';
import { alternatives } from '../../text/suggestion.js';
import { UsageError } from '../usage-error.js';

/** How to read an option's value. */
export interface ValueKind<T> {
  /**
   * Reads a value.
   * @param text what was given
   * @param name the option's name, for errors: `--rows`
   * @throws UsageError
   */
  readonly read: (text: string, name: string) => T;
  /** The valid values, if they are few. */
  readonly choices?: readonly string[];
  /** What it names, for shell completion. */
  readonly completes?: 'file' | 'device';
}

/** Any text. */
export const text: ValueKind<string> = { read: (given) => given };

/** The path of a file. */
export const file: ValueKind<string> = {
  read(given, name) {
    if (given === '') throw new UsageError(`${name} takes a file, not an empty name`);
    return given;
  },
  completes: 'file',
};

/** The name of a network device. */
export const device: ValueKind<string> = {
  read(given, name) {
    if (given === '') throw new UsageError(`${name} takes a device, not an empty name`);
    return given;
  },
  completes: 'device',
};

/** One of a fixed set of values. */
export function choice<const T extends string>(...choices: readonly T[]): ValueKind<T> {
  return {
    choices,
    read(given, name) {
      const found = choices.find((one) => one === given);
      if (found === undefined) throw new UsageError(`${name} takes ${alternatives(choices)}, not ${inQuotes(given)}`);
      return found;
    },
  };
}

/** An integer, decimal or hexadecimal (0x). */
export function integer(lowest: number, highest: number): ValueKind<number> {
  return {
    read(given, name) {
      const value = /^(0x[0-9a-f]+|[0-9]+)$/i.test(given) ? Number(given) : Number.NaN;
      if (value >= lowest && value <= highest) return value;
      throw new UsageError(`${name} takes an integer from ${lowest} to ${highest}, not ${inQuotes(given)}`);
    },
  };
}

/** A decimal number. */
export function decimal(lowest: number, highest: number): ValueKind<number> {
  return {
    read(given, name) {
      const value = /^\d{1,12}(\.\d{1,9})?$/.test(given) ? Number(given) : Number.NaN;
      if (value >= lowest && value <= highest) return value;
      throw new UsageError(`${name} takes a number from ${lowest} to ${highest}, not ${inQuotes(given)}`);
    },
  };
}

/** A probability, from 0 to 1; also `1e-3`. */
export const probability: ValueKind<number> = {
  read(given, name) {
    const value = /^\d*\.?\d+(e-?\d{1,3})?$/i.test(given) ? Number(given) : Number.NaN;
    if (value >= 0 && value <= 1) return value;
    throw new UsageError(`${name} takes a number from 0 to 1, not ${inQuotes(given)}`);
  },
};

/** `KEY=VALUE`, or `KEY` for an empty value. */
export const keyValue: ValueKind<readonly [key: string, value: string]> = {
  read(given, name) {
    const at = given.indexOf('=');
    const key = at < 0 ? given : given.slice(0, at);
    if (key === '') throw new UsageError(`${name} takes KEY=VALUE, not ${inQuotes(given)}`);
    return [key, at < 0 ? '' : given.slice(at + 1)];
  },
};

const SIZES: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

/** A number of bytes, with an optional suffix k, M or G (powers of 1000). */
export function size(lowest: number, highest: number): ValueKind<number> {
  return {
    read(given, name) {
      const match = /^(\d{1,15})([kmg]?)$/i.exec(given);
      const bytes = match === null ? Number.NaN : Number(match[1]) * SIZES[match[2].toLowerCase()];
      if (bytes >= lowest && bytes <= highest) return bytes;
      throw new UsageError(
        `${name} takes ${lowest} to ${highest} bytes, such as 500000, 64M or 2G, not ${inQuotes(given)}`,
      );
    },
  };
}

const SPANS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * A duration in seconds, or with a suffix s, m, h or d.
 * @param lowest seconds
 * @param highest seconds
 */
export function duration(lowest: number, highest: number): ValueKind<number> {
  return {
    read(given, name) {
      const match = /^(\d{1,12}(?:\.\d{1,3})?)([smhd]?)$/.exec(given);
      const seconds = match === null ? Number.NaN : Number(match[1]) * SPANS[match[2]];
      if (seconds >= lowest && seconds <= highest) return seconds;
      throw new UsageError(
        `${name} takes ${lowest} to ${highest} seconds, such as 3600, 90m, 12h or 1d, not ${inQuotes(given)}`,
      );
    },
  };
}

/** The end of the year 9999. */
const LAST_TIME = 253_402_300_799;

/** A time: ISO 8601 (default zone: UTC), or seconds since 1970. The value is in seconds since 1970. */
export const time: ValueKind<number> = {
  read(given, name) {
    const seconds = /^\d{1,12}$/.test(given) ? Number(given) : isoSeconds(given);
    if (seconds >= 0 && seconds <= LAST_TIME) return seconds;
    throw new UsageError(
      `${name} takes a time such as 2026-11-21T12:00:00Z, or seconds since 1970, not ${inQuotes(given)}`,
    );
  },
};

/** NaN if it isn't ISO 8601. */
function isoSeconds(given: string): number {
  const match = /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/.exec(given);
  if (match === null) return Number.NaN;
  const date = match[1];
  // Date rolls the 31st of a short month over into the next month.
  const day = Date.parse(date);
  if (Number.isNaN(day) || !new Date(day).toISOString().startsWith(date)) return Number.NaN;
  // Date parses a date alone as UTC, but a time without a zone as local.
  return Date.parse(given === date || match.at(2) !== undefined ? given : `${given}Z`) / 1000;
}

/** Seconds since 1970 as ISO 8601 in UTC, rounded down to a second. */
export function isoTime(seconds: number): string {
  return `${new Date(Math.floor(seconds) * 1000).toISOString().slice(0, -5)}Z`;
}

/** `NODE=VALUE`. */
export const nodeValue: ValueKind<readonly [node: string, value: string]> = {
  read(given, name) {
    const at = given.indexOf('=');
    if (at < 1) throw new UsageError(`${name} takes NODE=VALUE, not ${inQuotes(given)}`);
    return [given.slice(0, at), given.slice(at + 1)];
  },
};
