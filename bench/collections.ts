/** Counts garbage collections. Needs `--expose-gc`. */
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/** Collections since the last restart. */
export interface CollectionCounts {
  /** Of the young generation. */
  readonly scavenges: number;
  readonly others: number;
}

/** Time to wait for pending notifications, in milliseconds: the observer is notified after a turn of the event loop. */
const NOTIFICATION_MS = 50;

function isScavenge(entry: PerformanceEntry): boolean {
  const { detail } = entry as PerformanceEntry & { readonly detail?: { readonly kind?: number } };
  return detail?.kind === constants.NODE_PERFORMANCE_GC_MINOR;
}

/** The collections of this process. */
export class Collections {
  #entries: PerformanceEntry[] = [];

  /** @throws Error without `--expose-gc` */
  constructor() {
    if (Collections.#collect === undefined) throw new Error('run node with --expose-gc');
    const observer = new PerformanceObserver((list) => {
      this.#entries = this.#entries.concat(list.getEntries());
    });
    observer.observe({ entryTypes: ['gc'] });
  }

  static get #collect(): (() => void) | undefined {
    return (globalThis as { gc?: () => void }).gc;
  }

  /** Collects all garbage, and restarts the count. */
  async restart(): Promise<void> {
    Collections.#collect?.();
    await sleep(NOTIFICATION_MS);
    this.#entries = [];
  }

  /** Collections since the restart. */
  async counted(): Promise<CollectionCounts> {
    await sleep(NOTIFICATION_MS);
    const scavenges = this.#entries.filter(isScavenge).length;
    return { scavenges, others: this.#entries.length - scavenges };
  }
}
