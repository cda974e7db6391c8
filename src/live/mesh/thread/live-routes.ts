/** The routes of a mesh as they are now, with what was counted of each. */
import { type Route, RouteKind, RouteTable, type RouteTrouble } from '../../../mesh/index.js';
import { LiveRoute } from '../routing/live-route.js';
import { type RouteCounters } from '../routing/route-counters.js';
import type { Targets } from './targets.js';

/** Routes by service, and the table of all. */
export class LiveRoutes {
  readonly #targets: Targets;
  readonly #byService = new Map<string, readonly Route[]>();
  #table = new RouteTable([]);
  #live = new Map<Route, LiveRoute>();
  /** By host, where one route has all paths. */
  #sole = new Map<string, LiveRoute>();
  /** By what each route takes and which service it leads to: they outlive a change of how. */
  #counters = new Map<string, RouteCounters>();

  constructor(targets: Targets) {
    this.#targets = targets;
  }

  /** Conflicts of routes, with the services that have lost. */
  get troubles(): readonly RouteTrouble[] {
    return this.#table.troubles;
  }

  get size(): number {
    return this.#table.size;
  }

  get hosts(): readonly string[] {
    return this.#table.hosts;
  }

  /** Replaces the routes of a service. They are used after `build`. */
  set(service: string, routes: readonly Route[]): void {
    if (routes.length === 0) this.#byService.delete(service);
    else this.#byService.set(service, routes);
  }

  /** Builds the table of all routes. A route that is as before keeps its object and counters. */
  build(): void {
    const before = new Map(Array.from(this.#live, ([route, live]) => [JSON.stringify(route), live] as const));
    const table = new RouteTable([...this.#byService.values()].flat());
    const live = new Map<Route, LiveRoute>();
    const sole = new Map<string, LiveRoute>();
    const counters = new Map<string, RouteCounters>();
    const hosts = new Map<string, number>();
    this.#targets.beginRoutes();
    for (const route of table) {
      const key = counterKey(route);
      const backends = this.#targets.backendsOf(route);
      const old = before.get(JSON.stringify(route));
      const one = old?.backends === backends ? old : new LiveRoute(route, backends, this.#counters.get(key));
      live.set(route, one);
      counters.set(key, one.counters);
      if (route.kind !== RouteKind.Http) continue;
      hosts.set(route.host, (hosts.get(route.host) ?? 0) + 1);
      if (route.path === '' && !route.isExact) sole.set(route.host, one);
    }
    this.#targets.endRoutes();
    for (const host of sole.keys()) if (host.startsWith('*') || hosts.get(host) !== 1) sole.delete(host);
    this.#table = table;
    this.#live = live;
    this.#sole = sole;
    this.#counters = counters;
  }

  soleRoute(host: string): LiveRoute | undefined {
    return this.#sole.get(host);
  }

  find(host: string, path: string): LiveRoute | undefined {
    return this.#liveOf(this.#table.find(host, path));
  }

  findSni(name: string): LiveRoute | undefined {
    return this.#liveOf(this.#table.findSni(name));
  }

  /** All of them. */
  values(): IterableIterator<LiveRoute> {
    return this.#live.values();
  }

  #liveOf(route: Route | undefined): LiveRoute | undefined {
    return route === undefined ? undefined : this.#live.get(route);
  }
}

function counterKey({ kind, host, path, isExact, service }: Route): string {
  return JSON.stringify([kind, host, path, isExact, service]);
}
