/** Words, operators and brackets of a filter. */
import { FilterError } from './filter-error.js';

/** Longest filter, in characters: a person types less, and a link may hold anything. */
export const MAX_FILTER = 4096;

/** A part of a filter's text. */
export interface Token {
  readonly kind: 'word' | 'text' | 'operator' | 'end';
  /** The word, the operator, or the quoted text without its quotes. */
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

const OPERATORS = ['==', '!=', '<=', '>=', '&&', '||', '<', '>', '!', '(', ')', '{', '}', ','] as const;
const WORD = /[\w.:/*-]/;

/**
 * Splits a filter into tokens; the last one is `end`.
 * @throws FilterError for a character that belongs to nothing, a quote that isn't closed, or too long a text
 */
export function tokensOf(text: string): Token[] {
  if (text.length > MAX_FILTER) {
    throw new FilterError(`a filter has at most ${MAX_FILTER} characters`, MAX_FILTER, text.length);
  }
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at])) at++;
    else {
      const token = tokenAt(text, at);
      tokens.push(token);
      at = token.to;
    }
  }
  tokens.push({ kind: 'end', text: '', from: text.length, to: text.length });
  return tokens;
}

function tokenAt(text: string, from: number): Token {
  if (text[from] === '"') {
    const to = text.indexOf('"', from + 1);
    if (to < 0) throw new FilterError('the quote is not closed', from, text.length);
    return { kind: 'text', text: text.slice(from + 1, to), from, to: to + 1 };
  }
  const operator = OPERATORS.find((one) => text.startsWith(one, from));
  if (operator !== undefined) return { kind: 'operator', text: operator, from, to: from + operator.length };
  let to = from;
  while (to < text.length && WORD.test(text[to])) to++;
  if (to === from) throw new FilterError(`${JSON.stringify(text[from])} means nothing in a filter`, from, from + 1);
  return { kind: 'word', text: text.slice(from, to), from, to };
}
