/** What a route says: which requests it takes, and where they go. */

/** How a connection is read before it is passed on. */
export const RouteKind = {
  /** Requests of HTTP/1 and HTTP/2 in clear text, by their host and path. */
  Http: 'http',
  /** Connections of TLS, by the server name of their first message. They stay encrypted. */
  Sni: 'sni',
} as const;
export type RouteKind = (typeof RouteKind)[keyof typeof RouteKind];

/** Which address of a service a connection goes to. */
export const BackendMode = {
  /** The virtual IP, behind which the load balancer of the network chooses a task. */
  Vip: 'vip',
  /** The tasks themselves, of which the mesh chooses one: what cookies and health need. */
  Task: 'task',
} as const;
export type BackendMode = (typeof BackendMode)[keyof typeof BackendMode];

/** What requests of a client have in common, so that they reach the same task. */
export interface Stickiness {
  /** Name of the cookie. */
  readonly cookie: string;
  /** Whether the mesh sets the cookie, as Traefik does; otherwise the application does, as with UCP and Interlock. */
  readonly isOwn: boolean;
}

/** A route of a service. */
export interface Route {
  readonly kind: RouteKind;
  /** A host name in lower case, or `*.` and the end of one, which stands for one label. */
  readonly host: string;
  /** The beginning of the paths, empty for all. Only of HTTP. */
  readonly path: string;
  /** Whether only exactly this path is meant. */
  readonly isExact: boolean;
  /** What stands for `path` in requests to the service; undefined if they keep it. */
  readonly rewrite: string | undefined;
  /** Name of the service. */
  readonly service: string;
  /** TCP port of its tasks; undefined if it is the only one that the service publishes. */
  readonly port: number | undefined;
  /** Network on which it is reached; undefined for the first that the node has, too. */
  readonly network: string | undefined;
  readonly mode: BackendMode;
  /** Whether the tasks speak HTTP/2 in clear text, as gRPC does. */
  readonly isHttp2: boolean;
  readonly sticky: Stickiness | undefined;
  /** Where clients are sent instead. */
  readonly redirect: string | undefined;
  /** Higher ones come first; of equal ones, the longer path. */
  readonly priority: number;
  /** Where it is from: the name of a label, or a place in a config. */
  readonly source: string;
}

/** What a label, or a part of a config, asks for and doesn't get. */
export interface RouteTrouble {
  /** Name of the label, or place in a config. */
  readonly source: string;
  /** Why, in a few words. */
  readonly why: string;
}
