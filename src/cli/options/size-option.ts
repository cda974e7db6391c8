/** Options that take a size in bytes. */
import { inQuotes } from '../../text/plain-text.js';
import { type ParsedArguments, UsageError } from '../arguments.js';

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

/**
 * The value of an option that is a number of bytes, with an optional suffix k, M or G (powers of 1000).
 * @param lowest bytes
 * @param highest bytes
 * @throws UsageError if it isn't a size, or out of range
 */
export function sizeOption(parsed: ParsedArguments, name: string, lowest: number, highest: number): number | undefined {
  const text = parsed.values[name];
  if (typeof text !== 'string') return undefined;
  const match = /^(\d{1,15})([kmg]?)$/i.exec(text);
  const bytes = match === null ? Number.NaN : Number(match[1]) * UNITS[match[2].toLowerCase()];
  if (!(bytes >= lowest && bytes <= highest)) {
    throw new UsageError(
      `--${name} takes ${lowest} to ${highest} bytes, such as 500000, 64M or 2G, not ${inQuotes(text)}`,
    );
  }
  return bytes;
}
