/**
 * Parses the part of PromQL that the dashboard and the alert rules use, and says which metrics and labels an expression
 * needs and which labels its result has. promtool checks more; it isn't in Debian's tools for tests.
 */
import assert from 'node:assert/strict';

/** A metric in an expression. */
export interface Selector {
  readonly metric: string;
  /** Label, operator and value of each matcher. */
  readonly matchers: readonly (readonly [label: string, operator: string, value: string])[];
}

/** An expression. */
export interface Expression {
  readonly selectors: readonly Selector[];
  /** Labels that are summed up by, with the metrics summed up. */
  readonly groupings: readonly { readonly labels: readonly string[]; readonly metrics: readonly string[] }[];
  /** Labels of the result: those that a grouping leaves, or all of a metric (`metric`). */
  readonly result: { readonly labels: readonly string[] } | { readonly metric: string } | undefined;
}

const TOKEN =
  /\s*(?:(?<text>"(?:[^"\\]|\\.)*")|(?<range>\[(?:\d+[smhdw]|\$__rate_interval)\])|(?<duration>\d+[smhdw]\b)|(?<number>\d+(?:\.\d+)?)|(?<name>[a-zA-Z_]\w*)|(?<sign>[=!]~|[=!<>]=|[-+*/<>=(){},]))/y;
const AGGREGATIONS = ['sum', 'min', 'max', 'count', 'avg'];
const FUNCTIONS = ['rate', 'increase', 'changes', 'time', 'vector'];
const RANGE_FUNCTIONS = ['rate', 'increase', 'changes'];
const BINARY = ['+', '-', '*', '/', '==', '!=', '<', '>', '<=', '>=', 'and', 'or', 'unless'];

interface Token {
  readonly kind: string;
  readonly text: string;
}

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  const text = source.trimEnd();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    assert.ok(match?.groups, `no PromQL at ${JSON.stringify(text.slice(at, at + 40))}`);
    const groups = match.groups as Readonly<Record<string, string | undefined>>;
    const [kind, value] = Object.entries(groups).find(([, one]) => one !== undefined) as [string, string];
    tokens.push({ kind, text: value });
  }
  return tokens;
}

class Parser {
  readonly selectors: Selector[] = [];
  readonly groupings: { labels: readonly string[]; metrics: readonly string[] }[] = [];
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(source: string) {
    this.#tokens = tokensOf(source);
  }

  whole(): Expression['result'] {
    const result = this.#binary();
    assert.equal(this.#at, this.#tokens.length, `more than an expression: ${this.#next()?.text}`);
    return result;
  }

  #next(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #take(text: string): boolean {
    if (this.#next()?.text !== text || this.#next()?.kind === 'text') return false;
    this.#at++;
    return true;
  }

  #expect(text: string): void {
    assert.ok(this.#take(text), `${text} expected, not ${this.#next()?.text}`);
  }

  #kind(kind: string): string {
    const token = this.#next();
    assert.ok(token?.kind === kind, `${kind} expected, not ${token?.text}`);
    this.#at++;
    return token.text;
  }

  /** Labels are those of the left side, or of the right one if the left is a number. */
  #binary(): Expression['result'] {
    let left = this.#operand();
    while (BINARY.includes(this.#next()?.text ?? '')) {
      this.#at++;
      const right = this.#operand();
      left ??= right;
    }
    return left;
  }

  #operand(): Expression['result'] {
    const token = this.#next();
    assert.ok(token !== undefined, 'an operand is missing');
    if (this.#take('(')) {
      const inner = this.#binary();
      this.#expect(')');
      return inner;
    }
    if (token.kind === 'number') {
      this.#at++;
      return undefined;
    }
    const name = this.#kind('name');
    if (AGGREGATIONS.includes(name)) return this.#aggregation();
    if (FUNCTIONS.includes(name)) return this.#call(name);
    assert.ok(this.#next()?.text !== '(', `no function ${name} is known here`);
    return this.#selector(name, false);
  }

  #aggregation(): Expression['result'] {
    let labels: readonly string[] = [];
    if (this.#take('by')) labels = this.#labels();
    this.#expect('(');
    const first = this.selectors.length;
    this.#binary();
    this.#expect(')');
    this.groupings.push({ labels, metrics: this.selectors.slice(first).map(({ metric }) => metric) });
    return { labels };
  }

  #labels(): string[] {
    const labels: string[] = [];
    this.#expect('(');
    do labels.push(this.#kind('name'));
    while (this.#take(','));
    this.#expect(')');
    return labels;
  }

  #call(name: string): Expression['result'] {
    this.#expect('(');
    if (this.#take(')')) return undefined;
    const inner = RANGE_FUNCTIONS.includes(name) ? this.#selector(this.#kind('name'), true) : this.#binary();
    this.#expect(')');
    return inner;
  }

  #selector(metric: string, ranged: boolean): Expression['result'] {
    const matchers: (readonly [string, string, string])[] = [];
    if (this.#take('{')) {
      do {
        const label = this.#kind('name');
        const operator = this.#kind('sign');
        assert.ok(['=', '!=', '=~', '!~'].includes(operator), operator);
        matchers.push([label, operator, JSON.parse(this.#kind('text')) as string]);
      } while (this.#take(','));
      this.#expect('}');
    }
    assert.equal(
      this.#next()?.kind === 'range',
      ranged,
      `${metric}: a range belongs in rate() and the like, and there only`,
    );
    if (ranged) this.#at++;
    if (this.#take('offset')) this.#kind('duration');
    this.selectors.push({ metric, matchers });
    return { metric };
  }
}

/** Parses an expression; it fails if it isn't one. */
export function parsePromql(source: string): Expression {
  const parser = new Parser(source);
  const result = parser.whole();
  return { selectors: parser.selectors, groupings: parser.groupings, result };
}
