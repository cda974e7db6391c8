/** Yields to the event loop between batches, so that a long read doesn't delay timers, sockets and signals. */

/** Maximum time in milliseconds between yields, plus the consumer's work on one batch. */
const TURN_AFTER_MS = 4;

/** Yields to the event loop at intervals. This affects when packets are read, never which. */
export class LoopTurns {
  #last = performance.now();

  /** Whether the event loop has been blocked long enough that `take` should be awaited. */
  get due(): boolean {
    return performance.now() - this.#last >= TURN_AFTER_MS;
  }

  /** Resolves once everything else that was pending has run. */
  async take(): Promise<void> {
    await new Promise<void>(schedule);
    this.#last = performance.now();
  }
}

/** Node's setImmediate runs right after the I/O poll; browsers only have timers. */
const immediately = Reflect.get(globalThis, 'setImmediate') as ((call: () => void) => unknown) | undefined;

function schedule(resolve: () => void): void {
  if (immediately === undefined) setTimeout(resolve, 0);
  else immediately(resolve);
}
