/** Filters as tests of a packet's columns. */
import { didYouMean } from '../../../src/text/suggestion.js';
import type { IndexTables } from '../index/capture-index.js';
import { addressTest, prefixOf } from './address-test.js';
import type { NumberReader, Predicate } from './column-readers.js';
import { type Comparison, type Expression, parseFilter } from './expression.js';
import type { AddressField, Field, NameField, NumberField } from './fields.js';
import { FilterError } from './filter-error.js';
import type { Token } from './tokens.js';

/** A closed range of numbers. */
interface NumberRange {
  readonly from: number;
  readonly to: number;
}

type CompareExpression = Extract<Expression, { kind: 'compare' }>;

const NUMBER = /^-?(?:0x[0-9a-f]+|\d+(?:\.\d+)?)$/i;

/**
 * Compiles a filter for an index.
 * @param tables as they are now: a filter is compiled again when the index has grown
 * @returns undefined for an empty filter, which selects everything
 * @throws FilterError with what is wrong and where
 */
export function compileFilter(text: string, tables: IndexTables): Predicate | undefined {
  const expression = parseFilter(text);
  return expression === undefined ? undefined : testOf(expression, tables);
}

function testOf(expression: Expression, tables: IndexTables): Predicate {
  switch (expression.kind) {
    case 'and':
      return allOf(expression.parts.map((part) => testOf(part, tables)));
    case 'or':
      return anyOf(expression.parts.map((part) => testOf(part, tables)));
    case 'not':
      return not(testOf(expression.part, tables));
    case 'present':
      return presenceOf(expression.field, tables);
    case 'compare':
      return comparisonOf(expression, tables);
  }
}

function not(test: Predicate): Predicate {
  return (part, i, row) => !test(part, i, row);
}

function allOf(tests: readonly Predicate[]): Predicate {
  return tests.reduce((first, second) => (part, i, row) => first(part, i, row) && second(part, i, row));
}

function anyOf(tests: readonly Predicate[]): Predicate {
  return tests.reduce((first, second) => (part, i, row) => first(part, i, row) || second(part, i, row));
}

function presenceOf(field: Field, tables: IndexTables): Predicate {
  switch (field.kind) {
    case 'presence':
      return field.test;
    case 'number':
      return anyOf(field.readers(tables).map(isPresent));
    case 'name':
      return isPresent(field.read);
    case 'address':
      return addressTest(tables, field, undefined);
  }
}

function isPresent(read: NumberReader): Predicate {
  return (part, i, row) => !Number.isNaN(read(part, i, row));
}

/** `!=` is true if the packet has the field and no value of it is equal, as in Wireshark 4. */
function comparisonOf(expression: CompareExpression, tables: IndexTables): Predicate {
  const { field, comparison, values } = expression;
  if (comparison === '!=') {
    const equal = comparisonOf({ ...expression, comparison: '==' }, tables);
    return allOf([presenceOf(field, tables), not(equal)]);
  }
  switch (field.kind) {
    case 'presence':
      return field.test;
    case 'number':
      return numberTest(field, comparison, values, tables);
    case 'name':
      return nameTest(field, comparison, values);
    case 'address':
      return addressComparison(field, comparison, values, tables);
  }
}

function addressComparison(
  field: AddressField,
  comparison: Comparison,
  values: readonly Token[],
  tables: IndexTables,
): Predicate {
  requireEquality(field, comparison, values[0]);
  return addressTest(
    tables,
    field,
    values.map((value) => prefixOf(value, field)),
  );
}

function requireEquality({ name }: Field, comparison: Comparison, { from, to }: Token): void {
  if (comparison === '==' || comparison === 'in') return;
  throw new FilterError(`${name} is compared by ==, != or in, not by ${comparison}`, from, to);
}

function nameTest(field: NameField, comparison: Comparison, values: readonly Token[]): Predicate {
  requireEquality(field, comparison, values[0]);
  const wanted = new Set(values.map((value) => namedNumber(field, value)));
  return (part, i, row) => wanted.has(field.read(part, i, row));
}

function namedNumber({ name, numbers }: NameField, { text, from, to }: Token): number {
  const typed = text.toLowerCase();
  const found = [...numbers].find(([known]) => known.toLowerCase() === typed)?.[1];
  if (found !== undefined) return found;
  throw new FilterError(`${name} is never ${JSON.stringify(text)}${didYouMean(text, [...numbers.keys()])}`, from, to);
}

function numberTest(
  field: NumberField,
  comparison: Comparison,
  values: readonly Token[],
  tables: IndexTables,
): Predicate {
  const ranges = values.map((value) => rangeOf(field, value, comparison));
  const readers = field.readers(tables);
  if (ranges.length > 1) return anyOf(readers.map((read) => withinAny(read, ranges)));
  return anyOf(readers.map((read) => within(read, ranges[0])));
}

function within(read: NumberReader, { from, to }: NumberRange): Predicate {
  return (part, i, row) => {
    const value = read(part, i, row);
    return value >= from && value <= to;
  };
}

function withinAny(read: NumberReader, ranges: readonly NumberRange[]): Predicate {
  return (part, i, row) => {
    const value = read(part, i, row);
    for (const { from, to } of ranges) if (value >= from && value <= to) return true;
    return false;
  };
}

/** The numbers that satisfy a comparison. */
function rangeOf(field: NumberField, value: Token, comparison: Comparison): NumberRange {
  const ends = comparison === 'in' ? value.text.split('..') : [value.text];
  const numbers = ends.map((text) => numberOf(field, text, value));
  const first = numbers[0];
  const last = numbers[numbers.length - 1];
  if (numbers.length > 2 || last < first) {
    throw new FilterError(`${JSON.stringify(value.text)} is not a range such as 8000..8080`, value.from, value.to);
  }
  switch (comparison) {
    case '<':
      return { from: -Infinity, to: below(first) };
    case '<=':
      return { from: -Infinity, to: first };
    case '>':
      return { from: above(first), to: Infinity };
    case '>=':
      return { from: first, to: Infinity };
    default:
      return { from: first, to: last };
  }
}

function numberOf({ name }: NumberField, text: string, { from, to }: Token): number {
  if (NUMBER.test(text)) {
    const isNegative = text.startsWith('-');
    return isNegative ? -Number(text.slice(1)) : Number(text);
  }
  throw new FilterError(`${name}: ${JSON.stringify(text)} is not a number`, from, to);
}

const FLOAT = new Float64Array(1);
const BITS = new BigInt64Array(FLOAT.buffer);

/** The next number above. */
function above(value: number): number {
  if (value === 0) return Number.MIN_VALUE;
  FLOAT[0] = value;
  BITS[0] += value > 0 ? 1n : -1n;
  return FLOAT[0];
}

/** The next number below. */
function below(value: number): number {
  return -above(-value);
}
