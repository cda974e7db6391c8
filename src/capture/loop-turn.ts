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

/** Node's setImmediate runs right after the I/O poll. */
const immediately = Reflect.get(globalThis, 'setImmediate') as ((call: () => void) => unknown) | undefined;

/** What the code uses of a `MessagePort`, as browsers have it. */
interface Port {
  onmessage: (() => void) | null;
  postMessage(message: undefined): void;
}

/** What is called when the message of a turn arrives, in order. */
const waiting: (() => void)[] = [];
let port: Port | undefined;

/**
 * Browsers have no setImmediate, and delay a timer that another one sets by 4 ms: reading would rest half of the time. A message
 * to oneself takes its turn after what is pending, and at once.
 */
function postTurn(resolve: () => void): void {
  port ??= openPort();
  waiting.push(resolve);
  port.postMessage(undefined);
}

function openPort(): Port {
  const { port1, port2 } = new MessageChannel() as unknown as { readonly port1: Port; readonly port2: Port };
  port1.onmessage = () => {
    waiting.shift()?.();
  };
  return port2;
}

function schedule(resolve: () => void): void {
  if (immediately === undefined) postTurn(resolve);
  else immediately(resolve);
}
