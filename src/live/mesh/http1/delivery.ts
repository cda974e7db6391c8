/** One request's way to a backend: which target, on which connection, and what may be tried again. */
import { BackendMode } from '../../../mesh/index.js';
import type { Client } from '../client.js';
import type { MeshContext } from '../mesh-context.js';
import type { LiveRoute } from '../routing/live-route.js';
import type { Target } from '../routing/target.js';
import { type ResponseTaker, Upstream, UpstreamFailure } from './upstream.js';

/** Attempts at one request. */
const MAX_ATTEMPTS = 3;

/** The way of one request at a time. */
export class Delivery {
  /** The last one that was tried. */
  target: Target | undefined;
  upstream: Upstream | undefined;
  /** Number of connections that were tried. */
  attempts = 0;
  readonly #context: MeshContext;
  readonly #taker: ResponseTaker;
  /** What connections begin with, which are then this client's alone. */
  readonly #beginning: Uint8Array | undefined;
  #own: Upstream | undefined;
  #route: LiveRoute | undefined;
  #cookie: string | undefined;
  #text = '';
  #isRepeatable = false;

  /** @param taker gets the responses */
  constructor(context: MeshContext, client: Client, taker: ResponseTaker) {
    this.#context = context;
    this.#taker = taker;
    this.#beginning = context.beginningFor(client);
  }

  /** Forgets the request before. */
  reset(): void {
    this.target = undefined;
    this.attempts = 0;
    this.#isRepeatable = false;
  }

  /**
   * Sends a request's head.
   * @param cookie what the request says about who answered the ones before
   * @param isRepeatable whether it may be sent again once a backend may have seen it
   * @param now the mesh's clock in milliseconds
   * @returns false if there is no target
   */
  begin(route: LiveRoute, cookie: string | undefined, text: string, isRepeatable: boolean, now: number): boolean {
    this.#route = route;
    this.#cookie = cookie;
    this.#text = text;
    this.#isRepeatable = isRepeatable;
    const target = route.choose(cookie, now);
    if (target === undefined) return false;
    this.#send(target, this.#take(target));
    return true;
  }

  /** The backend has begun to answer: nothing is sent again. */
  answered(): void {
    this.#isRepeatable = false;
    this.#text = '';
    if (this.target !== undefined && this.target.failures > 0) this.target.succeeded();
  }

  /** A line for the response that lets the client come back to the same target; empty if it needs none. */
  get setCookie(): string {
    const sticky = this.#route?.route.sticky;
    const value = this.target?.cookie ?? '';
    if (sticky?.isOwn !== true || value === '' || value === this.#cookie) return '';
    return `Set-Cookie: ${sticky.cookie}=${value}; Path=/; HttpOnly\r\n`;
  }

  /**
   * Tries again after a failure, if that is safe.
   * @returns whether it does
   */
  retry(why: UpstreamFailure): boolean {
    const { target } = this;
    const route = this.#route;
    this.#leave();
    if (target === undefined || route === undefined) return false;
    if (why === UpstreamFailure.Stale) {
      if (!this.#isRepeatable || this.attempts >= MAX_ATTEMPTS) return false;
      const next = target.isLeaving ? route.choose(this.#cookie, this.#context.clock(), target) : target;
      if (next === undefined) return false;
      this.#isRepeatable = false;
      this.#send(next, this.#context.pool.fresh(next));
      return true;
    }
    if (why !== UpstreamFailure.Unreachable && why !== UpstreamFailure.ConnectTimeout) return false;
    const now = this.#context.clock();
    target.failed(now);
    if (this.attempts >= MAX_ATTEMPTS) return false;
    const next = route.choose(this.#cookie, now, target);
    // Behind a virtual IP, another task may answer the next time.
    if (next === undefined || (next === target && route.route.mode !== BackendMode.Vip)) return false;
    this.#send(next, this.#take(next));
    return true;
  }

  /** Both messages are complete: the connection may serve others. */
  complete(): void {
    const { upstream } = this;
    this.#leave();
    if (upstream === undefined) return;
    if (this.#beginning === undefined) {
      this.#context.pool.release(upstream);
      return;
    }
    if (upstream.isReusable && !upstream.target.isLeaving) this.#own = upstream;
    else upstream.destroy();
  }

  /** Gives the request up. */
  abandon(): void {
    const { upstream } = this;
    this.#leave();
    upstream?.destroy();
  }

  /** Gives everything up: the client is gone. */
  close(): void {
    this.abandon();
    this.#own?.destroy();
    this.#own = undefined;
  }

  get #isHttp2(): boolean {
    return this.#route?.route.isHttp2 === true;
  }

  #take(target: Target): Upstream {
    const { pool } = this.#context;
    if (this.#isHttp2) {
      const open = this.#context.sessions.bridge(target, this.#beginning);
      return new Upstream(target, open, pool.deadlines, () => undefined);
    }
    if (this.#beginning === undefined) return pool.take(target);
    const own = this.#own;
    this.#own = undefined;
    if (own?.target === target && own.isReusable && !target.isLeaving && own.idleUntil > pool.deadlines.now) return own;
    own?.destroy();
    return pool.fresh(target);
  }

  #send(target: Target, upstream: Upstream): void {
    this.attempts++;
    this.target = target;
    this.upstream = upstream;
    target.active++;
    upstream.begin(this.#taker);
    if (this.#beginning !== undefined && !upstream.wasUsed && !this.#isHttp2) upstream.socket.write(this.#beginning);
    upstream.socket.write(this.#text, 'latin1');
  }

  #leave(): void {
    if (this.upstream === undefined) return;
    this.upstream = undefined;
    if (this.target !== undefined) this.target.active--;
  }
}
