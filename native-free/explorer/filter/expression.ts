/** The grammar of filters: fields, comparisons, sets, `and`, `or`, `not` and parentheses, as in Wireshark's display filters. */
import { didYouMean } from '../../../src/text/suggestion.js';
import { type Field, fieldNamed, FIELD_NAMES } from './fields.js';
import { FilterError } from './filter-error.js';
import { type Token, tokensOf } from './tokens.js';

/** How a field is compared. */
export type Comparison = '==' | '!=' | '<' | '>' | '<=' | '>=' | 'in';

/** A filter as a tree. */
export type Expression =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[] }
  | { readonly kind: 'not'; readonly part: Expression }
  | { readonly kind: 'present'; readonly field: Field }
  | {
      readonly kind: 'compare';
      readonly field: Field;
      readonly comparison: Comparison;
      readonly values: readonly Token[];
    };

/** Deepest nesting of parentheses and negations. */
const MAX_DEPTH = 64;

const COMPARISONS = new Map<string, Comparison>([
  ['==', '=='],
  ['eq', '=='],
  ['!=', '!='],
  ['ne', '!='],
  ['<', '<'],
  ['lt', '<'],
  ['>', '>'],
  ['gt', '>'],
  ['<=', '<='],
  ['le', '<='],
  ['>=', '>='],
  ['ge', '>='],
  ['in', 'in'],
]);
const AND = new Set(['&&', 'and']);
const OR = new Set(['||', 'or']);
const NOT = new Set(['!', 'not']);

/** Words that are not fields. */
export const KEYWORDS = ['and', 'or', 'not', 'in'] as const;

/** The comparison that an operator or a word stands for, if any. */
export function comparisonNamed(text: string): Comparison | undefined {
  return COMPARISONS.get(text);
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const expression = this.#alternatives();
    const rest = this.#token;
    if (rest.kind !== 'end') throw unexpected(rest, 'and, or, or the end');
    return expression;
  }

  get #token(): Token {
    return this.#tokens[this.#at];
  }

  #takes(words: ReadonlySet<string>): boolean {
    const { kind, text } = this.#token;
    if ((kind !== 'word' && kind !== 'operator') || !words.has(text)) return false;
    this.#at++;
    return true;
  }

  #takesOperator(text: string): boolean {
    const { kind, text: found } = this.#token;
    if (kind !== 'operator' || found !== text) return false;
    this.#at++;
    return true;
  }

  #alternatives(): Expression {
    const parts = [this.#conjunction()];
    while (this.#takes(OR)) parts.push(this.#conjunction());
    return parts.length === 1 ? parts[0] : { kind: 'or', parts };
  }

  #conjunction(): Expression {
    const parts = [this.#term()];
    while (this.#takes(AND)) parts.push(this.#term());
    return parts.length === 1 ? parts[0] : { kind: 'and', parts };
  }

  #term(): Expression {
    const first = this.#token;
    if (++this.#depth > MAX_DEPTH)
      throw new FilterError(`a filter is at most ${MAX_DEPTH} levels deep`, first.from, first.to);
    try {
      if (this.#takes(NOT)) return { kind: 'not', part: this.#term() };
      if (!this.#takesOperator('(')) return this.#test();
      const inside = this.#alternatives();
      if (!this.#takesOperator(')')) throw unexpected(this.#token, 'a closing parenthesis');
      return inside;
    } finally {
      this.#depth--;
    }
  }

  #test(): Expression {
    const name = this.#token;
    if (name.kind !== 'word') throw unexpected(name, 'a field');
    const field = fieldNamed(name.text);
    if (field === undefined) {
      const hint = didYouMean(name.text, FIELD_NAMES);
      throw new FilterError(`there is no field ${JSON.stringify(name.text)}${hint}`, name.from, name.to);
    }
    this.#at++;
    const operator = this.#token;
    const comparison = operator.kind === 'end' ? undefined : comparisonNamed(operator.text);
    if (comparison === undefined) return { kind: 'present', field };
    if (field.kind === 'presence') {
      throw new FilterError(
        `${field.name} is true or false: write ${field.name}, or not ${field.name}`,
        name.from,
        operator.to,
      );
    }
    this.#at++;
    const values = comparison === 'in' ? this.#set() : [this.#value()];
    return { kind: 'compare', field, comparison, values };
  }

  #set(): Token[] {
    if (!this.#takesOperator('{')) throw unexpected(this.#token, 'a set such as {80, 443, 8000..8080}');
    const values = [this.#value()];
    while (!this.#takesOperator('}')) {
      this.#takesOperator(',');
      values.push(this.#value());
    }
    return values;
  }

  #value(): Token {
    const token = this.#token;
    if (token.kind !== 'word' && token.kind !== 'text') throw unexpected(token, 'a value');
    this.#at++;
    return token;
  }
}

function unexpected({ kind, text, from, to }: Token, expected: string): FilterError {
  const found = kind === 'end' ? 'the filter ends' : `there is ${JSON.stringify(text)}`;
  return new FilterError(`${found} where ${expected} should be`, from, to);
}

/**
 * Parses a filter.
 * @returns undefined for an empty one, which selects everything
 * @throws FilterError
 */
export function parseFilter(text: string): Expression | undefined {
  const tokens = tokensOf(text);
  return tokens.length === 1 ? undefined : new Parser(tokens).whole();
}
