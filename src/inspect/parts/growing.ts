/** Typed arrays that grow as they are filled. */

/** The arrays of numbers that columns consist of. */
export type Column = Uint8Array | Int32Array | Float64Array;

/** A column with room for at least `length` values. */
export function withRoom<T extends Column>(column: T, length: number): T {
  if (length <= column.length) return column;
  const grown = new (column.constructor as new (length: number) => T)(Math.max(length, 2 * column.length));
  grown.set(column);
  return grown;
}

/** A copy of the first values of a column, with no room beyond. */
export function filled<T extends Column>(column: T, length: number): T {
  return column.slice(0, length) as T;
}
