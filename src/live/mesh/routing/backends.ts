/** The targets of a route, and which of them is next. */
import { hashText, rendezvousWeight } from './target-hash.js';
import type { Target } from './target.js';

/**
 * Targets that take turns. Round-robin per request, as Swarm's load balancers do per connection: shares are equal with
 * any number of clients and however long their connections last, which random choices have only on average.
 */
export class Backends {
  #targets: readonly Target[] = [];
  /** Hashes of the targets' names, in their order. */
  #hashes = new Uint32Array();
  #byCookie: ReadonlyMap<string, Target> = new Map();
  #next = 0;

  get targets(): readonly Target[] {
    return this.#targets;
  }

  set(targets: readonly Target[]): void {
    this.#targets = targets;
    this.#hashes = Uint32Array.from(targets, ({ cookie, host }) => hashText(cookie === '' ? host : cookie));
    this.#byCookie = new Map(targets.map((target) => [target.cookie, target]));
    if (this.#next >= targets.length) this.#next = 0;
  }

  /**
   * The target for a new request or connection; undefined if there is none.
   * @param now the mesh's clock in milliseconds
   * @param except one that has just failed, which is chosen only if there is no other
   */
  choose(now: number, except?: Target): Target | undefined {
    const targets = this.#targets;
    let other: Target | undefined;
    for (let i = 0; i < targets.length; i++) {
      const target = targets[this.#next];
      this.#next = this.#next + 1 < targets.length ? this.#next + 1 : 0;
      if (target !== except && target.downUntil <= now) return target;
      if (other === undefined || other === except) other = target;
    }
    return other;
  }

  /** The target that a cookie of the mesh names, if it is there and not out; otherwise the next. */
  chooseNamed(cookie: string, now: number, except?: Target): Target | undefined {
    const named = this.#byCookie.get(cookie);
    if (named !== undefined && named !== except && named.downUntil <= now) return named;
    return this.choose(now, except);
  }

  /** The target that a text belongs to, such as a session of the application, among those that aren't out. */
  chooseFor(text: string, now: number, except?: Target): Target | undefined {
    const targets = this.#targets;
    const hash = hashText(text);
    let best: Target | undefined;
    let weight = -1;
    for (let i = 0; i < targets.length; i++) {
      const target = targets[i];
      if (target === except || target.downUntil > now) continue;
      const own = rendezvousWeight(hash, this.#hashes[i]);
      if (own <= weight) continue;
      best = target;
      weight = own;
    }
    return best ?? this.choose(now, except);
  }
}
