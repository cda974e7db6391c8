/** Members of `vtep status --json`, which is taken as it is printed: any member may be missing or of another type. */

/** An object; empty if it is none. */
export function objectAt(value: unknown, ...path: readonly string[]): Readonly<Record<string, unknown>> {
  let at = value;
  for (const name of path) at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  return isObject(at) ? at : {};
}

/** The objects of a list; empty if it is none. */
export function objectsAt(value: unknown, ...path: readonly string[]): readonly Readonly<Record<string, unknown>>[] {
  const name = path.at(-1);
  const list = name === undefined ? value : objectAt(value, ...path.slice(0, -1))[name];
  return Array.isArray(list) ? list.filter(isObject) : [];
}

/** A text; empty if it is none. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A count; 0 if it is none. */
export function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}

/** The counts of an object that aren't 0. */
export function countsOf(value: unknown): readonly (readonly [name: string, count: number])[] {
  return Object.entries(objectAt(value))
    .map(([name, count]) => [name, countOf(count)] as const)
    .filter(([, count]) => count > 0);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
