import { type DnsTransport } from './message.js';

/** A query for an upstream server. */
export interface UpstreamRequest {
  /** IPv4 or IPv6. */
  readonly address: string;
  readonly port: number;
  /** The same as the client's. Each request has a socket of its own, and so a source port of its own. */
  readonly transport: DnsTransport;
  /** Whether it leaves from the host's namespace instead of the endpoint's. */
  readonly fromHost: boolean;
  /** The query, without the length prefix of TCP. */
  readonly query: Uint8Array;
  /** Seconds to wait for the connection and for the answer, each. */
  readonly timeout: number;
}

/** What becomes of a query. */
export const ResolutionKind = {
  /** Send the answer to the client. */
  Answer: 'answer',
  /** Send the request, then call `receive` or `fail` of the exchange. */
  Forward: 'forward',
  /** Too many queries are in flight: call `retry` when another is done, or `fail` after the time given. */
  Wait: 'wait',
  /** Send nothing. */
  Silence: 'silence',
} as const;

/** What becomes of a query, or of an answer from upstream. */
export type Resolution =
  | { readonly kind: typeof ResolutionKind.Answer; readonly answer: Uint8Array }
  | { readonly kind: typeof ResolutionKind.Forward; readonly exchange: Exchange; readonly request: UpstreamRequest }
  | { readonly kind: typeof ResolutionKind.Wait; readonly exchange: Exchange; readonly timeout: number }
  | { readonly kind: typeof ResolutionKind.Silence };

/** A query that is forwarded, until it is answered. */
export interface Exchange {
  /**
   * Takes what a server sent. Messages with another id, and queries, are ignored: the result is then the request that
   * is still open.
   */
  receive(message: Uint8Array): Resolution;
  /** The server couldn't be reached or didn't answer in time, or the wait is over. */
  fail(): Resolution;
  /** Tries again after another query of the same client is done. */
  retry(): Resolution;
  /** Gives the query up, for a client that is gone. */
  cancel(): void;
}
