/** Numbers with a fraction. */
import { inQuotes } from '../plain-text.js';
import { type ParsedArguments, UsageError } from './arguments.js';

/**
 * The value of an option that was given and is a number, with a point perhaps.
 * @throws UsageError if it is none, or out of its bounds
 */
export function numberOption(parsed: ParsedArguments, name: string, lowest: number, highest: number): number {
  const text = String(parsed.values[name]);
  const value = /^\d{1,12}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= lowest && value <= highest)) {
    throw new UsageError(`--${name} takes a number from ${lowest} to ${highest}, not ${inQuotes(text)}`);
  }
  return value;
}
