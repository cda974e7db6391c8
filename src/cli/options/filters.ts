/** `--filter KEY=VALUE`, as Docker's lists have it. */
import { inQuotes } from '../../text/plain-text.js';
import { UsageError } from '../usage-error.js';
import { type Declared, options } from './declared.js';
import type { ValueKind } from './value-kinds.js';

/** A filter as it is given. */
export type Filter = readonly [key: string, value: string];

/** Whether an item passes a value of a filter. */
export type FilterTest<T> = (item: T, value: string) => boolean;

const filter: ValueKind<Filter> = {
  read(given, name) {
    const at = given.indexOf('=');
    if (at < 1) throw new UsageError(`${name} takes KEY=VALUE, not ${inQuotes(given)}`);
    return [given.slice(0, at).trim().toLowerCase(), given.slice(at + 1).trim()];
  },
};

/** Declares `--filter`. @param keys what it takes */
export function filterOption(...keys: readonly string[]): Declared<readonly Filter[]> {
  return options('-f, --filter KEY=VALUE', `only what has it: ${keys.join(', ')}`, filter);
}

/**
 * What passes: for each key, one of its values.
 * @throws UsageError in Docker's words for a key that isn't known
 */
export function filtered<T>(
  items: readonly T[],
  filters: readonly Filter[],
  tests: Readonly<Record<string, FilterTest<T>>>,
): readonly T[] {
  const byKey = new Map<string, string[]>();
  for (const [key, value] of filters) {
    if (!Object.hasOwn(tests, key)) throw new UsageError(`Invalid filter ${inQuotes(key)}`);
    byKey.set(key, [...(byKey.get(key) ?? []), value]);
  }
  return items.filter((item) => [...byKey].every(([key, values]) => values.some((value) => tests[key](item, value))));
}

/** Whether labels have `KEY`, or `KEY=VALUE`. */
export function hasLabel(labels: Readonly<Record<string, string>>, given: string): boolean {
  const at = given.indexOf('=');
  const key = at < 0 ? given : given.slice(0, at);
  return Object.hasOwn(labels, key) && (at < 0 || labels[key] === given.slice(at + 1));
}
