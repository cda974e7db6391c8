/** Connections to backends that wait for another request. */
import { connect } from 'node:net';
import type { Target } from '../routing/target.js';
import { Deadlines, type Timed } from './deadlines.js';
import { type OpenSocket, Upstream } from './upstream.js';

/** Most connections that wait, of one target and of all. Those beyond are closed after their request. */
const MAX_IDLE = 256;
const MAX_ALL_IDLE = 4096;

/** Connections by target. */
export class UpstreamPool implements Timed {
  /** Time limits of all connections that use the pool. */
  readonly deadlines: Deadlines;
  readonly #idle = new Map<Target, Upstream[]>();
  readonly #open: OpenSocket;
  readonly #onIdleEnd = (upstream: Upstream): void => this.#remove(upstream);
  #size = 0;

  /**
   * @param clock monotonic, in milliseconds
   * @param open opens connections, for example in another network namespace
   */
  constructor(clock: () => number, open: OpenSocket = (options) => connect(options)) {
    this.#open = open;
    this.deadlines = new Deadlines(clock);
  }

  /** Number of connections that wait. */
  get size(): number {
    return this.#size;
  }

  /** A connection for a request: the one that was used last, whose windows are open and which lives the longest. */
  take(target: Target): Upstream {
    const idle = this.#idle.get(target);
    const upstream = idle?.pop();
    if (upstream === undefined) return this.fresh(target);
    this.#shrink(1);
    return upstream;
  }

  /** A connection that no request was sent on. */
  fresh(target: Target): Upstream {
    return new Upstream(target, this.#open, this.deadlines, this.#onIdleEnd);
  }

  /** Takes a connection back after a request. */
  release(upstream: Upstream): void {
    const { target } = upstream;
    let idle = this.#idle.get(target);
    if (!upstream.isReusable || target.isLeaving || this.#size >= MAX_ALL_IDLE || (idle?.length ?? 0) >= MAX_IDLE) {
      upstream.destroy();
      return;
    }
    if (idle === undefined) this.#idle.set(target, (idle = []));
    idle.push(upstream);
    if (this.#size++ === 0) this.deadlines.add(this);
  }

  /** Closes connections that have waited for too long. */
  sweep(now: number): void {
    for (const [target, idle] of this.#idle) {
      let count = 0;
      while (count < idle.length && idle[count].idleUntil <= now) idle[count++].destroy();
      if (count === 0) continue;
      if (count === idle.length) this.#idle.delete(target);
      else idle.splice(0, count);
      this.#shrink(count);
    }
  }

  /** Closes those of a target that is in no route any more. */
  drop(target: Target): void {
    const idle = this.#idle.get(target);
    if (idle === undefined) return;
    this.#idle.delete(target);
    this.#shrink(idle.length);
    for (const upstream of idle) upstream.destroy();
  }

  /** Closes all. */
  close(): void {
    for (const target of this.#idle.keys()) this.drop(target);
  }

  #remove(upstream: Upstream): void {
    const idle = this.#idle.get(upstream.target);
    const index = idle?.indexOf(upstream) ?? -1;
    if (idle === undefined || index < 0) return;
    idle.splice(index, 1);
    if (idle.length === 0) this.#idle.delete(upstream.target);
    this.#shrink(1);
  }

  #shrink(count: number): void {
    if (count === 0) return;
    this.#size -= count;
    if (this.#size === 0) this.deadlines.delete(this);
  }
}
