/** The lines that tell backends who asked: X-Forwarded-*, X-Real-IP, Forwarded (RFC 7239) and Via (RFC 9110 section 7.6.3). */
import { ForwardedStyle } from '../../overlay/index.js';
import type { AddedFields } from '../http1/index.js';
import { type Chain, chainOf } from './chain.js';
import { CLAIM_FIELDS, REWRITTEN_FIELDS } from './claims.js';
import { forwardedNode, forwardedText } from './forwarded-list.js';
import { type Received, ReceivedVersion, type Requester } from './received.js';

const HTTP_1: Received = { version: ReceivedVersion.Http11 };
/** What the mesh itself speaks with clients: connections of TLS pass it unread. */
const PROTO = 'http';
/** Hosts that can't be taken for a list, or for another field. */
const PLAIN_HOST = /^[a-z0-9._~[\]:-]+$/;

/** What the latest request of a client got, with what it depends on. */
interface Latest {
  readonly host: string;
  readonly version: ReceivedVersion;
  readonly added: AddedFields;
}

/**
 * Makes the lines for requests of clients.
 *
 * A client that isn't trusted can't say anything: all its own such fields are dropped, also those of a style that isn't
 * written, and the lines are made once per connection and host. What a trusted peer says is checked and kept, with the
 * peer itself added to the chain: X-Forwarded-Proto, -Host and -Port are those of the client's request.
 */
export class AddedFieldsMaker {
  readonly #style: ForwardedStyle;
  readonly #pseudonym: string;
  readonly #latest = new WeakMap<Requester, Latest>();

  /**
   * @param style fields that are written
   * @param pseudonym of this proxy in Via: a token
   */
  constructor(style: ForwardedStyle, pseudonym: string) {
    this.#style = style;
    this.#pseudonym = pseudonym;
  }

  /**
   * The lines for a request, and which of its own fields it loses.
   * @param requester the same object for all requests of a connection
   * @param host in lower case, without port
   */
  addedFor(requester: Requester, host: string, received: Received = HTTP_1): AddedFields {
    const { version, authority = host, claims } = received;
    if (claims !== undefined && requester.isTrusted) {
      return this.#make(requester, authority, version, chainOf(claims));
    }
    const latest = this.#latest.get(requester);
    if (latest !== undefined && latest.host === authority && latest.version === version) return latest.added;
    const added = this.#make(requester, authority, version, undefined);
    this.#latest.set(requester, { host: authority, version, added });
    return added;
  }

  #make(requester: Requester, authority: string, version: string, chain: Chain | undefined): AddedFields {
    const style = this.#style;
    let lines = '';
    if (style !== ForwardedStyle.Standard) lines += extendedLines(requester, authority, chain);
    if (style !== ForwardedStyle.X) lines += standardLine(requester, authority, chain);
    return {
      lines: `${lines}Via: ${version} ${this.#pseudonym}\r\n`,
      dropped: requester.isTrusted ? REWRITTEN_FIELDS : CLAIM_FIELDS,
    };
  }
}

/** X-Forwarded-* and X-Real-IP. */
function extendedLines({ address, localPort }: Requester, authority: string, chain: Chain | undefined): string {
  const proto = chain?.proto ?? PROTO;
  const host = chain?.authority ?? authority;
  const port = chain?.port ?? (proto === 'https' || proto === 'wss' ? 443 : localPort);
  const nodes = chain === undefined || chain.nodes.length === 0 ? address : `${chain.nodes.join(', ')}, ${address}`;
  return (
    `X-Forwarded-For: ${nodes}\r\nX-Forwarded-Proto: ${proto}\r\n` +
    (PLAIN_HOST.test(host) ? `X-Forwarded-Host: ${host}\r\n` : '') +
    `X-Forwarded-Port: ${port}\r\nX-Real-IP: ${chain?.realIp ?? address}\r\n`
  );
}

/** Forwarded. Whom the mesh itself is (`by`) isn't said: Via has its pseudonym. */
function standardLine({ address }: Requester, authority: string, chain: Chain | undefined): string {
  const own: [string, string][] = [['for', forwardedNode(address === '' ? 'unknown' : address)]];
  if (authority !== '') own.push(['host', authority]);
  own.push(['proto', PROTO]);
  const elements = [...(chain?.elements ?? []), own];
  return `Forwarded: ${elements.map(forwardedText).join(', ')}\r\n`;
}
