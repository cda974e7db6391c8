/** Options that take a decimal number. */
import { inQuotes } from '../../text/plain-text.js';
import { type ParsedArguments, UsageError } from '../arguments.js';

/**
 * The value of an option that is present and takes a decimal number.
 * @throws UsageError if it isn't a number, or out of range
 */
export function numberOption(parsed: ParsedArguments, name: string, lowest: number, highest: number): number {
  const text = String(parsed.values[name]);
  const value = /^\d{1,12}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= lowest && value <= highest)) {
    throw new UsageError(`--${name} takes a number from ${lowest} to ${highest}, not ${inQuotes(text)}`);
  }
  return value;
}
