/**
 * Rules of Traefik's routers (doc.traefik.io, "Routers", v2 and v3): matchers with `&&`, `||`, `!` and parentheses. Rules of
 * hosts and paths are understood.
 */
import { VtepError } from '../../error.js';

/** The hosts and paths of one alternative of a rule. */
export interface RuleMatch {
  readonly host: string | undefined;
  readonly path: string;
  readonly isExact: boolean;
}

/** Most alternatives of a rule. */
export const MAX_ALTERNATIVES = 64;
const MAX_RULE = 8192;
const MAX_DEPTH = 32;
/** Longest name of a matcher that is shown. */
const MAX_NAME = 32;

const OTHERS = "isn't followed: requests are told apart by host and path only; let the service do the rest";
const NO_PATTERN = "isn't followed, since its value is a regular expression";
/** Matchers of Traefik that aren't followed, in lower case. */
const WHY_NOT: ReadonlyMap<string, string> = new Map([
  ['hostregexp', `${NO_PATTERN}: use Host, or a route for *.example.org in mesh.routes of the config`],
  ['hostsniregexp', `${NO_PATTERN}: use HostSNI, or a route for sni://*.example.org in mesh.routes of the config`],
  ['pathregexp', `${NO_PATTERN}: use PathPrefix`],
  ...['method', 'header', 'headers', 'headerregexp', 'headersregexp', 'query', 'queryregexp', 'clientip', 'alpn'].map(
    (name) => [name, OTHERS] as const,
  ),
]);

/** A rule that isn't understood, and why. */
export class RuleError extends VtepError<'BAD_RULE'> {
  constructor(why: string) {
    super('BAD_RULE', why);
  }
}

type Mark = '&&' | '||' | '!' | '(' | ')' | ',';
type Token = { readonly kind: Mark | 'end' } | { readonly kind: 'name' | 'text'; readonly text: string };

const PATTERN = /\s*(?:(&&|\|\||[!(),])|([A-Za-z]+)|`([^`]*)`|"([^"\\]*)")/y;
const ANYTHING: RuleMatch = { host: undefined, path: '', isExact: false };

/**
 * Reads a rule.
 * @param hostMatcher the matcher of hosts: `Host`, or `HostSNI` of TCP
 * @returns its alternatives
 * @throws RuleError with the first reason why it isn't understood
 */
export function readRule(rule: string, hostMatcher: 'Host' | 'HostSNI'): readonly RuleMatch[] {
  if (rule.length > MAX_RULE) throw new RuleError(`a rule of more than ${MAX_RULE} characters`);
  return new RuleParser(tokensOf(rule), hostMatcher.toLowerCase()).whole();
}

function tokensOf(rule: string): Token[] {
  const tokens: Token[] = [];
  PATTERN.lastIndex = 0;
  const text = rule.trimEnd();
  while (PATTERN.lastIndex < text.length) {
    const found = PATTERN.exec(text);
    if (found === null) throw new RuleError('its rule has something that no rule has');
    const [mark, name, quoted, double = ''] = found.slice(1) as (string | undefined)[];
    if (mark !== undefined) tokens.push({ kind: mark as Mark });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else tokens.push({ kind: 'text', text: quoted ?? double });
  }
  return [...tokens, { kind: 'end' }];
}

/** Reads tokens into alternatives. Throws a `RuleError`. */
class RuleParser {
  readonly #tokens: readonly Token[];
  /** In lower case: Traefik takes both. */
  readonly #hostMatcher: string;
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], hostMatcher: string) {
    this.#tokens = tokens;
    this.#hostMatcher = hostMatcher;
  }

  whole(): readonly RuleMatch[] {
    const found = this.#either();
    this.#expect('end');
    return found;
  }

  #either(): readonly RuleMatch[] {
    let found = this.#both();
    while (this.#takes('||')) found = limited([...found, ...this.#both()]);
    return found;
  }

  #both(): readonly RuleMatch[] {
    let found = this.#one();
    while (this.#takes('&&')) {
      const other = this.#one();
      found = limited(found.flatMap((one) => other.map((next) => combined(one, next))));
    }
    return found;
  }

  #one(): readonly RuleMatch[] {
    if (this.#takes('!')) throw new RuleError('its rule excludes something with !');
    if (this.#takes('(')) {
      if (++this.#depth > MAX_DEPTH) throw new RuleError('its rule has too many parentheses');
      const found = this.#either();
      this.#expect(')');
      this.#depth--;
      return found;
    }
    const token = this.#tokens[this.#next++];
    if (token.kind !== 'name') throw new RuleError('its rule lacks a matcher');
    return this.#matcher(token.text);
  }

  #matcher(name: string): readonly RuleMatch[] {
    this.#expect('(');
    const values: string[] = [];
    do {
      const token = this.#tokens[this.#next++];
      if (token.kind !== 'text') throw new RuleError(`${name} lacks a value in backquotes`);
      values.push(token.text);
    } while (this.#takes(','));
    this.#expect(')');
    const matcher = name.toLowerCase();
    const isHost = matcher === this.#hostMatcher || (matcher === 'hostheader' && this.#hostMatcher === 'host');
    if (isHost) return values.map((host) => ({ ...ANYTHING, host }));
    if (this.#hostMatcher === 'host' && (matcher === 'pathprefix' || matcher === 'path')) {
      return values.map((path) => ({ ...ANYTHING, path, isExact: matcher === 'path' }));
    }
    const why = WHY_NOT.get(matcher) ?? 'is unknown';
    throw new RuleError(`the matcher ${name.slice(0, MAX_NAME)} ${why}`);
  }

  #takes(kind: Token['kind']): boolean {
    if (this.#tokens[this.#next].kind !== kind) return false;
    this.#next++;
    return true;
  }

  #expect(kind: Token['kind']): void {
    if (!this.#takes(kind))
      throw new RuleError(kind === 'end' ? 'its rule goes on after its end' : `its rule lacks ${kind}`);
  }
}

function limited(found: readonly RuleMatch[]): readonly RuleMatch[] {
  if (found.length > MAX_ALTERNATIVES) throw new RuleError(`its rule has more than ${MAX_ALTERNATIVES} alternatives`);
  return found;
}

/** What meets both. */
function combined(one: RuleMatch, other: RuleMatch): RuleMatch {
  if (one.host !== undefined && other.host !== undefined) throw new RuleError('its rule wants two hosts at once');
  if (one.path !== '' && other.path !== '') throw new RuleError('its rule wants two paths at once');
  const { path, isExact } = one.path === '' ? other : one;
  return { host: one.host ?? other.host, path, isExact };
}
