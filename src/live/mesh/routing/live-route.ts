/** A route with its backends and counters. */
import type { Route } from '../../../mesh/index.js';
import { Backends } from './backends.js';
import { RouteCounters } from './route-counters.js';
import type { Target } from './target.js';

/** A route that is in use. A change of its backends keeps it; a change of the route itself makes another. */
export class LiveRoute {
  readonly route: Route;
  /** Shared by the routes that lead to the same port of a service. */
  readonly backends: Backends;
  readonly counters: RouteCounters;

  constructor(route: Route, backends = new Backends(), counters = new RouteCounters()) {
    this.route = route;
    this.backends = backends;
    this.counters = counters;
  }

  /**
   * The target for a new request or connection; undefined if there is none.
   * @param cookie value of the route's cookie in the request, if it has one
   * @param now the mesh's clock in milliseconds
   * @param except one that has just failed, which is chosen only if there is no other
   */
  choose(cookie: string | undefined, now: number, except?: Target): Target | undefined {
    const { sticky } = this.route;
    if (sticky === undefined || cookie === undefined || cookie === '') return this.backends.choose(now, except);
    return sticky.isOwn ? this.backends.chooseNamed(cookie, now, except) : this.backends.chooseFor(cookie, now, except);
  }
}
