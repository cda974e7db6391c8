/** Shapes of plain data that another process sent: what a value must be, or where in it something is wrong. */

/** Checks a value: undefined if it has the shape, or else what is wrong, for people, after the path of the part: `.tcp[3].vni is ...`. */
export type Shape = (value: unknown) => string | undefined;

/** A shape for each property of an interface, optional ones included. */
export type Fields<T> = { readonly [K in keyof T]-?: Shape };

/** A kind of typed array. */
export type ColumnKind = typeof Uint8Array | typeof Int32Array | typeof Float64Array;

/** Longest path that a message has; deeper parts are the fault of its beginning. */
const MAX_PATH = 120;

/** A whole number in a range. */
export function int(least = 0, most: number = Number.MAX_SAFE_INTEGER): Shape {
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
      ? undefined
      : ` is not a whole number from ${least} to ${most}`;
}

/** Any number but NaN and the infinities. */
export const number: Shape = (value) => (Number.isFinite(value) ? undefined : ' is not a finite number');

export const boolean: Shape = (value) => (typeof value === 'boolean' ? undefined : ' is not true or false');

/** Text of a length, in UTF-16 units. */
export function text(longest: number): Shape {
  return (value) =>
    typeof value === 'string' && value.length <= longest
      ? undefined
      : ` is not a text of at most ${longest} characters`;
}

/** Text that a pattern, which must not backtrack, matches as a whole. */
export function matching(pattern: RegExp, what: string, longest = 64): Shape {
  return (value) =>
    typeof value === 'string' && value.length <= longest && pattern.test(value) ? undefined : ` is not ${what}`;
}

/** One of some values; NaN is equal to itself. */
export function oneOf(...values: readonly unknown[]): Shape {
  return (value) => (values.includes(value) ? undefined : ` is none of ${values.map(String).join(', ')}`);
}

/** One of several shapes. */
export function either(one: Shape, other: Shape): Shape {
  return (value) => {
    const wrong = one(value);
    return wrong === undefined || other(value) === undefined ? undefined : wrong;
  };
}

/** A shape, or undefined. */
export function optional(shape: Shape): Shape {
  return (value) => (value === undefined ? undefined : shape(value));
}

/** A shape, or null. */
export function nullable(shape: Shape): Shape {
  return (value) => (value === null ? undefined : shape(value));
}

/** An array with at most so many elements of a shape. */
export function list(shape: Shape, most: number): Shape {
  return (value) => {
    if (!Array.isArray(value) || value.length > most) return ` is not a list of at most ${most}`;
    // Not `forEach`, which skips holes.
    for (let i = 0; i < value.length; i++) {
      const wrong = shape(value[i]);
      if (wrong !== undefined) return within(`[${i}]`, wrong);
    }
    return undefined;
  };
}

/** An object with properties of these shapes; others are ignored. */
export function object<T>(fields: Fields<T>): Shape {
  const entries = Object.entries<Shape>(fields);
  return (value) => {
    if (!isObject(value)) return ' is not an object';
    for (const [name, shape] of entries) {
      const wrong = shape(Object.hasOwn(value, name) ? value[name] : undefined);
      if (wrong !== undefined) return within(`.${name}`, wrong);
    }
    return undefined;
  };
}

/** An object whose property names aren't known, with at most so many properties of a shape. */
export function record(shape: Shape, most: number): Shape {
  return (value) => {
    if (!isObject(value)) return ' is not an object';
    const entries = Object.entries(value);
    if (entries.length > most) return ` has more than ${most} properties`;
    for (const [, one] of entries) {
      const wrong = shape(one);
      if (wrong !== undefined) return within('.*', wrong);
    }
    return undefined;
  };
}

/** Numbers, texts, booleans, null, and lists and objects of them, so many levels deep, with at most so many of them on each level. */
export function plainData(levels: number, most: number): Shape {
  return (value) => {
    if (value === null || ['string', 'number', 'boolean', 'undefined'].includes(typeof value)) return undefined;
    if (levels === 0 || typeof value !== 'object') return ' is not plain data';
    const parts = plainData(levels - 1, most);
    return Array.isArray(value) ? list(parts, most)(value) : record(parts, most)(value);
  };
}

/** A typed array of a kind, of any length. */
export function column(kind: ColumnKind): Shape {
  return (value) => (value instanceof kind ? undefined : ` is not of the type ${kind.name}`);
}

/** A typed array of whole numbers in a range. */
export function ints(kind: ColumnKind, least = 0, most: number = Number.MAX_SAFE_INTEGER): Shape {
  return (value) => {
    if (!(value instanceof kind)) return ` is not of the type ${kind.name}`;
    for (let i = 0; i < value.length; i++) {
      const number = value[i];
      if (!(number >= least && number <= most && Number.isSafeInteger(number)))
        return ` has a value that is not from ${least} to ${most}`;
    }
    return undefined;
  };
}

/** A typed array of so many values. */
export function ofLength(shape: Shape, length: number): Shape {
  return (value) =>
    shape(value) ?? ((value as ArrayLike<unknown>).length === length ? undefined : ` has not ${length} values`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(value) === '[object Object]';
}

function within(part: string, wrong: string): string {
  return `${part}${wrong}`.slice(0, MAX_PATH);
}
