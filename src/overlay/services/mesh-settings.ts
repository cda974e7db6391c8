/** The HTTP routing mesh that a config describes: where a node listens, and routes besides those of labels. */
import type { Prefix } from '../prefix.js';

/** Versions of the PROXY protocol that the mesh can begin connections to backends with. */
export const ProxyVersion = { None: 0, Text: 1, Binary: 2 } as const;
export type ProxyVersion = (typeof ProxyVersion)[keyof typeof ProxyVersion];

/** In which fields requests say who asked. */
export const ForwardedStyle = {
  /** X-Forwarded-For, -Proto, -Host and -Port. */
  X: 'x-forwarded',
  /** Forwarded (RFC 7239). */
  Standard: 'forwarded',
  Both: 'both',
} as const;
export type ForwardedStyle = (typeof ForwardedStyle)[keyof typeof ForwardedStyle];

/** A route that a config has, beside those of labels. */
export interface ConfiguredRoute {
  /** `http://HOST[/PATH]` or `sni://HOST`. */
  readonly url: string;
  readonly service: string;
  readonly port: number | undefined;
  readonly network: string | undefined;
  /** What stands for the path in requests to the service. */
  readonly rewrite: string | undefined;
  readonly vip: boolean;
  readonly http2: boolean;
  /** Name of a cookie of the application. */
  readonly stickyCookie: string | undefined;
  readonly redirect: string | undefined;
  /** Its place in the config. */
  readonly source: string;
}

/** Times in seconds. */
export interface MeshTimeouts {
  /** Until the head of a request is complete. @default 10 */
  readonly head: number;
  /** Between two requests of a client. @default 60 */
  readonly idle: number;
  /** Until a connection to a backend stands. @default 2 */
  readonly connect: number;
  /** In which a backend, or a client that is being read from or written to, must do something. @default 60 */
  readonly response: number;
  /** In which something must come through a WebSocket, or a connection of TLS. @default 3600 */
  readonly tunnel: number;
}

/** A node's mesh. */
export interface MeshSettings {
  /** Whether nodes run none, whatever labels of services ask for (`mesh: false`). @default false */
  readonly isOff: boolean;
  /** TCP ports for HTTP in clear text. @default [80] */
  readonly http: readonly number[];
  /** TCP ports for TLS, passed through by server name. @default [] */
  readonly tls: readonly number[];
  /** IP addresses to listen on. @default ['0.0.0.0'] */
  readonly listen: readonly string[];
  /** Network namespace from which backends are reached; the process's own by default. */
  readonly netns: string | undefined;
  /** Peers whose X-Forwarded-*, Forwarded and PROXY protocol headers are believed. @default [] */
  readonly trusted: readonly Prefix[];
  /** Whether connections of trusted peers begin with a PROXY protocol header. @default false */
  readonly acceptProxy: boolean;
  /** @default ProxyVersion.None */
  readonly sendProxy: ProxyVersion;
  /** @default ForwardedStyle.X */
  readonly forwarded: ForwardedStyle;
  /** Whether the answer to an unknown host names the hosts that there are (`--mesh-debug`). @default false */
  readonly debug: boolean;
  /** File of the access log, in JSON lines; `-` is the standard output. Undefined for none. */
  readonly log: string | undefined;
  /** Nodes that run the mesh; empty for all. */
  readonly nodes: readonly string[];
  readonly timeouts: MeshTimeouts;
  readonly routes: readonly ConfiguredRoute[];
}

/** A mesh of which nothing is said. */
export const DEFAULT_MESH: MeshSettings = {
  isOff: false,
  http: [80],
  tls: [],
  listen: ['0.0.0.0'],
  netns: undefined,
  trusted: [],
  acceptProxy: false,
  sendProxy: ProxyVersion.None,
  forwarded: ForwardedStyle.X,
  debug: false,
  log: undefined,
  nodes: [],
  timeouts: { head: 10, idle: 60, connect: 2, response: 60, tunnel: 3600 },
  routes: [],
};
