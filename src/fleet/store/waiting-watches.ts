/** Watches of a store in this process that wait for a change. Each is woken only by changes below its own prefix. */
import { hasPrefix } from './key.js';

/** A watch. It waits for one change at a time. */
export class WaitingWatch {
  readonly prefix: string;
  readonly #watches: Map<string, Set<WaitingWatch>>;
  #resume: ((complete: number) => void) | undefined;
  #isStopped = false;

  constructor(prefix: string, watches: Map<string, Set<WaitingWatch>>) {
    this.prefix = prefix;
    this.#watches = watches;
  }

  /** Whether it was stopped. Many times faster than to ask a signal, which a watch does for each change. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Resolves with the revision up to which nothing below the prefix has changed since the call; 0 if that isn't known. */
  next(): Promise<number> {
    const waiting = this.#watches.get(this.prefix);
    if (waiting) waiting.add(this);
    else this.#watches.set(this.prefix, new Set([this]));
    return new Promise((resolve) => (this.#resume = resolve));
  }

  /** Ends the wait, if there is one. */
  wake(complete: number): void {
    this.#resume?.(complete);
    this.#resume = undefined;
  }

  /** Ends the wait without a change, for good. */
  readonly stop = (): void => {
    this.#isStopped = true;
    const waiting = this.#watches.get(this.prefix);
    waiting?.delete(this);
    if (waiting?.size === 0) this.#watches.delete(this.prefix);
    this.wake(0);
  };
}

/** All watches of a store that wait. */
export class WaitingWatches {
  readonly #byPrefix = new Map<string, Set<WaitingWatch>>();

  /** A watch that doesn't wait yet. */
  watch(prefix: string): WaitingWatch {
    return new WaitingWatch(prefix, this.#byPrefix);
  }

  /** Wakes those that a change is for. */
  changed(key: string, revision: number): void {
    for (const [prefix, waiting] of this.#byPrefix) {
      if (!hasPrefix(key, prefix)) continue;
      this.#byPrefix.delete(prefix);
      for (const watch of waiting) watch.wake(revision - 1);
    }
  }

  /** Wakes all. */
  wakeAll(): void {
    for (const waiting of this.#byPrefix.values()) for (const watch of waiting) watch.wake(0);
    this.#byPrefix.clear();
  }
}
