/** Finds the route of a request. */
import { wildcardOf } from './host-name.js';
import { type Route, RouteKind, type RouteTrouble } from './route.js';

/** Most routes of a table. */
export const MAX_ROUTES = 65_536;

/** Routes by host. A table doesn't change: another one takes its place. */
export class RouteTable {
  readonly #http = new Map<string, Route[]>();
  readonly #sni = new Map<string, Route[]>();
  /** Routes that others keep from being used, and those that are too many. */
  readonly troubles: readonly RouteTrouble[];
  /** Number of routes that are used. */
  readonly size: number;

  /** @param routes in any order. Of two for the same requests, the one whose service and source come first is used */
  constructor(routes: Iterable<Route>) {
    const troubles: RouteTrouble[] = [];
    let size = 0;
    const sorted = [...routes].sort(
      (a, b) =>
        b.priority - a.priority ||
        b.path.length - a.path.length ||
        Number(b.isExact) - Number(a.isExact) ||
        compare(a.service, b.service) ||
        compare(a.source, b.source),
    );
    for (const route of sorted) {
      const { source, host, kind, service } = route;
      if (size === MAX_ROUTES) {
        troubles.push({ source, why: `there are more than ${MAX_ROUTES} routes` });
        continue;
      }
      const hosts = kind === RouteKind.Http ? this.#http : this.#sni;
      const others = hosts.get(host);
      const first = others?.find((other) => isSame(other, route));
      if (first !== undefined) {
        troubles.push({
          source,
          why: `not used for ${service}: ${first.source} of ${first.service} has ${host}${route.path}`,
        });
        continue;
      }
      if (others === undefined) hosts.set(host, [route]);
      else others.push(route);
      size++;
    }
    this.troubles = troubles;
    this.size = size;
  }

  /**
   * The route of a request.
   * @param host as `readHost` gives it
   * @param path without the query
   */
  find(host: string, path: string): Route | undefined {
    const routes = this.#http.get(host);
    if (routes?.length === 1 && routes[0].path === '') return routes[0];
    return matching(routes, path) ?? this.#ofWildcard(this.#http, host, path);
  }

  /**
   * The route of a connection of TLS.
   * @param name the server name, in lower case
   */
  findSni(name: string): Route | undefined {
    return this.#sni.get(name)?.[0] ?? this.#ofWildcard(this.#sni, name, '/');
  }

  /** The hosts of requests, in order; without the server names of TLS. */
  get hosts(): string[] {
    return [...this.#http.keys()].sort(compare);
  }

  /** All routes. */
  *[Symbol.iterator](): Generator<Route> {
    for (const hosts of [this.#http, this.#sni]) for (const routes of hosts.values()) yield* routes;
  }

  #ofWildcard(hosts: ReadonlyMap<string, readonly Route[]>, host: string, path: string): Route | undefined {
    const wildcard = wildcardOf(host);
    return wildcard === undefined ? undefined : matching(hosts.get(wildcard), path);
  }
}

function matching(routes: readonly Route[] | undefined, path: string): Route | undefined {
  return routes?.find((route) => matches(route, path));
}

/** Whether a path begins with the route's, as with Traefik and nginx: `/api` also takes `/apis`. */
function matches({ path: begin, isExact }: Route, path: string): boolean {
  return isExact ? path === begin : path.startsWith(begin);
}

function isSame(one: Route, other: Route): boolean {
  return one.path === other.path && one.isExact === other.isExact;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
