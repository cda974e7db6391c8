/** What may come next in a filter, while it is typed. */
import type { IndexTables } from '../index/capture-index.js';
import { comparisonNamed } from './expression.js';
import { type Field, fieldNamed, FIELDS } from './fields.js';
import { FilterError } from './filter-error.js';
import { type Token, tokensOf } from './tokens.js';

/** A suggestion. */
export interface Completion {
  /** What to insert. */
  readonly text: string;
  /** What it means; empty for a value. */
  readonly what: string;
}

/** Suggestions, and which part of the text they replace. */
export interface Completions {
  readonly from: number;
  readonly to: number;
  readonly list: readonly Completion[];
}

/** Most suggestions in a list. */
export const MAX_COMPLETIONS = 12;

const COMPARISONS: readonly Completion[] = [
  { text: '==', what: 'equal' },
  { text: '!=', what: 'not equal' },
  { text: 'in', what: 'one of a set' },
];
const ORDERS: readonly Completion[] = [
  { text: '<', what: 'less than' },
  { text: '>', what: 'greater than' },
  { text: '<=', what: 'at most' },
  { text: '>=', what: 'at least' },
];
const CONNECTIVES: readonly Completion[] = [
  { text: 'and', what: 'both hold' },
  { text: 'or', what: 'either holds' },
];
const NEGATION: Completion = { text: 'not', what: 'does not hold' };

/** What the words before the cursor call for. */
type Wanted =
  | { readonly kind: 'field' }
  | { readonly kind: 'comparison'; readonly field: Field }
  | { readonly kind: 'value'; readonly field: Field }
  | { readonly kind: 'connective' };

function wantedAfter(tokens: readonly Token[]): Wanted {
  let wanted: Wanted = { kind: 'field' };
  let inSet = false;
  for (const { kind, text } of tokens) {
    const comparison = comparisonNamed(text);
    if (wanted.kind === 'value') {
      inSet = text !== '}' && (inSet || text === '{');
      if (!inSet && (kind !== 'operator' || text === '}')) wanted = { kind: 'connective' };
    } else if (wanted.kind === 'comparison' && comparison !== undefined) {
      wanted = { kind: 'value', field: wanted.field };
    } else if (wanted.kind === 'field' && kind === 'word' && fieldNamed(text) !== undefined) {
      const field = fieldNamed(text);
      wanted =
        field === undefined || field.kind === 'presence' ? { kind: 'connective' } : { kind: 'comparison', field };
    } else if (text === 'and' || text === 'or' || text === '&&' || text === '||') wanted = { kind: 'field' };
  }
  return wanted;
}

function valuesOf(field: Field, tables: IndexTables): readonly Completion[] {
  const values =
    field.kind === 'name'
      ? [...field.numbers.keys()]
      : field.kind === 'number'
        ? (field.values?.(tables) ?? [])
        : field.kind === 'address'
          ? addressesOf(field.layer, tables)
          : [];
  return values.map((text) => ({ text, what: '' }));
}

function addressesOf(layer: 'inner' | 'outer' | 'any', { tunnels }: IndexTables): readonly string[] {
  if (layer === 'inner') return [];
  return [...new Set(tunnels.flatMap(({ source, destination }) => [source, destination]))];
}

function listFor(wanted: Wanted, tables: IndexTables): readonly Completion[] {
  switch (wanted.kind) {
    case 'field':
      return [...FIELDS.map(({ name, what }) => ({ text: name, what })), NEGATION];
    case 'comparison': {
      const { field } = wanted;
      return [...COMPARISONS, ...(field.kind === 'number' ? ORDERS : []), ...CONNECTIVES];
    }
    case 'value':
      return valuesOf(wanted.field, tables);
    case 'connective':
      return CONNECTIVES;
  }
}

/**
 * What may come at the cursor: fields, comparisons, values that the capture has. Those that begin with the typed letters come
 * first, then those that contain them.
 * @param cursor offset in the text
 */
export function completions(text: string, cursor: number, tables: IndexTables): Completions {
  const before = text.slice(0, cursor);
  let tokens: readonly Token[];
  try {
    tokens = tokensOf(before).slice(0, -1);
  } catch (error) {
    if (error instanceof FilterError) return { from: cursor, to: cursor, list: [] };
    throw error;
  }
  const last = tokens.at(-1);
  const isTyping = last !== undefined && last.to === cursor && last.kind !== 'text' && !'(){},'.includes(last.text);
  const typed = isTyping ? last.text.toLowerCase() : '';
  const list = listFor(wantedAfter(isTyping ? tokens.slice(0, -1) : tokens), tables).filter(
    ({ text: one }) => one !== typed,
  );
  const starting = list.filter(({ text: one }) => one.toLowerCase().startsWith(typed));
  const containing = typed === '' ? [] : list.filter(({ text: one }) => one.toLowerCase().indexOf(typed) > 0);
  return {
    from: isTyping ? last.from : cursor,
    to: cursor,
    list: [...starting, ...containing].slice(0, MAX_COMPLETIONS),
  };
}
