/** The Forwarded field (RFC 7239 section 4), read strictly and written. */
import { isIPv6 } from 'node:net';

/** One hop: its parameters by name in lower case, without quotes. */
export type ForwardedElement = ReadonlyMap<string, string>;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** A pair, from where the last one ended: its name, its value as a token or between quotes, and what follows it. */
const PAIR =
  /[\t ]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[\t !#-[\]-~]|\\[\t !-~])*)")[\t ]*([;,]|$)/y;
/** Maximum number of parameters. */
const MAX_PAIRS = 128;

/** The elements of a list; undefined if it is malformed, or repeats a parameter. */
export function readForwarded(text: string): readonly ForwardedElement[] | undefined {
  const elements: ForwardedElement[] = [];
  let element = new Map<string, string>();
  PAIR.lastIndex = 0;
  for (let i = 0; i < MAX_PAIRS; i++) {
    const groups: readonly (string | undefined)[] | null = PAIR.exec(text);
    if (groups === null) return undefined;
    const [, name = '', token, inQuotes = '', behind] = groups;
    const key = name.toLowerCase();
    if (element.has(key)) return undefined;
    element.set(key, token ?? inQuotes.replace(/\\(.)/g, '$1'));
    if (behind === ';') continue;
    elements.push(element);
    if (behind === '') return elements;
    element = new Map();
  }
  return undefined;
}

/** An element as it is written. */
export function forwardedText(element: Iterable<readonly [string, string]>): string {
  const pairs: string[] = [];
  for (const [name, value] of element) pairs.push(`${name}=${isToken(value) ? value : inQuotes(value)}`);
  return pairs.join(';');
}

/** A node as a value of `for`: addresses of IPv6 are in brackets. */
export function forwardedNode(node: string): string {
  return isIPv6(node) ? `[${node}]` : node;
}

function isToken(text: string): boolean {
  return TOKEN.test(text);
}

function inQuotes(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
