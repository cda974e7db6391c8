/** What the main thread and the thread of a mesh tell each other: plain data, in the order in which it takes effect. */
import type { ForwardedStyle, ProxyVersion } from '../../overlay/index.js';
import type { Route, RouteKind } from '../../mesh/index.js';

/** A prefix of addresses of trusted peers. */
export interface PlainPrefix {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  readonly length: number;
}

/** Settings of the thread. Times in milliseconds. */
export interface MeshPlanSettings {
  readonly http: readonly number[];
  readonly tls: readonly number[];
  readonly listen: readonly string[];
  readonly netns: string | undefined;
  readonly trusted: readonly PlainPrefix[];
  readonly acceptProxy: boolean;
  readonly sendProxy: ProxyVersion;
  readonly forwarded: ForwardedStyle;
  readonly debug: boolean;
  readonly log: string | undefined;
  readonly timeouts: {
    readonly head: number;
    readonly idle: number;
    readonly connect: number;
    readonly response: number;
    readonly tunnel: number;
  };
  /** Name of the node, of which the pseudonym in Via is made. */
  readonly node: string;
}

/** A task: its name, and its IPv4 address. */
export interface PlannedTask {
  readonly name: string;
  readonly address: string;
}

/** The backends of a service on a network. */
export interface PlannedBackends {
  readonly service: string;
  readonly network: string;
  /** IPv4 address; undefined for DNS round-robin. */
  readonly vip: string | undefined;
  /** Tasks that take connections. */
  readonly tasks: readonly PlannedTask[];
  /** Tasks that are shutting down: they get nothing new, and end what is under way. */
  readonly draining: readonly PlannedTask[];
}

/** Identifies the backends of a service on a network. */
export function backendsKey(service: string, network: string): string {
  return JSON.stringify([service, network]);
}

/** What the main thread orders. */
export type MeshOrder =
  | { readonly kind: 'settings'; readonly settings: MeshPlanSettings }
  /** All routes of a service from now on. `route.port` and `route.network` are set. */
  | { readonly kind: 'routes'; readonly service: string; readonly routes: readonly Route[] }
  | { readonly kind: 'backends'; readonly backends: PlannedBackends }
  | { readonly kind: 'forget-backends'; readonly service: string; readonly network: string }
  /** Asks for `done` once all before has taken effect. */
  | { readonly kind: 'mark'; readonly id: number }
  | { readonly kind: 'report' }
  /** Stops listening, lets requests end that are under way (at most so many milliseconds), and ends the thread. */
  | { readonly kind: 'close'; readonly patience: number };

/** Counters of a route. */
export interface RouteReport {
  readonly kind: RouteKind;
  readonly host: string;
  readonly path: string;
  readonly service: string;
  readonly source: string;
  /** Whether the mesh itself answers, with another URL. */
  readonly isRedirect: boolean;
  /** By hundreds of the status: `2xx`; and `failed` by reason. */
  readonly responses: Readonly<Record<string, number>>;
  readonly failures: Readonly<Record<string, number>>;
  readonly active: number;
  readonly retries: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Requests by upper bounds of their seconds, cumulative as in Prometheus, and their sum. */
  readonly seconds: { readonly bounds: readonly number[]; readonly counts: readonly number[]; readonly sum: number };
  readonly backends: readonly BackendReport[];
}

/** A backend of a route. */
export interface BackendReport {
  /** Name of the task; of the service, for a virtual IP. */
  readonly name: string;
  /** With its port. */
  readonly address: string;
  /** Requests and connections that are under way. */
  readonly active: number;
  readonly isDown: boolean;
}

/** An address and port that clients connect to. */
export interface ListenerReport {
  readonly address: string;
  readonly port: number;
  /** Whether connections are of TLS, and passed through. */
  readonly isTls: boolean;
}

/** What the thread has and has done. */
export interface MeshReport {
  /** The first `MAX_REPORTED`. */
  readonly routes: readonly RouteReport[];
  /** Number of all routes that are in use. */
  readonly total: number;
  /** Backends that get nothing new, such as tasks that drain, and still have something under way; the first `MAX_REPORTED`. */
  readonly leaving: readonly BackendReport[];
  readonly listeners: readonly ListenerReport[];
  /** Those of clients. */
  readonly connections: number;
  /** Reset because too many were open, or closed for their PROXY header. */
  readonly refused: number;
  /** Requests and connections for which there was no route. */
  readonly unrouted: number;
  /** Lines of the access log that were written, and those that were dropped since it was too slow. */
  readonly logged: number;
  readonly droppedLines: number;
}

/** Maximum number of routes in a report. */
export const MAX_REPORTED = 1000;

/** What the thread says. */
export type MeshMessage =
  | { readonly kind: 'done'; readonly id: number }
  /** Something is wrong, for people, once; and undefined `what` when the trouble of this `cause` is over. */
  | { readonly kind: 'trouble'; readonly cause: string; readonly what: string | undefined }
  | {
      readonly kind: 'report';
      readonly report: MeshReport;
    };
