/** What is logged and counted of a request, or of a connection that is passed through. */
import type { Client } from './client.js';
import type { LiveRoute } from './routing/live-route.js';
import type { Target } from './routing/target.js';

/** How a client speaks. */
export const ExchangeProtocol = {
  Http10: 'HTTP/1.0',
  Http11: 'HTTP/1.1',
  Http2: 'HTTP/2',
  WebSocket: 'WebSocket',
  Tls: 'TLS',
} as const;
export type ExchangeProtocol = (typeof ExchangeProtocol)[keyof typeof ExchangeProtocol];

/** Why a request or connection failed in the mesh, as the log has it. */
export const Failure = {
  /** No route has the host or server name. */
  UnknownHost: 'unknown-host',
  /** The route has no backend that takes connections. */
  NoBackend: 'no-backend',
  /** No backend could be reached. */
  Unreachable: 'unreachable',
  /** The backend closed the connection before its response was complete. */
  BackendClosed: 'backend-closed',
  BadResponse: 'bad-response',
  /** A backend took too long. */
  BackendTimeout: 'backend-timeout',
  /** The client sent what isn't read strictly: the response's status says more. */
  BadRequest: 'bad-request',
  ClientTimeout: 'client-timeout',
  ClientClosed: 'client-closed',
  /** The request has been here before. */
  Loop: 'loop',
} as const;
export type Failure = (typeof Failure)[keyof typeof Failure];

/** One of them, when it is over. */
export interface Exchange {
  readonly client: Client;
  readonly protocol: ExchangeProtocol;
  /** Empty for TLS and for what wasn't read. */
  readonly method: string;
  /** In lower case, without port; the server name of TLS. */
  readonly host: string;
  /** With its query; empty for TLS. */
  readonly path: string;
  readonly route: LiveRoute | undefined;
  /** The last one that was tried. */
  readonly target: Target | undefined;
  /** Status of the response; 0 if there was none. */
  readonly status: number;
  /** Bytes of content to the backend and from it; of whole connections where they are passed through. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** By the mesh's clock, in milliseconds. */
  readonly began: number;
  /** Number of backends that were tried. */
  readonly attempts: number;
  readonly failure: Failure | undefined;
}
