/** Turns of the event loop between batches, so that timers, sockets and signals aren't kept waiting by a long reading. */

/** Milliseconds that a reading may keep the event loop to itself; what its reader does with one batch comes on top. */
const TURN_AFTER_MS = 4;

/** Lets the event loop run now and then. Which packets are read when depends on it, what is read doesn't. */
export class LoopTurns {
  #last = performance.now();

  /** Whether the event loop has been kept waiting for long enough that `take` should be awaited. */
  get due(): boolean {
    return performance.now() - this.#last >= TURN_AFTER_MS;
  }

  /** Resolves once everything else that was waiting has run. */
  async take(): Promise<void> {
    await new Promise<void>(schedule);
    this.#last = performance.now();
  }
}

/** Node's comes right after the poll for I/O; browsers have timers only. */
const immediately = Reflect.get(globalThis, 'setImmediate') as ((call: () => void) => unknown) | undefined;

function schedule(resolve: () => void): void {
  if (immediately === undefined) setTimeout(resolve, 0);
  else immediately(resolve);
}
