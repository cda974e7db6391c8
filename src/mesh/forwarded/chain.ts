/** What trusted peers say about who asked, as far as it is well-formed: what isn't, counts as not said. */
import { isIP } from 'node:net';
import { type ForwardedElement, forwardedNode, readForwarded } from './forwarded-list.js';
import { isNode, nodeName } from './node.js';
import type { Claims } from './received.js';

/** Maximum number of characters of a list: more hops than any request takes. */
const MAX_LIST = 2048;
const PROTO = /^(?:https?|wss?)$/i;
const AUTHORITY = /^(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/;
const PORT = /^[1-9]\d{0,4}$/;
const MAX_PORT = 65_535;

/** A chain of hops that ends with the peer. */
export interface Chain {
  /** Those who asked the peer, the client first; empty if it named none. */
  readonly nodes: readonly string[];
  readonly elements: readonly ForwardedElement[];
  readonly proto: string | undefined;
  readonly authority: string | undefined;
  readonly port: string | undefined;
  /** Address of the client. */
  readonly realIp: string | undefined;
}

/** What claims amount to. What only one of X-Forwarded-For and Forwarded says is in both (RFC 7239 section 7.4). */
export function chainOf(claims: Claims): Chain {
  const elements = claims.forwarded === undefined ? undefined : elementsIn(claims.forwarded);
  const first = elements?.[0];
  const nodes =
    nodesIn(claims.forwardedFor) ?? elements?.map((element) => nodeName(element.get('for') ?? 'unknown')) ?? [];
  const proto = checked(claims.forwardedProto, PROTO) ?? checked(first?.get('proto'), PROTO);
  const authority = checked(claims.forwardedHost, AUTHORITY) ?? checked(first?.get('host'), AUTHORITY);
  const port = checked(claims.forwardedPort, PORT);
  const realIp = claims.realIp?.trim();
  return {
    nodes,
    elements: elements ?? elementsOf(nodes, proto, authority),
    proto,
    authority,
    port: port !== undefined && Number(port) <= MAX_PORT ? port : undefined,
    realIp:
      realIp !== undefined && isIP(realIp) !== 0 ? realIp : nodes.map(nodeName).findLast((node) => isIP(node) !== 0),
  };
}

/** The nodes of X-Forwarded-For; undefined if there are none, or one is malformed. */
function nodesIn(list: string | undefined): readonly string[] | undefined {
  if (list === undefined || list.length > MAX_LIST) return undefined;
  const nodes = list
    .split(',')
    .map((node) => node.trim())
    .filter((node) => node !== '');
  return nodes.length > 0 && nodes.every(isNode) ? nodes : undefined;
}

/** The elements of Forwarded; undefined if something in it is malformed. */
function elementsIn(list: string): readonly ForwardedElement[] | undefined {
  if (list.length > MAX_LIST) return undefined;
  const elements = readForwarded(list);
  const isValid = elements?.every((element) => ['for', 'by'].every((name) => isNode(element.get(name) ?? 'unknown')));
  return isValid === true ? elements : undefined;
}

/** Nodes as elements: what the first hop was asked is known besides. */
function elementsOf(
  nodes: readonly string[],
  proto: string | undefined,
  authority: string | undefined,
): readonly ForwardedElement[] {
  return nodes.map((node, i) => {
    const element = new Map([['for', forwardedNode(node)]]);
    if (i === 0 && authority !== undefined) element.set('host', authority);
    if (i === 0 && proto !== undefined) element.set('proto', proto);
    return element;
  });
}

function checked(value: string | undefined, pattern: RegExp): string | undefined {
  const text = value?.trim().toLowerCase();
  return text !== undefined && text.length <= MAX_LIST && pattern.test(text) ? text : undefined;
}
