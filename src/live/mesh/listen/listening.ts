/** Where the mesh listens. */

/** What connections to a port speak. */
export const ListenKind = { Http: 'http', Tls: 'tls' } as const;
export type ListenKind = (typeof ListenKind)[keyof typeof ListenKind];

/** An address and port to listen on. */
export interface Listening {
  /** IPv4 or IPv6. `::` is for both, unless `0.0.0.0` is listened on with the same port. */
  readonly address: string;
  readonly port: number;
  readonly kind: ListenKind;
}

/** Settings, all of which can change while connections are open. */
export interface ListenSettings {
  /** Whether connections of trusted peers begin with a PROXY header. */
  readonly acceptProxy: boolean;
  /** In which a PROXY header must be complete, in milliseconds. */
  readonly headTimeout: number;
}

/** Connections since the start. */
export interface ListenCounters {
  /** Those that a front took over. */
  accepted: number;
  /** Reset because too many were open. */
  refused: number;
  /** Closed because their PROXY header was malformed, or didn't come. */
  badProxyHeaders: number;
}

/** Says what is wrong, once, and with undefined that it is over. */
export type TellTrouble = (cause: string, what: string | undefined) => void;
